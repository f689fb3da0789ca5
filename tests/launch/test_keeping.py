"""The lockfile of a start: written once, whole, and taken back to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.keeping import Kept, keep, read_kept, take_back
from platform_abi.launch.platform_option import PlatformOption, platform_option
from platform_abi.launch.start import Start
from tests.compat.strategies import full_report, without
from tests.launch.hosts import NIC, USUAL, launched


def _begun(
    catalogue: pa.FileCatalogue, platform: str, *lost: str, stored: pa.GuestAbi | None = None
) -> tuple[Start, PlatformOption]:
    """Return the start of a virtual machine on a host that lacks *lost*, and its ``-platform``."""
    words: Sequence[str] = [*USUAL, *NIC, "-platform", platform]
    report = without(full_report(catalogue), *lost)
    option = platform_option(read_command_line(catalogue.options(), words))
    return launched(catalogue, words, report, stored), option


def test_a_lockfile_is_written_once(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """What was not there is written; what holds the same is left, with its time stamps."""
    file = tmp_path / "vm.lock"
    none = read_kept(catalogue, str(file))
    assert Kept(name=str(file)) == none

    begun, option = _begun(catalogue, f"linux-6.1,lock={file}")
    assert keep(catalogue, none, begun, option)
    kept = read_kept(catalogue, str(file))
    assert file.read_text() == kept.text == pa.lockfile(catalogue, begun.abi)
    assert kept.abi is not None
    assert begun.abi.platform == kept.abi.platform

    written = file.stat()
    again, option = _begun(catalogue, f"lock={file}", stored=kept.abi)
    assert again.kept
    assert not keep(catalogue, kept, again, option)
    assert (written.st_ino, written.st_mtime_ns) == (file.stat().st_ino, file.stat().st_mtime_ns)


def test_another_choice_is_written_anew(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """A lockfile that was not taken as it was makes way for what was resolved."""
    file = tmp_path / "vm.lock"
    first, option = _begun(catalogue, f"linux-6.1,lock={file}")
    keep(catalogue, Kept(name=str(file)), first, option)
    kept = read_kept(catalogue, str(file))
    other, option = _begun(catalogue, f"linux-6.9,lock={file}", stored=kept.abi)

    assert keep(catalogue, kept, other, option)
    assert pa.lockfile(catalogue, other.abi) == file.read_text()


@pytest.mark.parametrize(("switch", "by"), [("force=on", "force"), ("allow-unknown=on", None)])
def test_what_was_allowed_is_recorded(
    catalogue: pa.FileCatalogue, tmp_path: Path, switch: str, by: str | None
) -> None:
    """Who went on regardless, and of what, is in the lockfile; the ABI in it is the same."""
    file = tmp_path / "vm.lock"
    begun, option = _begun(catalogue, f"linux-6.9,lock={file},{switch}", "tun.uso")
    keep(catalogue, Kept(name=str(file)), begun, option)
    kept = read_kept(catalogue, str(file))

    assert kept.text is not None
    assert (by is not None) == bool(begun.allowed) == ("capability-missing" in kept.text)
    assert kept.text.count(f'by = "{by}"') == len(begun.allowed)
    assert kept.abi is not None
    assert begun.abi.settings == kept.abi.settings


def test_allowing_once_is_not_forgotten(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """A later start that was let go on is added to what the lockfile says already."""
    file = tmp_path / "vm.lock"
    first, option = _begun(catalogue, f"linux-6.9,lock={file}")
    keep(catalogue, Kept(name=str(file)), first, option)
    kept = read_kept(catalogue, str(file))
    forced, option = _begun(catalogue, f"lock={file},force=on", "tun.uso", stored=kept.abi)

    assert forced.kept
    assert forced.allowed
    assert keep(catalogue, kept, forced, option)
    assert kept.text != file.read_text()
    assert read_kept(catalogue, str(file)).abi == kept.abi


@pytest.mark.parametrize("earlier", [None, "linux-6.1"])
def test_taking_back_leaves_what_was_there(
    catalogue: pa.FileCatalogue, tmp_path: Path, earlier: str | None
) -> None:
    """To the byte, or not at all where there was none."""
    file = tmp_path / "vm.lock"
    if earlier is not None:
        first, option = _begun(catalogue, f"{earlier},lock={file}")
        keep(catalogue, Kept(name=str(file)), first, option)
    before = file.read_bytes() if file.exists() else None
    kept = read_kept(catalogue, str(file))
    other, option = _begun(catalogue, f"linux-6.9,lock={file}", stored=kept.abi)
    assert keep(catalogue, kept, other, option)
    assert before != file.read_bytes()

    take_back(kept)
    assert before == (file.read_bytes() if file.exists() else None)
    assert ([] if before is None else ["vm.lock"]) == [path.name for path in tmp_path.iterdir()]


def test_a_damaged_lockfile_is_nobodys(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """It is there and says nothing that could be taken: an error, and it stays as it is."""
    file = tmp_path / "vm.lock"
    file.write_text("schema = 1\n")
    with pytest.raises(pa.LockError):
        read_kept(catalogue, str(file))
    assert "schema = 1\n" == file.read_text()
