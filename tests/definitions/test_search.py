"""Where definitions are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.definitions.search import packaged, search_path
from platform_abi.errors import HostError
from tests.definitions.site import DEFINITIONS

SYSTEM = ("/usr/share/platform-abi", "/usr/local/share/platform-abi", "/etc/platform-abi")


@pytest.fixture(autouse=True)
def _every_folder_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform_abi.definitions.search.os.path.isdir", lambda _: True)
    monkeypatch.setattr("platform_abi.definitions.search._is_folder", lambda *_, **__: True)
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


def test_a_folder_that_is_named_must_be_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever names a folder counts on it; what is missing or no folder is said, by its name."""
    monkeypatch.undo()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_text("")
    assert search_path({"PLATFORM_ABI_PATH": f"{tmp_path}/a"}) == (packaged(), f"{tmp_path}/a")
    for name, why in (("b", "no folder"), ("c", "No such file"), ("b/x", "Not a directory")):
        with pytest.raises(HostError, match=f"definitions of {tmp_path}/{name} .*{why}") as caught:
            search_path({"PLATFORM_ABI_PATH": f"{tmp_path}/a:{tmp_path}/{name}"})
        assert caught.value.code == "definitions-missing"
        assert "PLATFORM_ABI_PATH" in caught.value.help


def test_what_nobody_named_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Most hosts have no definitions of a site, most users none of their own."""
    monkeypatch.undo()
    monkeypatch.setattr("platform_abi.definitions.search._SYSTEM", (f"{tmp_path}/etc",))
    assert search_path({"HOME": str(tmp_path)}) == (packaged(),)
    (tmp_path / "etc").mkdir()
    assert search_path({"HOME": str(tmp_path)}) == (packaged(), f"{tmp_path}/etc")


def test_a_system_folder_that_cannot_be_looked_at_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A mask in it would hold for root and for nobody else."""
    monkeypatch.undo()
    looped = tmp_path / "loop"
    looped.symlink_to(looped)
    monkeypatch.setattr("platform_abi.definitions.search._SYSTEM", (str(looped),))
    with pytest.raises(HostError, match="Too many levels of symbolic links"):
        search_path({})


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
