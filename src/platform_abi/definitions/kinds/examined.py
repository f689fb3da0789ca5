"""``features/examined.toml``: places in QEMU that were found to need no feature."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Examined:
    """A place in QEMU that was looked at and found to need no feature, with the reason."""

    id: str
    reason: str


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    examined: tuple[Examined, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types: nothing can be."""
        return iter(())


def merged(reader: Reader) -> tuple[Examined, ...]:
    """Return the places that all files say need no feature."""
    return tuple(entry for each, _ in reader.every(Document, "examined") for entry in each.examined)
