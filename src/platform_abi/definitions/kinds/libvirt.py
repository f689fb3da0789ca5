"""``libvirt/*.toml``: where libvirt's domain XML says what a platform sets."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.libvirt import LibvirtTable, numbers, steps
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document(LibvirtTable):
    """What such a file contains: a part of the table."""

    schema: int

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        if self.oldest:
            yield from _version(("oldest",), self.oldest)
        for index, place in enumerate(self.native):
            at = ("native", index)
            try:
                steps(place.path)
            except ValueError as error:
                yield (*at, "path"), str(error)
            for name in place.properties:
                if "." not in name:
                    yield (*at, "properties"), f"expected driver.property, found '{name}'"
            if place.values and place.never:
                yield (*at, "never"), "what is in no values is never written"
            if place.since:
                yield from _version((*at, "since"), place.since)


def _version(at: tuple[str | int, ...], text: str) -> Iterator[Fault]:
    try:
        numbers(text)
    except ValueError:
        yield at, f"expected a version such as 11.3, found '{text}'"


def merged(reader: Reader) -> LibvirtTable:
    """Return what all files together have."""
    return reader.joined(LibvirtTable, Document, "libvirt")
