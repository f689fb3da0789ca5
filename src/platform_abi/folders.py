"""Pages as a folder, which is there whole or not at all, and never in the place of another's."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from platform_abi.errors import HostError, PlatformAbiError, UsageError, printable
from platform_abi.files import reason

#: How the name of the file begins that a folder of ours has, with each other file a line.
_MARK: Final = ".platform-abi-"


def mark_of(kind: str) -> str:
    """Return the name of the file that says of a folder that it is a *kind* of this program's."""
    return f"{_MARK}{kind.replace(' ', '-')}"


def check_folder(folder: Path, kind: str) -> None:
    """Refuse to replace *folder* where it is no folder, or has what no earlier *kind* put there.

    Raises UsageError (``folder-foreign``), and HostError (``read-failed``) where nobody can tell.
    """
    target = Path(os.path.realpath(folder))
    shown = printable(str(folder))
    help_ = f"name a new or an empty folder, or a {kind} that has nothing beside it"
    try:
        if not os.path.lexists(target):
            return
        if not target.is_dir():
            raise UsageError(f"{shown} is no folder", code="folder-foreign", help=help_)
        mark = mark_of(kind)
        own = {mark, *_listed(target / mark)}
        other = next((each for each in sorted(_present(target)) if each not in own), None)
    except OSError as error:
        raise HostError(f"cannot read {shown}: {reason(error)}", code="read-failed") from error
    if other is not None:
        raise UsageError(
            f"{shown} has {printable(other)}, which is not of a {kind}",
            code="folder-foreign",
            help=help_,
        )


def write_folder(folder: Path, kind: str, files: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Write *files* as *folder*, in place of an earlier *kind* there; return the size of each.

    They are written beside it under another name first: a reader finds the earlier folder or this
    one. Raises what ``check_folder`` does, and HostError (``write-failed``); *folder* is then as it
    was.
    """
    try:
        # Names of "." and of a link are those of the folder that is meant.
        target = Path(os.path.realpath(folder))
        check_folder(folder, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:100]}.{os.urandom(6).hex()}")
        part.mkdir()
        try:
            sizes = _fill(part, mark_of(kind), files)
            _put(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except PlatformAbiError:
        raise  # some are ValueErrors as well
    except (OSError, ValueError) as error:
        shown = printable(str(folder))
        raise HostError(f"cannot write {shown}: {reason(error)}", code="write-failed") from error
    return sizes


def _listed(mark: Path) -> list[str]:
    """Return the files that *mark* lists; none where there is none."""
    try:
        return mark.read_text("utf-8", "surrogateescape").splitlines()
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


def _fill(part: Path, mark: str, files: Iterable[tuple[str, str]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for place, text in files:
        path = part / place
        content = text.encode("utf-8", "surrogateescape")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sizes[place] = len(content)
    (part / mark).write_text("".join(f"{place}\n" for place in sorted(sizes)), "utf-8")
    return sizes


def _put(part: Path, target: Path) -> None:
    """Give *part* the name *target*; what was there goes once that is done.

    Who is killed between the two renames leaves the earlier folder, whole, under its other name.
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
