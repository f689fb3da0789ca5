"""The files of a build put in place: all of them or none, and never over somebody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from platform_abi.author.observation import Observation
from platform_abi.author.text import file_texts
from platform_abi.definitions.documents import MachineFile
from platform_abi.definitions.structure import load
from platform_abi.emit.lockfile import write_text
from platform_abi.errors import DefinitionError, HostError, UsageError
from platform_abi.model.machine import QemuBuild


def write_build(seen: Observation, folder: str | Path, *, force: bool = False) -> list[Path]:
    """Write the definition files of a build below *folder*, and return their paths.

    Everything is written beside its place first, so that a full disk leaves earlier files as they
    are; equal observations give equal bytes. Files of the same vendor's package are replaced. Of
    another, or damaged ones, only with *force*: else UsageError (``build-exists``). Raises
    HostError (``write-failed``).
    """
    texts = file_texts(seen)
    home = Path(folder, seen.build.name)
    if not force:
        _refuse_other(seen.build, home)
    with _failing(home):
        home.mkdir(parents=True, exist_ok=True)
    with _beside(home) as part:
        for name, text in texts.items():
            write_text(part / name, text)
        with _failing(home):
            for name in texts:
                os.replace(part / name, home / name)  # noqa: PTH105 - Path.replace is the same
    return [home / name for name in texts]


@contextlib.contextmanager
def _beside(home: Path) -> Iterator[Path]:
    """Make a folder that no catalogue looks into, on the file system of *home*, for a while."""
    with _failing(home):
        part = Path(tempfile.mkdtemp(prefix=".import-", dir=home))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _failing(home: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise HostError(f"cannot write {home}: {reason}", code="write-failed") from error


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
            head = load(MachineFile, file.read_bytes(), str(file)).build
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
