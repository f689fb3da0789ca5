"""What QEMUs of this host have said of themselves: each asked once, kept under its identity.

A QEMU of which no definition is shipped is asked when it is first needed (``author.learning``), and
its answers are kept in one file, compiled as the packaged definitions are. The file is called after
the QEMU's identity (``qemu.identity``): another QEMU in its place has another file, and a file says
for good what its QEMU is. Such files may be deleted at any time, for each can be made again; so one
that is damaged, of another version of this package, or not of this user and root alone is as none.

They stand in two folders: of the system, which root fills (``import-qemu --system``), and of the
user. What is there decides nothing of a name that a definition has: see ``FileCatalogue``.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from platform_abi._version import __version__
from platform_abi.definitions.compiled import CompiledDefinitions
from platform_abi.definitions.machines import BuildMachines, MachineEntry
from platform_abi.files import read_bytes, reason, untrusted
from platform_abi.model.driver import CpuModel
from platform_abi.model.machine import QemuBuild, TypeTable
from platform_abi.model.value import field_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SUFFIX = ".learned"

#: A QEMU of today says 250 kilobytes. In bytes.
MAX_SIZE = 32 * 1024 * 1024

#: What the answers of a build are called by, before its name and its architecture.
KINDS = ("build", "machines", "types", "property-rows", "cpu-models")


class LearnedDefinitions(CompiledDefinitions):
    """What one QEMU has said of itself, or which defined build it is.

    *identity* is the QEMU's, *build* and *arch* are what it is called by. *defined* is whether that
    is a build of the definitions: then nothing more is kept. *version* and *package* are what it
    says of itself, *data* all that is kept.
    """

    def __init__(self, data: bytes, path: str) -> None:
        """Read *data*, a file's; raises ValueError with what is wrong, in the file or of it."""
        expected, _, rest = data.partition(b"\n")
        if expected != digest(rest):
            raise ValueError("it is damaged")
        line, _, self._body = rest.partition(b"\n")
        head = json.loads(line)
        if head["made-by"] != __version__ or head["classes"] != written_classes():
            raise ValueError(f"it was made by version {head['made-by']} of this program")
        self._path, self._shared = path, None
        self.data = data
        self.identity: str = head["identity"]
        self.build: str = head["build"]
        self.arch: str = head["arch"]
        self.version: str = head["version"]
        self.package: str = head["package"]
        self.defined: bool = head["defined"]
        self._answers, self._place_of_shared = head["answers"], head["shared"]
        self._classes = {cls.__name__: cls for cls in _CLASSES}

    def has(self, key: Sequence[str]) -> bool:
        """Return whether something is kept under *key*."""
        return " ".join(key) in self._answers

    def value(self, key: Sequence[str]) -> Any:
        """Return what is kept under *key*; raises KeyError where nothing is."""
        return self._read(*self._answers[" ".join(key)])

    def _read(self, offset: int, length: int, expected: int) -> Any:
        del expected  # the whole file was checked
        body = self._body[offset : offset + length]
        return json.loads(body, object_hook=self._object)["value"]


#: The classes that values of a build are made of; a file names no other.
_CLASSES = (BuildMachines, MachineEntry, QemuBuild, TypeTable, CpuModel)


def written_classes() -> dict[str, list[str]]:
    """Return these classes with their fields: values of other ones cannot be read."""
    return {cls.__name__: [*field_names(cls)] for cls in _CLASSES}


def digest(data: bytes) -> bytes:
    """Return the line that a file of *data* begins with."""
    from hashlib import sha256

    return f"sha256:{sha256(data).hexdigest()}".encode()


def learned_file(folder: str, identity: str) -> str:
    """Return the file in *folder* that holds what the QEMU of *identity* has said."""
    return f"{folder}/{identity.replace(':', '-')}{_SUFFIX}"


def read_learned(path: str) -> LearnedDefinitions:
    """Return what the file *path* holds.

    Raises FileNotFoundError where it is not there, and ValueError with the reason, such as "it is
    damaged", where nobody should rely on it.
    """
    try:
        if why := untrusted(path):
            raise ValueError(f"it is not to be trusted: {why}")
        data = read_bytes(path, MAX_SIZE)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"it cannot be read: {reason(error)}") from error
    if len(data) > MAX_SIZE:
        raise ValueError("it is damaged")
    try:
        learned = LearnedDefinitions(data, path)
    except (KeyError, TypeError) as error:
        raise ValueError("it is damaged") from error
    if os.path.basename(path) != os.path.basename(learned_file("", learned.identity)):  # noqa: PTH119 - start-up time
        raise ValueError(f"it is of {learned.identity}")
    return learned


def every_learned(folders: Sequence[str]) -> Iterator[LearnedDefinitions]:
    """Yield what is kept in *folders* and can be relied on; the first of one identity only."""
    seen = set()
    for folder in folders:
        for path in learned_files(folder):
            try:
                learned = read_learned(path)
            except (OSError, ValueError):
                continue  # it is asked for again by whoever needs it
            if learned.identity not in seen:
                seen.add(learned.identity)
                yield learned


def learned_files(folder: str) -> list[str]:
    """Return the files that hold what was learned, by name; none of a folder that is not there."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - start-up time
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names if name.endswith(_SUFFIX)]
