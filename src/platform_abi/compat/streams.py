"""Which devices of a virtual machine are known not to move from one QEMU build to another.

A driver that nobody moved is known by its relatives: one with the same device inside, on the same
kind of bus, has the same state in a stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding, Severity
from platform_abi.model.stream import Stopped
from platform_abi.model.value import frozen
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
    on both sides. A pair that was never tried is not told.
    """
    table = catalogue.streams(abi.vm.arch)
    pair = None if table is None else table.between(source, destination)
    if table is not None and pair is not None:
        known = _Known(catalogue, abi, table, pair)
        stops = [known.of_machine(), *known.of_backends(abi.vm)]
        stops += [known.of_device(label, device.driver) for label, device in abi.vm.labelled()]
        unknown: Severity = "warn" if allow_unknown else "blocked"
        yield from (_finding(stop, pair, unknown) for stop in stops if stop is not None)


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


def _finding(stop: _Stop, pair: StreamPair, unknown: Severity) -> Finding:
    verb = "does not move" if stop.certain else "may not move"
    return Finding(
        code="stream-stops",
        severity="blocked" if stop.certain else unknown,
        message=f"{stop.what} {verb} from {pair.source} to {pair.destination}{stop.how}: "
        f"{stop.by.reason}",
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
        # As the build has them: the newest of a family first.
        self._ordered = catalogue.build(pair.source, abi.vm.arch).machines
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
        beside = self._beside(
            each for each in self._machines if names & {"", *self._table.tried(self._pair, each)}
        )
        moves = None not in beside and not any({*stop.machines} & {*beside} for stop in stops)
        if not stops or moves:
            return None
        by = stops[0]
        of = by.driver or "a machine"
        how = f": {of} did not on {by.machines[-1]}, and nobody tried that on {self._machine}"
        return _Stop(what=what, by=by, how=how, certain=False, device=label)

    def _beside(self, tried: Iterable[str]) -> tuple[str | None, str | None]:
        """Return the nearest newer and older of the machine types *tried* of this one's family."""
        if self._machine not in self._ordered:
            return None, None
        family = self._table.family(self._machine)
        places = [
            self._ordered.index(each)
            for each in tried
            if each in self._ordered and self._table.family(each) == family
        ]
        own = self._ordered.index(self._machine)
        newer = max((at for at in places if at < own), default=None)
        older = min((at for at in places if at > own), default=None)
        return (
            None if newer is None else self._ordered[newer],
            None if older is None else self._ordered[older],
        )

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
