"""What was found out by moving guests between QEMU builds: which devices cannot move."""

from __future__ import annotations

from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Stopped:
    """A *driver* with which a move fails on *machines*, and why; empty: the machine itself."""

    driver: str
    machines: tuple[str, ...]
    reason: str


@frozen(kw_only=True)
class StreamPair:
    """What came of moving machines of all *drivers*, so many, from one build to another.

    *machines* are the machine types on which that was tried.
    """

    source: str
    destination: str
    machines: tuple[str, ...] = ()
    drivers: int = 0
    stopped: tuple[Stopped, ...] = ()


@frozen(kw_only=True)
class StreamTable:
    """What was found out of the builds of one architecture, each pair once."""

    pair: tuple[StreamPair, ...] = ()

    def between(self, source: str, destination: str) -> StreamPair | None:
        """Return what came of moving from one build to another; None where that was never tried."""
        wanted = (source, destination)
        return next((p for p in self.pair if (p.source, p.destination) == wanted), None)
