"""The definition files there are: found by folder and by name in every root."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from platform_abi.errors import HostError

#: A file's root folder and its name below that.
File = tuple[str, str]


class DefinitionFiles:
    """The TOML files below one or more roots; each folder is listed when it is first asked for."""

    def __init__(self, roots: Sequence[str]) -> None:
        """*roots* are folders of the layout of the packaged definitions, first to last."""
        self.roots = tuple(roots)
        self._lists: dict[tuple[str, int], list[File]] = {}
        self._stems: dict[str, dict[str, list[File]]] = {}

    def listed(self, folder: str, depth: int = 1) -> list[File]:
        """Return every TOML file *depth* levels below *folder* in all roots, in their order."""
        key = (folder, depth)
        if key not in self._lists:
            self._lists[key] = [
                (root, relative)
                for root in self.roots
                for relative in _toml_files(root, folder, depth)
            ]
        return self._lists[key]

    def by_stem(self, folder: str) -> dict[str, list[File]]:
        """Return the files of *folder* by what they are called.

        Platforms are foldered by lineage, or not, as the few of a site need not be.
        """
        if folder not in self._stems:
            files = [*self.listed(folder)]
            if folder == "platforms":
                files += self.listed(folder, depth=2)
            index: dict[str, list[File]] = {}
            for file in files:
                index.setdefault(stem_of(file[1]), []).append(file)
            self._stems[folder] = index
        return self._stems[folder]

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


def stem_of(relative: str) -> str:
    """Return what a file is called: its name without folders and ending."""
    return relative[relative.rfind("/") + 1 : -len(".toml")]


def natural(name: str) -> tuple[object, ...]:
    """Return what sorts ``linux-6.9`` before ``linux-6.10``."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(
        (1, int(part), "") if part[0] in "0123456789" else (0, 0, part) for part in parts if part
    )
