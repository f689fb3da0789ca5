"""Where what is kept of QEMUs stands, and that it is written by nobody else and does not grow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_abi.definitions.state import (
    drop_oldest,
    keep_text,
    state_folders,
    user_folder,
)


def test_the_systems_folder_comes_first() -> None:
    """Then the user's, by XDG_STATE_HOME or HOME; a relative one is none."""
    assert state_folders({"HOME": "/home/u"}) == (
        "/var/lib/platform-abi/qemu", "/home/u/.local/state/platform-abi/qemu",
    )  # fmt: skip
    assert state_folders({"XDG_STATE_HOME": "/s", "PLATFORM_ABI_STATE": "/srv"}) == (
        "/srv/qemu", "/s/platform-abi/qemu",
    )  # fmt: skip
    assert user_folder({"HOME": "/"}) == "/.local/state/platform-abi/qemu"
    assert user_folder({"HOME": "u", "XDG_STATE_HOME": "s"}) is None
    assert state_folders({"PLATFORM_ABI_STATE": "srv"}) == ("/var/lib/platform-abi/qemu",)


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    """For this user alone, or for all to read, whatever the umask; the file is for all to read."""
    before = os.umask(0o077)
    try:
        keep_text(str(tmp_path / "own/state/one"), "1")
        keep_text(str(tmp_path / "all/state/one"), "1", shared=True)
    finally:
        os.umask(before)
    modes = {
        path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777
        for path in tmp_path.rglob("*")
    }
    assert modes == {
        "own": 0o700, "own/state": 0o700, "own/state/one": 0o644,
        "all": 0o755, "all/state": 0o755, "all/state/one": 0o644,
    }  # fmt: skip


def test_nothing_is_kept_where_others_may_write(tmp_path: Path) -> None:
    """Who may write to the folder may exchange what is in it."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="may write to"):
        keep_text(str(folder / "one"), "1")
    assert list(folder.iterdir()) == []


def test_what_others_could_have_written_is_another_file_then(tmp_path: Path) -> None:
    """Its mode and its owner go with it."""
    file = tmp_path / "one"
    file.write_text("theirs")
    file.chmod(0o666)
    (tmp_path / "another name").hardlink_to(file)
    keep_text(str(file), "ours")
    assert (file.read_text(), (tmp_path / "another name").read_text()) == ("ours", "theirs")
    assert file.stat().st_mode & 0o777 == 0o644


def test_the_oldest_go(tmp_path: Path) -> None:
    """By when they were written; where there are no more than may stay, nothing does."""
    files = [str(tmp_path / f"{n}") for n in range(5)]
    for age, file in zip((3, 0, 4, 1, 2), files, strict=True):
        Path(file).touch()
        os.utime(file, (age, age))
    drop_oldest(files, 5)
    assert len(list(tmp_path.iterdir())) == 5
    drop_oldest(files, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "2"]
