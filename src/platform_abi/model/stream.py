"""What was found out by moving guests between QEMU builds: which devices cannot move."""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Stopped:
    """A *driver* with which a move fails on *machines*, and why; empty: the machine itself.

    *accelerator* is the only one that it fails with, where what fails is of it; empty for any.
    """

    driver: str
    machines: tuple[str, ...]
    reason: str
    accelerator: str = ""


@frozen(kw_only=True)
class Untried:
    """Drivers of the table that had no part in the moves of some machine types."""

    machines: tuple[str, ...]
    drivers: tuple[str, ...]


@frozen(kw_only=True)
class StoppedBackends:
    """With *devices* or more that have this kind of *backend* a move fails on any machine type."""

    backend: str
    devices: int
    reason: str


@frozen(kw_only=True)
class StreamPair:
    """What came of moving machines from one build to another.

    *machines* are the machine types on which that was tried, each with all drivers of the table but
    the *untried*. *backends* are kinds of them that have a part of a stream themselves.
    """

    source: str
    destination: str
    machines: tuple[str, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    backends: tuple[StoppedBackends, ...] = ()
    untried: tuple[Untried, ...] = ()


@frozen(kw_only=True)
class StreamTable:
    """What was found out of the builds of one architecture, each pair once.

    *drivers* are those that were moved between any two of them, by families of machine types:
    ``pc-q35`` for ``pc-q35-10.0``.
    """

    pair: tuple[StreamPair, ...] = ()
    drivers: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def between(self, source: str, destination: str) -> StreamPair | None:
        """Return what came of moving from one build to another; None where that was never tried."""
        wanted = (source, destination)
        return next((p for p in self.pair if (p.source, p.destination) == wanted), None)

    def tried(self, pair: StreamPair, machine: str) -> frozenset[str]:
        """Return the drivers with which a *machine* was moved as *pair* says; none for no such."""
        if machine not in pair.machines:
            return frozenset()
        without = {name for u in pair.untried if machine in u.machines for name in u.drivers}
        return frozenset(self.drivers.get(self.family(machine), ())) - without

    def family(self, machine: str) -> str:
        """Return which of the families that were tried a *machine* is of; empty for none."""
        return next((f for f in self.drivers if machine == f or machine.startswith(f"{f}-")), "")
