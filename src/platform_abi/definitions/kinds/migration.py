"""``machines/BUILD/ARCH-migration.toml``: the devices that one QEMU build does not migrate."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    unmigratable: tuple[str, ...]

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        seen: set[str] = set()
        for index, name in enumerate(self.unmigratable):
            if name in seen:
                yield ("unmigratable", index), f"'{name}' stands twice"
            seen.add(name)


def merged(reader: Reader, build: str, arch: str) -> frozenset[str]:
    """Return the QOM types with which *build* refuses to migrate."""
    document, _ = reader.one(Document, f"unmigratable devices of {build}", "migration", build, arch)
    return frozenset(document.unmigratable)
