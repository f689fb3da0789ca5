"""``harmless/*.toml``: what a QEMU may be told without anything outside of it being touched."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.harmless import HarmlessTable
from platform_abi.model.value import frozen

#: An option, and what stands in the place of its value.
_STAND_IN = 2

_PLACE = "{id}"


@frozen(kw_only=True)
class Document(HarmlessTable):
    """What such a file contains: a part of the table."""

    schema: int

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for name, words in self.references.items():
            if len(words) != _STAND_IN or _PLACE not in words[1]:
                message = f"expected an option, and its value with {_PLACE} in it"
                yield ("references", name), message
        for name in self.instead:
            if name in self.options:
                yield ("instead", name), f"'{name}' stays, or stands before nothing, not both"


def merged(reader: Reader) -> HarmlessTable:
    """Return what all files together have."""
    return reader.joined(HarmlessTable, Document, "harmless")
