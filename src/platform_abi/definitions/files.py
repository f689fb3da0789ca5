"""The definition files there are: found by folder and by name in every root."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from platform_abi.definitions.kinds import PLACES, kind_of
from platform_abi.errors import DefinitionError, HostError
from platform_abi.files import open_file, reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from platform_abi.definitions.checks import Path
    from platform_abi.definitions.positions import Place

#: A file's root folder and its name below that.
File = tuple[str, str]

#: No definition file comes near this; a larger one is a mistake or an attack. In bytes.
MAX_SIZE = 8 * 1024 * 1024


class _Files:
    """The files of one kind: all of them, and by what they are asked for by."""

    def __init__(self) -> None:
        self.every: list[File] = []
        self.by_key: dict[tuple[str, ...], list[File]] = {}


class DefinitionFiles:
    """The TOML files below one or more roots; each folder is listed when it is first asked for."""

    def __init__(self, roots: Sequence[str]) -> None:
        """*roots* are folders of the layout of the packaged definitions, first to last."""
        self.roots = tuple(roots)
        self._kinds: dict[str, _Files] = {}
        self._places: dict[File, Mapping[Path, Place]] = {}

    def of(self, kind: str, *key: str) -> list[File]:
        """Return the files of *kind* that *key* asks for, or all without a key, root by root."""
        known = self._known(kind)
        return known.by_key.get(key, []) if key else known.every

    def keys(self, kind: str) -> Iterable[tuple[str, ...]]:
        """Return what files of *kind* can be asked for by."""
        return self._known(kind).by_key.keys()

    def _known(self, kind: str) -> _Files:
        if kind not in self._kinds:
            folder, depths, _ = PLACES[kind]
            # Kinds that share a folder, at one depth, are told apart by what listing it shows.
            beside = [k for k, (home, at, _) in PLACES.items() if home == folder and at == depths]
            listed = {each: _Files() for each in beside}
            for depth in depths:
                self._list(folder, depth, listed)
            # At once: another thread finds all files of a kind, or lists them itself.
            self._kinds |= listed
        return self._kinds[kind]

    def _list(self, folder: str, depth: int, listed: Mapping[str, _Files]) -> None:
        """Note every file *depth* levels below *folder* in all roots under its kind in *listed*."""
        for root in self.roots:
            for relative in self._relative(root, folder, depth):
                if meant := kind_of(relative):
                    kind, key = meant
                    listed[kind].every.append((root, relative))
                    listed[kind].by_key.setdefault(key, []).append((root, relative))

    def _relative(self, root: str, folder: str, depth: int) -> Iterable[str]:
        return _toml_files(root, folder, depth)

    def read(self, file: File) -> bytes:
        """Return the content of *file*, which is a regular one.

        Raises HostError where it is none or cannot be read, DefinitionError where it is too large.
        """
        path = "/".join(file)
        try:
            with open(open_file(path), "rb") as stream:  # noqa: PTH123 - start-up time
                size = os.fstat(stream.fileno()).st_size
                # One more, because it may have grown since.
                content = b"" if size > MAX_SIZE else stream.read(MAX_SIZE + 1)
        except OSError as error:
            raise HostError(
                f"cannot read {path}: {reason(error)}", code="definition-unreadable"
            ) from error
        if max(size, len(content)) > MAX_SIZE:
            raise DefinitionError(
                [f"{path}: {size} bytes; a definition file has at most {MAX_SIZE}"],
                code="definition-too-large",
            )
        return content

    def locate(self, relative: str) -> str | None:
        """Return the path of the definition file that a source calls *relative*."""
        root = next((root for root in self.roots if self._has(root, relative)), None)
        return None if root is None else f"{root}/{relative}"

    def _has(self, root: str, relative: str) -> bool:
        return os.path.isfile(f"{root}/{relative}")  # noqa: PTH113 - start-up time

    def position(self, source: str, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of the key *path* in the definition file called *source*."""
        root = next((root for root in self.roots if self._has(root, source)), None)
        return (1, 1) if root is None else self.place((root, source), path)

    def place(self, file: File, path: Path) -> Place:
        """Return line and column of the key *path* in *file*, or of its table."""
        from platform_abi.definitions.positions import nearest, positions

        if file not in self._places:
            self._places[file] = positions(self.read(file).decode())
        return nearest(self._places[file], path)


def _toml_files(root: str, folder: str, depth: int) -> list[str]:
    """Return the TOML files *depth* levels below root/folder, relative to *root*, sorted."""
    try:
        with os.scandir(f"{root}/{folder}") as listed:
            entries = sorted(
                (entry.name, depth > 1 and _is_folder(entry))
                for entry in listed
                if not entry.name.startswith(".")
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise HostError(
            f"cannot list {root}/{folder}: {error.strerror}", code="definition-unreadable"
        ) from error
    found: list[str] = []
    for name, is_folder in entries:
        if is_folder:
            found += _toml_files(root, f"{folder}/{name}", depth - 1)
        elif depth == 1 and name.endswith(".toml"):
            found.append(f"{folder}/{name}")
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether *entry* is a folder; a link that leads nowhere, or to itself, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def natural(name: str) -> tuple[object, ...]:
    """Return what sorts ``linux-6.9`` before ``linux-6.10``."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(
        (1, int(part), "") if part[0] in "0123456789" else (0, 0, part) for part in parts if part
    )
