"""``streams/ARCH.toml``: which devices cannot move between which QEMU builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.stream import StreamPair, StreamTable
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    #: Every driver that was moved between any two builds, by families of machine types.
    drivers: Mapping[str, tuple[str, ...]] = field(factory=dict)
    pair: tuple[StreamPair, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        seen: set[tuple[str, str]] = set()
        moved = {"", *(name for names in self.drivers.values() for name in names)}
        for index, pair in enumerate(self.pair):
            key = (pair.source, pair.destination)
            if key in seen:
                yield ("pair", index, "source"), f"{key[0]} to {key[1]} stands twice"
            seen.add(key)
            for at, stopped in enumerate(pair.stopped):
                if not stopped.machines:
                    yield ("pair", index, "stopped", at, "machines"), "expected at least one"
                if stopped.driver not in moved:
                    place = ("pair", index, "stopped", at, "driver")
                    yield place, f"{stopped.driver} is none of the drivers that were moved"
                yield from _not_tried(pair, stopped.machines, index, "stopped", at)
            for at, untried in enumerate(pair.untried):
                yield from _not_tried(pair, untried.machines, index, "untried", at)


def _not_tried(
    pair: StreamPair, machines: tuple[str, ...], index: int, key: str, at: int
) -> Iterator[Fault]:
    for machine in sorted({*machines} - {*pair.machines}):
        message = f"{machine} is none of the machine types that were tried"
        yield ("pair", index, key, at, "machines"), message


def merged(reader: Reader, arch: str) -> StreamTable:
    """Return what is known of the builds of *arch*."""
    document, _ = reader.one(Document, f"moves between builds of {arch}", "streams", arch)
    return StreamTable(pair=document.pair, drivers=document.drivers)
