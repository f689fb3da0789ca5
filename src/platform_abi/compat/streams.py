"""Which devices of a virtual machine are known not to move from one QEMU build to another.

A driver that nobody moved is known by its relatives: one with the same device inside, on the same
kind of bus, has the same state in a stream. A build that nobody tried is supposed to be as those of
its release are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import product, takewhile
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding, Severity
from platform_abi.model.platform import release_key, version_key
from platform_abi.model.stream import Stopped
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.layers import inner_device, inner_types

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.stream import StreamPair, StreamTable
    from platform_abi.model.vm import VirtualMachine

#: The type that every device is of (hw/core/qdev.c): what is one step below is a kind of bus.
_DEVICE = "device"


def stream_findings(
    catalogue: Catalogue,
    abi: GuestAbi,
    source: str,
    destination: str,
    *,
    allow_unknown: bool = False,
) -> Iterator[Finding]:
    """Yield the devices of *abi* that were found not to move from *source* to *destination*.

    Both are builds. A device of which that is known only by another machine type, or by a driver
    that has a base type in common with its own, is unknown, and blocks like one that stops unless
    *allow_unknown*. It is known by other machine types where it moves on the nearest of its family
    on both sides, and on any of it where it stopped on none. A build that was never tried is
    unknown to do otherwise than all do that were of its release.
    """
    table = catalogue.streams(abi.vm.arch)
    if table is None:
        return
    tried = tried_like(catalogue, table, abi.vm.arch, source, destination)
    every = [_stops(catalogue, abi, table, pair) for pair in tried]
    unknown: Severity = "warn" if allow_unknown else "blocked"
    # What only some builds of a release do is none of that release's.
    for key in every[0] if every else ():
        if all(key in others for others in every):
            stop = _supposed(every[0][key], tried[0], source, destination)
            yield _finding(stop, (source, destination), unknown)


def tried_like(
    catalogue: Catalogue, table: StreamTable, arch: str, source: str, destination: str
) -> list[StreamPair]:
    """Return what of *table* counts for moves from *source* to *destination*.

    In the place of a build that was never tried stand those of its release that were. Nothing is
    known where there is none.
    """
    like = [_like(catalogue, table, build, arch) for build in (source, destination)]
    return [pair for ends in product(*like) if (pair := table.between(*ends)) is not None]


def _stops(
    catalogue: Catalogue, abi: GuestAbi, table: StreamTable, pair: StreamPair
) -> dict[tuple[str | None, str], _Stop]:
    """Return what of *abi* stops between the builds of *pair*, by the device and what that is."""
    known = _Known(catalogue, abi, table, pair)
    found = [known.of_machine(), *known.of_backends(abi.vm)]
    found += [known.of_device(label, device.driver) for label, device in abi.vm.labelled()]
    return {(stop.device, stop.what): stop for stop in found if stop is not None}


def _like(catalogue: Catalogue, table: StreamTable, build: str, arch: str) -> Sequence[str]:
    """Return *build* where it was tried, else those of its release that were."""
    tried = sorted({end for pair in table.pair for end in (pair.source, pair.destination)})
    if build in tried or not catalogue.has_build(build, arch):
        return (build,)
    own = release_key(catalogue.build(build, arch).version)
    return [
        name
        for name in tried
        if catalogue.has_build(name, arch)
        and release_key(catalogue.build(name, arch).version) == own
    ]


def _supposed(stop: _Stop, pair: StreamPair, source: str, destination: str) -> _Stop:
    """Return *stop*, as it counts for builds of which another or two are those of *pair*."""
    others = [
        f"{tried} was tried, and not {build}"
        for tried, build in ((pair.source, source), (pair.destination, destination))
        if tried != build
    ]
    if not others:
        return stop
    return evolve(stop, certain=False, how=f"{stop.how} ({'; '.join(dict.fromkeys(others))})")


@frozen(kw_only=True)
class _Stop:
    """That *what* stops, as a move shows that failed as *by* says; *how* is what links the two.

    Not *certain* where the move was of something that need not have the same state.
    """

    what: str
    by: Stopped
    how: str = ""
    certain: bool = True
    device: str | None = None


def _finding(stop: _Stop, ends: tuple[str, str], unknown: Severity) -> Finding:
    verb = "does not move" if stop.certain else "may not move"
    return Finding(
        code="stream-stops",
        severity="blocked" if stop.certain else unknown,
        message=f"{stop.what} {verb} from {ends[0]} to {ends[1]}{stop.how}: {stop.by.reason}",
        help="choose another build, or another device; 'platform-abi rehearse' tries it",
        device=stop.device,
        seen="migration",
    )


class _Known:
    """What one pair of builds says of one virtual machine."""

    def __init__(
        self, catalogue: Catalogue, abi: GuestAbi, table: StreamTable, pair: StreamPair
    ) -> None:
        self._machine = abi.vm.machine
        self._machines = pair.machines
        self._pair, self._table = pair, table
        self._generations = {
            each: _generation(catalogue, pair.source, each, abi.vm.arch) for each in pair.machines
        }
        own = abi.vm.build if abi.vm.build is not None else pair.source
        self._own = _generation(catalogue, own, abi.vm.machine, abi.vm.arch)
        self._backends = pair.backends
        self._stops = [
            stop for stop in pair.stopped if stop.accelerator in ("", abi.vm.accelerator)
        ]
        # A machine that does not move by itself shows nothing of its devices.
        alone = [stop for stop in pair.stopped if not stop.driver and self._is_here(stop)]
        self._tried = frozenset() if alone else table.tried(pair, self._machine)
        self._types = catalogue.types(pair.source, abi.vm.arch)
        self._inside = inner_types(catalogue, self._types)

    def _is_here(self, stop: Stopped) -> bool:
        return self._machine in stop.machines

    def of_machine(self) -> _Stop | None:
        """Return what is known of the machine without any device."""
        stops = [stop for stop in self._stops if not stop.driver]
        here = [stop for stop in stops if self._is_here(stop)]
        if here:
            return _Stop(what=self._machine, by=here[0])
        return None if self._machine in self._machines else self._elsewhere(stops, self._machine)

    def of_backends(self, vm: VirtualMachine) -> Iterator[_Stop]:
        """Yield what stops for what stands behind devices of *vm*."""
        for entry in self._backends:
            labels = [label for label, device in vm.labelled() if device.backend == entry.backend]
            if len(labels) >= entry.devices:
                yield _Stop(
                    what=f"the {entry.backend} backend of {' and '.join(labels)}",
                    by=Stopped(driver="", machines=(), reason=entry.reason),
                    device=labels[-1],
                )

    def of_device(self, label: str, driver: str) -> _Stop | None:
        """Return what is known of the device called *label*."""
        driver = self._types.canonical(driver)
        what = f"{label} ({driver})"
        elsewhere = [stop for stop in self._stops if stop.driver == driver]
        here = [stop for stop in elsewhere if self._is_here(stop)]
        if here:
            return _Stop(what=what, by=here[0], device=label)
        if driver in self._tried:
            return None
        for link in (self._same_state, self._same_base):
            linked = {name: how for name in self._drivers() if (how := link(name, driver))}
            stops = [stop for stop in self._stops if stop.driver in linked]
            here = [stop for stop in stops if self._is_here(stop)]
            if here:
                alone = {stop.driver for stop in here} >= self._tried & linked.keys()
                by = here[0]
                return _Stop(
                    what=what,
                    by=by,
                    how=f", as {by.driver} does not, which {linked[by.driver]}",
                    certain=alone and link == self._same_state,
                    device=label,
                )
            if self._tried & linked.keys():
                break  # they move here
            elsewhere += stops
        return self._elsewhere(elsewhere, what, label)

    def _drivers(self) -> Sequence[str]:
        return sorted(self._tried | {stop.driver for stop in self._stops} - {""})

    def _elsewhere(
        self, stops: Sequence[Stopped], what: str, label: str | None = None
    ) -> _Stop | None:
        """Return what *stops* on other machine types say of this one, where nobody tried it."""
        names = {stop.driver for stop in stops}
        family = self._table.family(self._machine)
        tried = {
            each
            for each in self._machines
            if self._table.family(each) == family
            and names & {"", *self._table.tried(self._pair, each)}
        }
        stopped = {name for stop in stops for name in stop.machines}
        if not stops or (tried and not stopped & self._beside(tried | stopped)):
            return None
        by = stops[0]
        of = by.driver or "a machine"
        how = f": {of} did not on {by.machines[-1]}, and nobody tried that on {self._machine}"
        return _Stop(what=what, by=by, how=how, certain=False, device=label)

    def _beside(self, tried: Collection[str]) -> frozenset[str]:
        """Return the nearest of the machine types *tried* of this one's family, and those like it.

        All of the family where none is newer or none is older, or this one is of no known release.
        """
        family = self._table.family(self._machine)
        by = {
            each: self._generations.get(each, ())
            for each in tried
            if self._table.family(each) == family
        }
        newer = min((key for key in by.values() if self._own and key >= self._own), default=None)
        older = max((key for key in by.values() if self._own and key <= self._own), default=None)
        if newer is None or older is None:
            return frozenset(by)
        return frozenset(each for each, key in by.items() if key in (newer, older))

    def _same_state(self, one: str, other: str) -> str:
        """Return that two drivers have one device inside, on one kind of bus; else nothing."""
        first, second = (inner_device(self._types, self._inside, each) for each in (one, other))
        if first != second or self._bases(one).isdisjoint(self._bases(other)):
            return ""
        return first and f"has the same {first} inside"

    def _same_base(self, one: str, other: str) -> str:
        """Return that two drivers, or what is inside of them, are made of one base type."""
        first, second = (
            inner_device(self._types, self._inside, each) or each for each in (one, other)
        )
        common = self._bases(first) & self._bases(second)
        nearest = next((step for step in self._types.ancestry(first) if step in common), "")
        return nearest and f"is a {nearest} as well"

    def _bases(self, name: str) -> frozenset[str]:
        """Return *name* and its base types, but for those that make a device fit a bus."""
        return frozenset(
            takewhile(
                lambda step: self._types.parents.get(step, "") not in ("", _DEVICE),
                self._types.ancestry(name),
            )
        )


def _generation(catalogue: Catalogue, build: str, machine: str, arch: str) -> tuple[int, ...]:
    """Return what orders *machine* among those of its family; nothing where nobody knows."""
    if not catalogue.has_build(build, arch) or machine not in catalogue.build(build, arch).machines:
        return ()
    generation = catalogue.machine(build, machine, arch).generation
    return () if generation is None else version_key(generation)
