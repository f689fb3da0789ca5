"""A site as a folder, which is there whole or not at all, and never in the place of another's."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from platform_abi.errors import HostError, PlatformAbiError, UsageError, printable
from platform_abi.files import reason

#: The file that a folder of ours has, with the place of every other file a line.
MARK: Final = ".platform-abi-site"


def write_site(folder: Path, files: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Write *files* as *folder*, in place of an earlier site there; return the size of each.

    They are written beside it under another name first: a reader finds the earlier site or this
    one. Raises UsageError (``folder-foreign``) where something else is there, or something beside a
    site, and HostError (``write-failed``); *folder* is then as it was.
    """
    try:
        # Names of "." and of a link are those of the folder that is meant.
        target = Path(os.path.realpath(folder))
        _check(folder, target)
        part = target.with_name(f".{target.name[:100]}.{os.urandom(6).hex()}")
        part.mkdir()
        try:
            sizes = _fill(part, files)
            _put(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except PlatformAbiError:
        raise  # some are ValueErrors as well
    except (OSError, ValueError) as error:
        shown = printable(str(folder))
        raise HostError(f"cannot write {shown}: {reason(error)}", code="write-failed") from error
    return sizes


def _check(folder: Path, target: Path) -> None:
    """Refuse to replace *target* where it is no folder, or has what no site of ours has."""
    if not os.path.lexists(target):
        return
    shown = printable(str(folder))
    if not target.is_dir():
        raise UsageError(
            f"{shown} is no folder", code="folder-foreign", help="name a new folder, or a site"
        )
    try:
        own = {MARK, *_listed(target)}
        other = next((each for each in sorted(_present(target)) if each not in own), None)
    except OSError as error:
        raise HostError(f"cannot read {shown}: {reason(error)}", code="read-failed") from error
    if other is not None:
        raise UsageError(
            f"{shown} has {printable(other)}, which this program did not write there",
            code="folder-foreign",
            help="name a new or an empty folder, or a site that has nothing beside it",
        )


def _listed(target: Path) -> list[str]:
    """Return the files of the site in *target*; none where there is no site."""
    try:
        return (target / MARK).read_text("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return []


def _present(target: Path) -> Iterator[str]:
    """Yield every file below *target*, links and what else is no folder included."""
    for path, folders, names in os.walk(target, onerror=_raise):
        links = [name for name in folders if (Path(path) / name).is_symlink()]
        for name in (*names, *links):
            yield (Path(path) / name).relative_to(target).as_posix()


def _raise(error: OSError) -> None:
    raise error


def _fill(part: Path, files: Iterable[tuple[str, str]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for place, text in files:
        path = part / place
        content = text.encode("utf-8", "surrogateescape")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sizes[place] = len(content)
    (part / MARK).write_text("".join(f"{place}\n" for place in sorted(sizes)), "utf-8")
    return sizes


def _put(part: Path, target: Path) -> None:
    """Give *part* the name *target*; what was there goes once that is done.

    Who is killed between the two renames leaves the earlier site, whole, under its other name.
    """
    earlier = part.with_name(f"{part.name}.earlier")
    replaced = target.exists()
    if replaced:
        target.rename(earlier)
    try:
        part.rename(target)
    except BaseException:
        if replaced:
            with contextlib.suppress(OSError):
                earlier.rename(target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
