"""``streams/ARCH.toml``: which devices cannot move between which QEMU builds."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.stream import StreamPair, StreamTable
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    pair: tuple[StreamPair, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        seen: set[tuple[str, str]] = set()
        for index, pair in enumerate(self.pair):
            key = (pair.source, pair.destination)
            if key in seen:
                yield ("pair", index, "source"), f"{key[0]} to {key[1]} stands twice"
            seen.add(key)
            for at, stopped in enumerate(pair.stopped):
                if not stopped.machines:
                    yield ("pair", index, "stopped", at, "machines"), "expected at least one"
                for machine in sorted({*stopped.machines} - {*pair.machines}):
                    message = f"{machine} is none of the machine types that were tried"
                    yield ("pair", index, "stopped", at, "machines"), message


def merged(reader: Reader, arch: str) -> StreamTable:
    """Return what is known of the builds of *arch*."""
    document, _ = reader.one(Document, f"moves between builds of {arch}", "streams", arch)
    return StreamTable(pair=document.pair)
