"""The content of a machine type in one build: every driver's properties and their values.

A compat property of an abstract type holds for every concrete type below it, as in QEMU's own
scripts/compare-machine-types.py; one of a driver that the build does not have stands under its own
name.

A default that QEMU does not list, but that every instance gives itself, counts as one that it
lists; and of values that give a guest the same device, one stands for all.

The tables are plain data: they are kept on disk and compared without any class being needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from platform_abi.model.memo import MEMO_LIMIT, remembered
from platform_abi.resolver.layers import (
    DeviceTypes,
    device_types,
    in_order,
    inner_device,
    inner_types,
)
from platform_abi.resolver.spelling import spelled

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
    from platform_abi.model.realize import InitialValue
    from platform_abi.model.visibility import Seen, Visibility

#: One property: its value in effect, the build's own default, who can tell it, the feature that
#: drives it where that is left to the host, and the value in effect as the build itself states it:
#: without what definitions add to that. None: nobody states a value.
Cell = tuple["str | None", "str | None", "Seen", str, "str | None"]

#: Driver to property to cell.
Table = Mapping[str, Mapping[str, Cell]]


#: A table with equal rows once: the rows, and the number of each driver's.
Grouped = tuple[Sequence[Mapping[str, Cell]], Mapping[str, int]]


def whole_table(catalogue: Catalogue, build: str, machine: str, arch: str) -> Table:
    """Return every property of every concrete driver of *build* under the *machine* type."""
    known = known_build(catalogue, build, arch)
    touched = touched_table(catalogue, build, machine, arch)
    names = {*known.concrete, *touched}
    return {name: _merged(known, name, touched.get(name, {})) for name in sorted(names)}


def driver_row(
    catalogue: Catalogue, build: str, machine: str, arch: str, driver: str
) -> Mapping[str, Cell]:
    """Return every property of one concrete *driver*, sorted; empty where the build has none."""
    known = known_build(catalogue, build, arch)
    if driver in known.types.abstract:
        return _merged(known, driver, {})
    values = _driver_values(known, driver, _said(catalogue, build, machine, arch))
    return _merged(known, driver, {n: known.cell(driver, n, v) for n, v in values.items()})


def touched_table(catalogue: Catalogue, build: str, machine: str, arch: str) -> Table:
    """Return what the compat properties of a machine type reach, and only that.

    Wherever two machine types of one build reach a property neither of them, it is the same.
    """
    known = known_build(catalogue, build, arch)
    values = _values(known, catalogue.machine(build, machine, arch))
    return {
        driver: {name: known.cell(driver, name, row[name]) for name in sorted(row)}
        for driver, row in sorted(values.items())
    }


def reached(catalogue: Catalogue, build: str, machine: str, arch: str) -> Grouped:
    """Return what the compat properties of a machine type reach, with equal rows once."""
    return grouped(touched_table(catalogue, build, machine, arch))


def grouped(table: Table) -> Grouped:
    """Return *table* with equal rows once: hundreds of CPU models have one and the same."""
    rows: dict[tuple[tuple[str, Cell], ...], int] = {}
    numbers = {
        driver: rows.setdefault(tuple(row.items()), len(rows)) for driver, row in table.items()
    }
    return [dict(row) for row in rows], numbers


def _merged(known: KnownBuild, driver: str, touched: Mapping[str, Cell]) -> Mapping[str, Cell]:
    defaults = known.defaults(driver)
    return {
        name: touched[name] if name in touched else known.untouched(driver, name)
        for name in sorted({*defaults, *touched})
    }


#: Compat properties by the driver that they name, each with its place in QEMU's order.
Said = Mapping[str, Sequence[tuple[int, "CompatProperty"]]]


def _by_driver(machine: MachineType) -> Said:
    said: dict[str, list[tuple[int, CompatProperty]]] = {}
    for place, entry in enumerate(machine.compat):
        said.setdefault(entry.driver, []).append((place, entry))
    return said


@remembered(MEMO_LIMIT)
def _said(catalogue: Catalogue, build: str, machine: str, arch: str) -> Said:
    return _by_driver(catalogue.machine(build, machine, arch))


def _values(known: KnownBuild, machine: MachineType) -> dict[str, dict[str, str]]:
    """Return the values that compat properties give, by concrete driver, in QEMU's order."""
    said = _by_driver(machine)
    # A driver that the build does not have stands under its own name.
    drivers = (*known.concrete, *(name for name in said if name not in known.types))
    values = {driver: _driver_values(known, driver, said) for driver in drivers}
    return {driver: given for driver, given in values.items() if given}


def _driver_values(known: KnownBuild, driver: str, said: Said) -> dict[str, str]:
    """Return the values that compat properties give a concrete *driver*, in QEMU's order."""
    types = known.device_types(driver)
    reaching = sorted(pair for name in types.every & said.keys() for pair in said[name])
    values: dict[str, str] = {}
    for entry, outer in in_order(types, [entry for _, entry in reaching]):
        of = driver if outer else known.inner[driver]
        if known.has(of, entry) and (outer or entry.property in known.kinds(driver)):
            values[entry.property] = spelled(known.kinds(of).get(entry.property, ""), entry.value)
    return values


#: Who can tell a property, the feature that drives it or "", and for values the one each equals.
About = tuple["Seen", str, Mapping[str, str]]


class KnownBuild:
    """What a build knows of its drivers, as far as it has been asked about them."""

    def __init__(self, catalogue: Catalogue, build: str, arch: str) -> None:
        """Start with the types of *build*; everything else is read when it is needed."""
        self._of = catalogue, build, arch
        self.types: TypeTable = catalogue.types(build, arch)
        self._types: dict[str, DeviceTypes] = {}
        self._kinds: dict[str, Mapping[str, str]] = {}
        self._defaults: dict[str, Mapping[str, str | None]] = {}
        self._own: dict[str, Mapping[str, str]] = {}
        self._told_by: dict[str, tuple[str, ...] | None] = {}
        self._about: dict[tuple[tuple[str, ...] | None, str], About] = {}

    @cached_property
    def _initial(self) -> list[InitialValue]:
        return _initial_values(*self._of)

    @cached_property
    def _after_compat(self) -> list[InitialValue]:
        return [entry for entry in self._initial if entry.after_compat]

    @cached_property
    def _rows(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        return self._of[0].property_rows(*self._of[1:])

    @cached_property
    def _visibility(self) -> Visibility:
        return self._of[0].visibility()

    @cached_property
    def _features(self) -> Mapping[tuple[str, str], str]:
        return _features(self._of[0])

    @cached_property
    def _named(self) -> frozenset[str]:
        """All drivers that something is said of."""
        return self._visibility.drivers() | {driver for driver, _ in self._features}

    @cached_property
    def concrete(self) -> tuple[str, ...]:
        """The types that there can be a device of."""
        return tuple(n for n in self.types.parents if n not in self.types.abstract)

    @cached_property
    def inner(self) -> Mapping[str, str]:
        """The type of the device inside of each driver that has one."""
        inside = inner_types(self._of[0], self.types)
        inner = {name: inner_device(self.types, inside, name) for name in self.concrete}
        return {name: found for name, found in inner.items() if found}

    def device_types(self, driver: str) -> DeviceTypes:
        """Return the types of a device of *driver*, and of what is inside of it."""
        found = self._types.get(driver)
        if found is None:
            inner = self.inner.get(driver, "")
            found = self._types[driver] = device_types(self.types, driver, inner)
        return found

    def has(self, driver: str, entry: CompatProperty) -> bool:
        """Return whether an entry that reaches devices of *driver* has an effect on them.

        QEMU aborts where a driver lacks the property of an entry that is not optional, so that
        one is there even where no list of properties says so. An instance may set a property again
        after compat properties.
        """
        return (not entry.optional or entry.property in self.kinds(driver)) and not any(
            entry.property in initial.properties
            and not self.device_types(driver).every.isdisjoint(initial.drivers)
            for initial in self._after_compat
        )

    def kinds(self, driver: str) -> Mapping[str, str]:
        """Return the properties of *driver* with QEMU's type of each, empty where none is known."""
        if driver not in self._kinds:
            self._read(driver)
        return self._kinds[driver]

    def defaults(self, driver: str) -> Mapping[str, str | None]:
        """Return the properties of *driver* with the default that the build lists of each."""
        if driver not in self._defaults:
            self._read(driver)
        return self._defaults[driver]

    def _line(self, driver: str) -> list[str]:
        """Return the types of *driver* and those of the device inside of it, nearest first."""
        line = [*self.types.ancestry(driver)] if driver in self.types else [driver]
        inner = self.inner.get(driver)
        return line if inner is None else [*line, *self.types.ancestry(inner)]

    def _read(self, driver: str) -> None:
        line = [*self.types.ancestry(driver)] if driver in self.types else []
        rows: dict[str, tuple[str, ...]] = {}
        for step in reversed(line):
            rows.update(self._rows.get(step, {}))
        if line and not rows:
            rows = dict.fromkeys(self.types.properties(driver), ("",))
        self._kinds[driver] = {name: row[0] for name, row in rows.items()}
        self._defaults[driver] = {
            name: spelled(row[0], row[1]) if len(row) > 1 else None for name, row in rows.items()
        }

    def _given_itself(self, driver: str) -> Mapping[str, str]:
        """Return the values that an instance of *driver* gives its properties."""
        if driver not in self._own:
            types, kinds = self.device_types(driver).every, self.kinds(driver)
            self._own[driver] = {
                name: entry.value
                for entry in self._initial
                if not types.isdisjoint(entry.drivers)
                for name in entry.properties
                if name in kinds
            }
        return self._own[driver]

    def cell(self, driver: str, name: str, value: str | None) -> Cell:
        """Return the cell of a property that a compat property gives *value*."""
        return self._cell(driver, name, value, value)

    def untouched(self, driver: str, name: str) -> Cell:
        """Return the cell of a property that no compat property reaches."""
        listed = self.defaults(driver).get(name)
        return self._cell(driver, name, self._given_itself(driver).get(name, listed), listed)

    def _cell(self, driver: str, name: str, value: str | None, stated: str | None) -> Cell:
        seen, feature, same = self._told(driver, name)
        default = self.defaults(driver).get(name)
        default = self._given_itself(driver).get(name, default)
        if same:
            value, default = (None if v is None else same.get(v, v) for v in (value, default))
        return (value, default, seen, feature, stated)

    def _told(self, driver: str, name: str) -> About:
        """Return who can tell a property of *driver*, the feature that drives it, and equal values.

        What a rule says of an inner device's property holds where the outer one passes it on.
        Hundreds of CPU models are told of by what is said of their parents, so it is found once.
        """
        if driver not in self._told_by:
            self._told_by[driver] = self._telling(driver)
        key = self._told_by[driver], name
        found = self._about.get(key)
        if found is None:
            found = self._about[key] = self._find(*key)
        return found

    def _telling(self, driver: str) -> tuple[str, ...] | None:
        """Return the types of *driver* that something is said of; None of one that is not there."""
        if self.types and driver not in self.types and not self._visibility.named(driver):
            return None
        return tuple(step for step in self._line(driver) if step in self._named)

    def _find(self, line: tuple[str, ...] | None, name: str) -> About:
        if line is None:
            return "absent", "", {}
        features = (self._features.get((step, name)) for step in line)
        feature = next((found for found in features if found), "")
        visibility = self._visibility
        return visibility.seen(line, name), feature, visibility.standing_for(line, name)


@remembered()
def known_build(catalogue: Catalogue, build: str, arch: str) -> KnownBuild:
    """Return what *build* knows of its drivers, made now or found with the catalogue."""
    return KnownBuild(catalogue, build, arch)


def _initial_values(catalogue: Catalogue, build: str, arch: str) -> list[InitialValue]:
    """Return the defaults that instances give themselves in *build*, of whatever driver."""
    entries = catalogue.realize().initial
    if not entries:
        return []
    from platform_abi.resolver.realize import within

    version = catalogue.build(build, arch).version
    return [entry for entry in entries if within(version, entry.qemu_since, entry.qemu_until)]


def _features(catalogue: Catalogue) -> Mapping[tuple[str, str], str]:
    """Return the features by driver and property that they drive."""
    return {place: feature.id for feature in catalogue.every_feature() for place in feature.drives}
