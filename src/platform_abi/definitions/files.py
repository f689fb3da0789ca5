"""The definition files there are: found by folder and by name in every root."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from platform_abi.definitions.kinds import PLACES, kind_of
from platform_abi.errors import HostError

#: A file's root folder and its name below that.
File = tuple[str, str]


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
            self._kinds |= {each: _Files() for each in beside}
            for depth in depths:
                self._list(folder, depth)
        return self._kinds[kind]

    def _list(self, folder: str, depth: int) -> None:
        """Note every file *depth* levels below *folder* in all roots under its kind."""
        for root in self.roots:
            for relative in _toml_files(root, folder, depth):
                if meant := kind_of(relative):
                    kind, key = meant
                    self._kinds[kind].every.append((root, relative))
                    self._kinds[kind].by_key.setdefault(key, []).append((root, relative))

    def read(self, file: File) -> bytes:
        """Return the content of *file*; raises HostError where it cannot be read."""
        path = "/".join(file)
        try:
            with open(path, "rb") as stream:  # noqa: PTH123 - files are strings here: start-up time
                return stream.read()
        except OSError as error:
            raise HostError(
                f"cannot read {path}: {error.strerror}", code="definition-unreadable"
            ) from error

    def locate(self, relative: str) -> str | None:
        """Return the path of the definition file that a source calls *relative*."""
        paths = (f"{root}/{relative}" for root in self.roots)
        return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 - start-up time

    def position(self, source: str, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of the key *path* in the definition file called *source*."""
        from platform_abi.definitions.positions import nearest, positions

        file = self.locate(source)
        if file is None:
            return (1, 1)
        with open(file, encoding="utf-8") as stream:  # noqa: PTH123 - start-up time
            return nearest(positions(stream.read()), path)


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
