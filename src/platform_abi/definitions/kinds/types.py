"""``machines/BUILD/ARCH-types.toml``: the QOM types that one QEMU build knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.machine import TypeTable
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class TypeEntry:
    """One ``[type.NAME]``: its parent, and the properties that its parent does not have."""

    parent: str = ""
    abstract: bool = False
    properties: tuple[str, ...] = ()


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    type: Mapping[str, TypeEntry] = field(factory=dict)
    aliases: Mapping[str, str] = field(factory=dict)

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for name, entry in self.type.items():
            if entry.parent == name:
                yield ("type", name, "parent"), f"'{name}' is its own parent"


def merged(reader: Reader, build: str, arch: str) -> TypeTable:
    """Return the QOM types of *build*."""
    document, _ = reader.one(Document, f"types of {build}", "types", build, arch)
    entries = document.type
    return TypeTable(
        parents={name: entry.parent for name, entry in entries.items()},
        own_properties={n: entry.properties for n, entry in entries.items() if entry.properties},
        abstract=frozenset(name for name, entry in entries.items() if entry.abstract),
        aliases=document.aliases,
    )
