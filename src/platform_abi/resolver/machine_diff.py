"""What differs between two machine types, or between two builds' meanings of one name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from platform_abi.model.catalogue import Catalogue
from platform_abi.resolver.machine_table import Cell, Grouped, Table, reached, whole_table

if TYPE_CHECKING:
    from typing import Any, Literal

    from platform_abi.model.visibility import Seen

    #: *added* and *removed*: only one build has the property at all. *unstated*: both have it, and
    #: one of them neither sets it nor says what it is by default.
    Change = Literal["changed", "added", "removed", "unstated"]

#: Driver, property, the values before and after, what kind of change it is, who can tell, and the
#: feature that drives the property where its value is left to the host.
Row = tuple[str, str, "str | None", "str | None", "Change", "Seen", str]


def machine_rows(before: Grouped, after: Grouped) -> Iterator[Row]:
    """Yield what differs between two machine types of one build, given what each reaches.

    Where only one of them reaches a property, it has the build's default in the other.
    """
    known: dict[tuple[int | None, int | None], list[Any]] = {}
    for driver in sorted({*before[1], *after[1]}):
        pair = (before[1].get(driver), after[1].get(driver))
        if pair not in known:
            sides = zip((before, after), pair, strict=True)
            first, second = ({} if at is None else side[0][at] for side, at in sides)
            known[pair] = list(_touched_rows(first, second))
        for row in known[pair]:
            yield (driver, *row)


def _touched_rows(before: Mapping[str, Cell], after: Mapping[str, Cell]) -> Iterator[Any]:
    for name in sorted({*before, *after}):
        of = before.get(name) or after[name]
        values = [row[name][0] if name in row else of[1] for row in (before, after)]
        if values[0] != values[1]:
            yield (name, *values, "unstated" if None in values else "changed", of[2], of[3])


def build_rows(before: Table, after: Table) -> Iterator[Row]:
    """Yield what differs between the whole tables of two builds.

    A driver that only one of them has is no difference of the machine type.
    """
    for driver in sorted(before.keys() & after.keys()):
        yield from driver_rows(driver, before[driver], after[driver])


def driver_rows(
    driver: str, before: Mapping[str, Cell], after: Mapping[str, Cell]
) -> Iterator[Row]:
    """Yield what differs between two builds' meanings of one driver."""
    for name in sorted({*before, *after}):
        first, second = before.get(name), after.get(name)
        cell = second or first
        if cell is None or (first and second and first[0] == second[0]):
            continue
        values = (first[0] if first else None, second[0] if second else None)
        change: Change = "changed" if None not in values else "unstated"
        if first is None or second is None:
            change = "added" if first is None else "removed"
        yield (driver, name, *values, change, cell[2], cell[3])


def diff_machines(
    catalogue: Catalogue,
    build: str,
    before: str,
    after: str,
    arch: str,
    *,
    reach: Callable[[Catalogue, str, str, str], Grouped] = reached,
) -> list[Row]:
    """Return what differs between two machine types of *build*, sorted by driver and property.

    *reach* tells what each of them reaches, for whoever keeps that.
    """
    first, second = (reach(catalogue, build, name, arch) for name in (before, after))
    return list(machine_rows(first, second))


def diff_builds(
    catalogue: Catalogue, before: str, after: str, machine: str, arch: str
) -> list[Row]:
    """Return what differs in the content of one machine type between two builds."""
    first, second = (whole_table(catalogue, name, machine, arch) for name in (before, after))
    return list(build_rows(first, second))


def shown(
    rows: Collection[Row],
    *,
    drivers: Collection[str] = (),
    every: bool,
    one_version: bool = False,
) -> list[Row]:
    """Return the rows of *drivers*, or of all; without *every*, what a guest can tell of them.

    That leaves out what only one side has or states: nobody can say what the other does instead,
    and a release of QEMU brings hundreds. With *one_version*, where both are builds of one upstream
    release, no release has brought it, and it stays.
    """
    return [
        row
        for row in rows
        if (not drivers or row[0] in drivers)
        and (every or (row[5] == "guest" and (row[4] == "changed" or (one_version and _set(row)))))
    ]


def _set(row: Row) -> bool:
    """Return whether the one side that has or states a property gives it a value."""
    return row[2] is not None or row[3] is not None
