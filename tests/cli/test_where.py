"""The verb ``where``: which folders count, in which order, and who defines a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_abi.definitions.search import search_path
from tests.cli.commands import Run, run_command
from tests.conftest import DEFINITIONS
from tests.documents import validated

MASK = """\
schema = 1
[[mask]]
feature = "virtio-net.host-uso"
platforms = ["linux-*"]
date = 2026-01-01
reason = "a driver fails"
source = "site"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of definitions that this site names, with a mask and a misspelt folder."""
    folder = tmp_path / "site"
    (folder / "masks").mkdir(parents=True)
    (folder / "masks" / "site.toml").write_text(MASK)
    (folder / "platform").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(folder))
    return folder


def test_folders_stand_in_the_order_in_which_they_count(site: Path, capsys: Run) -> None:
    """Those that are there are the search path; the others show where one could be."""
    code, out, _ = run_command(capsys, "where", "--json")
    assert code == 0
    folders = validated("where", out)["folders"]
    assert tuple(each["path"] for each in folders if each["present"]) == search_path()
    assert (folders[0]["path"], folders[0]["whose"]) == (str(DEFINITIONS), "package")
    assert folders[0]["files"] > 100
    last = {
        "path": str(site),
        "whose": "named",
        "present": True,
        "files": 1,
        "unread": ["platform"],
    }
    assert folders[-1] == last
    user = next(each for each in folders if each["whose"] == "user")
    assert user["path"] == f"{site.parent}/.config/platform-abi"
    assert not user["present"]


def test_a_misspelt_folder_is_told_the_nearest(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: Run
) -> None:
    """Of those within one, and one that is named and not there."""
    code, out, err = run_command(capsys, "where")
    assert code == 0
    assert str(site) in out
    assert f"{site}/platform: nothing reads it; did you mean 'platforms'?" in err
    monkeypatch.setenv("PLATFORM_ABI_PATH", f"{site}x")
    code, _, err = run_command(capsys, "where")
    assert code == 4
    assert "definitions-missing" in err


def test_the_files_that_define_a_name_are_told(site: Path, capsys: Run) -> None:
    """Of a platform, and of a feature by its family; another name is told the nearest."""
    code, out, _ = run_command(capsys, "where", "linux-6.9")
    assert (code, out) == (0, f"{DEFINITIONS}/platforms/linux/linux-6.9.toml\n")
    code, out, _ = run_command(capsys, "where", "virtio-net.host-uso")
    assert (code, out) == (0, f"{DEFINITIONS}/features/virtio-net.toml\n")
    code, out, _ = run_command(capsys, "where", "site")
    assert (code, out) == (0, f"{site}/masks/site.toml\n")
    code, _, err = run_command(capsys, "where", "linux-6.99")
    assert code == 2
    assert "did you mean 'linux-6.9'" in err
