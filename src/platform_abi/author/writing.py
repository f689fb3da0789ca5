"""The files of a build put in place: never over somebody else's, nor over what knows more."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from platform_abi.author.inheritance import whole_properties
from platform_abi.author.observation import BuildDefinition
from platform_abi.author.text import file_texts, own_names
from platform_abi.definitions.files import MAX_SIZE
from platform_abi.definitions.kinds.machines import Document as MachineFile
from platform_abi.definitions.kinds.types import Document as TypesFile
from platform_abi.definitions.structure import load
from platform_abi.errors import DefinitionError, HostError, UsageError, printable
from platform_abi.files import read_bytes, write_text
from platform_abi.model.machine import QemuBuild

#: How a folder begins that an import is made in; no catalogue looks into one.
_PART = ".import-"


def write_build(seen: BuildDefinition, folder: str | Path, *, force: bool = False) -> list[Path]:
    """Write the definition files of a build below *folder*, and return their paths.

    Everything is written beside its place first, then each file is renamed: a full disk, or a
    place where no file can be put, leaves all earlier files as they are, and so does an error or
    Ctrl-C between two renames, after which the earlier files are put back. Only a process that is
    killed, or a machine that stops, right there leaves some files new and some old, each of them
    whole; importing again completes them. Equal observations give equal bytes.

    Files of the same vendor's package are replaced. Of another, or damaged ones, only with *force*:
    else UsageError (``build-exists``). So are files that know types of which this binary says
    nothing: else UsageError (``types-lost``). Raises HostError (``write-failed``).
    """
    texts = file_texts(seen)
    home = Path(folder, seen.build.name)
    if not force:
        _refuse_other(seen.build, home)
        _refuse_loss(seen, home)
    with _failing(home):
        home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        _check_places(home / name for name in texts)
        with _beside(home) as part:
            for name, text in texts.items():
                with _failing(home):
                    write_text(part / name, text)
            _put(part, home, list(texts))
    return [home / name for name in texts]


def lost_types(seen: BuildDefinition, folder: str | Path) -> tuple[str, ...]:
    """Return the types that the files below *folder* know better than *seen*, sorted.

    They are those of the same package, of which a binary says less where modules are not installed:
    types that are gone, and those that lack a property. Files that cannot be read know nothing.
    """
    arch = seen.build.arch
    home = Path(folder, seen.build.name)
    file = home / f"{arch}-types.toml"
    try:
        build = load(MachineFile, _read(home / f"{arch}.toml"), str(home)).build
        earlier = load(TypesFile, _read(file), str(file)).type
    except (DefinitionError, OSError, ValueError):  # ValueError: a name that no file can have
        return ()
    if (build.vendor, build.package) != (seen.build.vendor, seen.build.package):
        return ()
    whole = whole_properties(seen.types)
    now = {each.name: own_names(each, whole) for each in seen.types}
    return tuple(
        sorted(
            name
            for name, known in earlier.items()
            if name not in now or set(known.properties) - set(now[name])
        )
    )


def _read(file: Path) -> bytes:
    return read_bytes(file, MAX_SIZE)


def _refuse_loss(seen: BuildDefinition, home: Path) -> None:
    lost = lost_types(seen, home.parent)
    if lost:
        raise UsageError(
            f"{home} knows types of this package of which this binary says less or nothing: "
            f"{', '.join(map(printable, lost))}",
            code="types-lost",
            help="install the modules of QEMU that have them, or give them up with --force",
        )


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let nobody else import into *home* for a while, and clear away what killed imports left."""
    with _failing(home):
        lock = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Not every file system has locks; without one, others' folders are left alone.
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in home.glob(f"{_PART}*"):
                shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def _check_places(paths: Iterable[Path]) -> None:
    """Raise HostError where something is in place that no file can replace."""
    for path in paths:
        with _failing(path):
            there = path.exists()
        if there and not path.is_file():
            raise HostError(
                f"cannot write {path}: it is there and no regular file",
                code="write-failed",
                help="move it away, or write below another folder",
            )


@contextlib.contextmanager
def _beside(home: Path) -> Iterator[Path]:
    """Make a folder that no catalogue looks into, on the file system of *home*, for a while."""
    with _failing(home):
        part = Path(tempfile.mkdtemp(prefix=_PART, dir=home))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, home: Path, names: list[str]) -> None:
    """Rename files of *part* to their places in *home*; put the earlier ones back if one fails."""
    earlier = part / "earlier"
    with _failing(home):
        earlier.mkdir()
        for name in names:
            if (home / name).exists():
                shutil.copy2(home / name, earlier / name, follow_symlinks=False)
    begun = []
    try:
        with _failing(home):
            for name in names:
                begun.append(name)
                os.replace(part / name, home / name)  # noqa: PTH105 - Path.replace is the same
    except BaseException:
        for name in begun:
            _put_back(earlier / name, home / name)
        raise


def _put_back(earlier: Path, path: Path) -> None:
    """Undo the replacement of *path*, as far as that is possible: an error is under way already."""
    with contextlib.suppress(OSError):
        if os.path.lexists(earlier):
            os.replace(earlier, path)  # noqa: PTH105 - Path.replace is the same
        elif path.is_file():
            path.unlink()


@contextlib.contextmanager
def _failing(place: Path) -> Iterator[None]:
    try:
        yield
    except UsageError:  # is a ValueError, and says enough
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        cause = error.__cause__ if isinstance(error, HostError) else error
        reason = getattr(cause, "strerror", None) or cause or error
        raise HostError(
            f"cannot write {place}: {reason}",
            code="write-failed",
            help="name a folder that this user may write to, on a disk with room for it",
        ) from error


def _refuse_other(build: QemuBuild, home: Path) -> None:
    """Raise UsageError where *home* holds another build, or nobody can tell which one.

    One source package gives the emulators of all architectures, so the vendor of each counts, and
    the package of the same architecture.
    """
    with _failing(home):
        files = sorted(home.glob("*.toml"))
    for file in files:
        arch = file.stem
        if arch.endswith(("-types", "-properties")):
            continue
        try:
            head = load(MachineFile, _read(file), str(file)).build
        except (DefinitionError, OSError) as error:
            if arch != build.arch:
                continue
            raise _exists(f"{file} cannot be read: {error}") from error
        if head.vendor != build.vendor:
            raise _exists(f"{file} is of {head.vendor or 'no vendor'}, not of {build.vendor}")
        if arch == build.arch and head.package != build.package:
            raise _exists(f"{file} is of package {head.package}, not {build.package}")


def _exists(reason: str) -> UsageError:
    return UsageError(
        reason,
        code="build-exists",
        help="give this build another name with --name, or replace that one with --force",
    )
