"""Builds of QEMU, and between which of them a guest can move, as far as that was tried."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.compat.streams import tried_like
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.machine import QemuBuild
from platform_abi.model.stream import Stopped, StoppedBackends
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class BuildPage:
    """A build of QEMU for one architecture.

    *unmigratable* are the devices with which it refuses to migrate; None: that was never recorded.
    *types* is how many QOM types of it are recorded; 0: none were.
    """

    build: QemuBuild
    unmigratable: tuple[str, ...] | None
    types: int


@frozen(kw_only=True)
class Tried:
    """What came of moving machines between two builds that were tried.

    *machines* are those on which that was, *alone* those of them that do not move by themselves,
    *drivers* the devices that each had beside others, by family.
    """

    source: str
    destination: str
    machines: tuple[str, ...]
    alone: tuple[str, ...]
    stopped: tuple[Stopped, ...]
    backends: tuple[StoppedBackends, ...]
    drivers: int


@frozen(kw_only=True)
class PairPage:
    """What is known of guests that move from one build to another.

    *common* are the machine types that both have: no other guest can move. *tried* is what came of
    trying it, of these builds or of others of their releases, which count in their place; empty:
    nobody did, and nothing is known.
    """

    arch: str
    source: str
    destination: str
    common: tuple[str, ...]
    tried: tuple[Tried, ...] = ()

    @property
    def own(self) -> bool:
        """Return whether these two builds themselves were tried."""
        return [(each.source, each.destination) for each in self.tried] == [
            (self.source, self.destination)
        ]

    @property
    def moving(self) -> tuple[str, ...]:
        """Return the machine types of both that moved without a device beside their own."""
        other = {*self.stopping, *self.untried}
        return tuple(name for name in self.common if name not in other)

    @property
    def stopping(self) -> tuple[str, ...]:
        """Return the machine types of both that did not move by themselves, with some build."""
        alone = {name for each in self.tried for name in each.alone}
        return tuple(name for name in self.common if name in alone)

    @property
    def untried(self) -> tuple[str, ...]:
        """Return the machine types of both that nobody moved."""
        tried = {name for each in self.tried for name in (*each.machines, *each.alone)}
        return tuple(name for name in self.common if name not in tried)

    @property
    def devices(self) -> int:
        """Return how many devices were found to stop a move on some machine type."""
        return len({stop.driver for each in self.tried for stop in each.stopped if stop.driver})


def build_pages(catalogue: Catalogue, arch: str) -> Iterator[BuildPage]:
    """Yield every build for *arch*, newest first."""
    for name in catalogue.builds(arch):
        unmigratable = catalogue.unmigratable(name, arch)
        yield BuildPage(
            build=catalogue.build(name, arch),
            unmigratable=None if unmigratable is None else tuple(sorted(unmigratable)),
            types=len(catalogue.types(name, arch).parents),
        )


def pair_pages(catalogue: Catalogue, arch: str) -> Iterator[PairPage]:
    """Yield what is known of moves from each build for *arch* to each, itself included."""
    names = catalogue.builds(arch)
    for source in names:
        there = catalogue.build(source, arch).machines
        for destination in names:
            here = {*catalogue.build(destination, arch).machines}
            yield PairPage(
                arch=arch,
                source=source,
                destination=destination,
                common=tuple(name for name in there if name in here),
                tried=tuple(_tried(catalogue, arch, source, destination)),
            )


def _tried(catalogue: Catalogue, arch: str, source: str, destination: str) -> Iterator[Tried]:
    table = catalogue.streams(arch)
    if table is None:
        return
    for pair in tried_like(catalogue, table, arch, source, destination):
        yield Tried(
            source=pair.source,
            destination=pair.destination,
            machines=pair.machines,
            alone=tuple(name for stop in pair.stopped if not stop.driver for name in stop.machines),
            stopped=pair.stopped,
            backends=pair.backends,
            drivers=len({d for m in pair.machines for d in table.tried(pair, m)}),
        )
