"""Where definitions are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.definitions.search import packaged, search_path
from tests.definitions.site import DEFINITIONS

SYSTEM = ("/usr/share/platform-abi", "/usr/local/share/platform-abi", "/etc/platform-abi")


@pytest.fixture(autouse=True)
def _every_folder_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform_abi.definitions.search.os.path.isdir", lambda _: True)
    monkeypatch.setattr("platform_abi.definitions.search.packaged", lambda: "/packaged")


@given(
    st.dictionaries(st.sampled_from(["LANG", "PATH", "PWD", "USER", "PYTHONHASHSEED"]), st.text())
)
def test_no_other_variable_changes_where_definitions_come_from(others: dict[str, str]) -> None:
    """Only three variables are read."""
    assert search_path(others) == ("/packaged", *SYSTEM)


@given(st.lists(st.sampled_from(["/a", "/b", "/c", "", "/packaged", "/etc/platform-abi"])))
def test_later_places_come_later_and_none_comes_twice(entries: list[str]) -> None:
    """Entries of PLATFORM_ABI_PATH follow everything else, in their order."""
    found = search_path({"PLATFORM_ABI_PATH": ":".join(entries), "HOME": "/h"})
    fixed = ("/packaged", *SYSTEM, "/h/.config/platform-abi")
    assert found[: len(fixed)] == fixed
    assert found == tuple(dict.fromkeys([*fixed, *filter(None, entries)]))


def test_a_users_folder() -> None:
    """XDG_CONFIG_HOME, or .config in HOME where it is not set or relative."""
    assert search_path({"XDG_CONFIG_HOME": "/x", "HOME": "/h"})[-1] == "/x/platform-abi"
    assert search_path({"XDG_CONFIG_HOME": "x", "HOME": "/h"})[-1] == "/h/.config/platform-abi"
    assert search_path({"XDG_CONFIG_HOME": "", "HOME": "/h"})[-1] == "/h/.config/platform-abi"
    assert search_path({"HOME": "h"}) == ("/packaged", *SYSTEM)


def test_a_relative_entry_is_below_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It means one folder, whatever the working directory is later."""
    monkeypatch.chdir(tmp_path)
    assert search_path({"PLATFORM_ABI_PATH": "site"})[-1] == str(tmp_path / "site")


def test_folders_that_are_not_there_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file is no folder either."""
    monkeypatch.undo()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_text("")
    found = search_path({"PLATFORM_ABI_PATH": f"{tmp_path}/a:{tmp_path}/b:{tmp_path}/c"})
    assert found[0] == packaged()
    assert found[-1] == f"{tmp_path}/a"
    assert not {f"{tmp_path}/b", f"{tmp_path}/c"} & set(found)


def test_the_environment_is_that_of_the_process_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody has to pass it."""
    monkeypatch.setenv("PLATFORM_ABI_PATH", "/somewhere")
    assert search_path()[-1] == "/somewhere"


def test_the_packaged_definitions_are_those_of_the_checkout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a checkout they stand at its top; an installed wheel has them inside the package."""
    monkeypatch.undo()
    assert Path(packaged()) == DEFINITIONS
    monkeypatch.setattr("platform_abi.definitions.search.os.path.isdir", lambda _: True)
    assert packaged().endswith("platform_abi/definitions_data")
