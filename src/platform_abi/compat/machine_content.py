"""Whether a machine type means the same to a virtual machine in another build of QEMU.

A machine type's name is no key of a guest ABI: a vendor can change what a released one sets. So the
content of the machine type is compared, as far as the virtual machine consists of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from platform_abi.compat.finding import Finding, Severity
from platform_abi.emit.arguments import global_argument
from platform_abi.errors import first_of
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.machine import MachineType, QemuBuild
from platform_abi.model.value import frozen
from platform_abi.model.visibility import Seen
from platform_abi.model.vm import Properties
from platform_abi.resolver.fingerprint import driver_fingerprint, vm_drivers
from platform_abi.resolver.layers import compat_of, globals_of, in_order
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.machine_diff import Row, driver_rows
from platform_abi.resolver.machine_table import Cell, KnownBuild, driver_row, known_build

#: *unknown*: the fingerprints differ, and nobody knows any more what the values were.
MachineStatus = Literal["ok", "differs", "unknown"]


@frozen(kw_only=True)
class MachineDifference:
    """A property that one machine type sets otherwise in two builds; None where it states no value.

    *change* is ``changed``; ``added`` or ``removed`` where only one build has the property;
    ``unstated`` where one of them neither sets it nor says what it is by default.
    *matters* is whether the guest gets, or its migration stream has, another value than before. Of
    two builds of one upstream release it also matters that only one of them has a property that
    the guest can see: that is a vendor's, and no machine type keeps it as it was.
    *argument* is the value of ``-global`` that gives the virtual machine the value that it had.
    """

    driver: str
    property: str
    before: str | None
    after: str | None
    change: Literal["changed", "added", "removed", "unstated"]
    seen: Seen
    matters: bool
    feature: str = ""
    argument: str = ""


@frozen(kw_only=True)
class MachineVerdict:
    """What another build makes of a virtual machine that keeps its machine type's name.

    *differences* leaves out what the virtual machine's own arguments set. *unlocated* are drivers
    whose content is not what the lockfile has the fingerprint of, and whose earlier values no
    definition here has. *missing* are the virtual machine's drivers that *build* does not have.
    *assumed* is whether nobody named the build *locked*: it was the newest that had the machine
    type, and the virtual machine may have run on another.
    """

    status: MachineStatus
    machine: str
    locked: str
    build: str
    assumed: bool = False
    differences: tuple[MachineDifference, ...] = ()
    unlocated: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the arguments that give the virtual machine back what it had, for exec."""
        pins = [d.argument for d in self.differences if d.matters and d.argument]
        return tuple(word for pin in pins for word in ("-global", pin))


def compare_machine(catalogue: Catalogue, abi: GuestAbi, build: str) -> MachineVerdict:
    """Return whether *build* gives the virtual machine of *abi* what it was resolved against.

    That is the build that its lockfile names, else the one it was resolved for, else the newest
    that has its machine type. Raises UnknownNameError for no such *build*, and where it has no
    machine type of that name.
    """
    vm = abi.vm
    target, machine = choose_machine(catalogue, vm.machine, vm.arch, build)
    recorded = dict(abi.content.drivers) if abi.content is not None else {}
    side = _Side(catalogue, target, machine)
    origin = _origin(catalogue, abi)
    locked = abi.content.build if abi.content is not None else (origin.build.name if origin else "")
    of = origin or side
    drivers = recorded or dict.fromkeys(vm_drivers(catalogue, of.build.name, of.machine, vm), "")
    one_version = origin is not None and origin.build.version == target.version
    differences: list[MachineDifference] = []
    unlocated, missing = [], []
    for driver, fingerprint in drivers.items():
        if not side.has(driver):
            missing += [driver] if fingerprint or of.has(driver) else []
            continue
        now = side.row(driver)
        if fingerprint and driver_fingerprint(now) == fingerprint:
            continue
        before = origin.row(driver) if origin and origin.has(driver) else None
        if before is None or (fingerprint and driver_fingerprint(before) != fingerprint):
            unlocated.append(driver)
        else:
            rows = driver_rows(driver, before, now)
            differences += _differences(abi, side, rows, one_version=one_version)
    wrong = missing or any(d.matters for d in differences)
    return MachineVerdict(
        status="differs" if wrong else "unknown" if unlocated else "ok",
        machine=machine.name,
        locked=locked,
        build=target.name,
        assumed=vm.build is None and not (abi.content is not None and abi.content.ran),
        differences=tuple(differences),
        unlocated=tuple(unlocated),
        missing=tuple(missing),
    )


def machine_findings(verdict: MachineVerdict, *, allow_unknown: bool = False) -> list[Finding]:
    """Return what *verdict* says against starting the virtual machine in that build.

    What is not known blocks like what is known to differ, unless *allow_unknown*. Properties that
    only one of two releases has are told together, and block nothing: a warning where one of them
    switches something on that a guest can see.
    """
    unknown: Severity = "warn" if allow_unknown else "blocked"
    found = [
        Finding(
            code="machine-content",
            severity="blocked",
            message=_message(verdict, d),
            help=_cure(d),
            feature=d.feature,
            property=f"{d.driver}.{d.property}",
            value=d.after or "",
        )
        for d in verdict.differences
        if d.matters
    ]
    found += [
        Finding(
            code="driver-missing",
            severity="blocked",
            message=f"{verdict.build} has no driver {driver}",
            help="choose a build that has it, or take the device out",
        )
        for driver in verdict.missing
    ]
    found += [
        Finding(
            code="machine-content-unknown",
            severity=unknown,
            message=f"{verdict.machine} of {verdict.build} gives {driver} other properties than "
            f"that of {_locked(verdict)} gave, and what these were is not known any more",
            help=f"install the definitions of {verdict.locked}, or resolve again",
        )
        for driver in verdict.unlocated
    ]
    one_sided = [d for d in verdict.differences if not d.matters]
    if one_sided:
        found.append(_told_together(verdict, one_sided))
    return found


def _locked(verdict: MachineVerdict) -> str:
    """Return how *verdict* names the build that the virtual machine was resolved against."""
    if not verdict.assumed:
        return verdict.locked
    return f"{verdict.locked}, the newest known when it was locked,"


def _message(verdict: MachineVerdict, d: MachineDifference) -> str:
    here = f"{verdict.machine} of {verdict.build}"
    there = f"that of {_locked(verdict)}".removesuffix(",")
    name = f"{d.driver}.{d.property}"
    if d.change == "added":
        return f"{name} is {d.after} in {here}, and there was no such property in {there}"
    if d.change == "removed":
        return f"{name} does not exist in {here}, and was {d.before} in {there}"
    if d.change == "unstated":
        which, value, other = (
            (here, d.after, there) if d.before is None else (there, d.before, here)
        )
        return f"{name} is {value} in {which}, and {other} does not say what it is"
    stream = "" if d.seen == "guest" else "; only the migration stream can tell"
    return f"{name} is {d.after} in {here}, and was {d.before} in {there}{stream}"


def _cure(d: MachineDifference) -> str:
    if d.argument:
        return f"start it with -global {shlex.quote(d.argument)}"
    if d.change == "removed":
        return "choose a build that has it"
    return f"start it with a -global {d.driver}.{d.property} that does what the other build did"


#: So many properties are named; a release brings more than anybody reads.
_NAMES = 3

#: Values that switch nothing on: most often what there was before there was the property.
_NOTHING = frozenset({"", "0", "off"})


def _told_together(verdict: MachineVerdict, differences: Sequence[MachineDifference]) -> Finding:
    """Return what there is to say of properties that only one of two releases has or states."""
    message = (
        f"{len(differences)} properties of the virtual machine's drivers are in "
        f"{_locked(verdict)} or {verdict.build} only, or stated by one of them only"
    )
    values = ((d, d.before or d.after or "") for d in differences if d.seen == "guest")
    # A property that many drivers inherit is named of the first of them.
    found = {(d.property, v): d.driver for d, v in reversed([*values]) if v not in _NOTHING}
    on = sorted(f"{driver}.{name}={value}" for (name, value), driver in found.items())
    if on:
        message += f"; a guest can see {first_of(on, _NAMES)}"
    return Finding(
        code="machine-content-one-sided",
        severity="warn" if on else "info",
        message=message,
        help="'diff build --all' names them",
    )


class _Side:
    """One build's meaning of the machine type."""

    def __init__(self, catalogue: Catalogue, build: QemuBuild, machine: MachineType) -> None:
        self._catalogue = catalogue
        self.build = build
        self.machine = machine
        self.known: KnownBuild = known_build(catalogue, build.name, machine.arch)

    def has(self, driver: str) -> bool:
        """Return whether the build has *driver*; one whose types nobody recorded may have any."""
        types = self.known.types
        return driver in types or not types

    def row(self, driver: str) -> Mapping[str, Cell]:
        """Return the properties of *driver*; empty where the build has no such driver."""
        return driver_row(
            self._catalogue, self.build.name, self.machine.name, self.machine.arch, driver
        )


def _origin(catalogue: Catalogue, abi: GuestAbi) -> _Side | None:
    """Return what *abi* was resolved against; None where no definition has it any more."""
    vm = abi.vm
    name = vm.build if abi.content is None else abi.content.build
    if name is not None and not catalogue.has_build(name, vm.arch):
        return None
    if name is not None and vm.machine not in catalogue.build(name, vm.arch).machines:
        return None
    return _Side(catalogue, *choose_machine(catalogue, vm.machine, vm.arch, name))


def _differences(
    abi: GuestAbi, side: _Side, rows: Iterable[Row], *, one_version: bool
) -> Iterator[MachineDifference]:
    """Yield *rows* as differences, but those that the virtual machine's own arguments decide.

    *one_version* is whether both builds are of one upstream release.
    """
    given: dict[str, set[str]] = {}
    for name, prop, before, after, change, seen, feature in rows:
        if name not in given:
            given[name] = _given(abi, side, name)
        if prop in given[name] or seen not in ("guest", "migration"):
            continue
        argument = ""
        if change == "changed" and before is not None:
            setting = Setting(
                driver=name, property=prop, value=before, layer="global", source="argument"
            )
            argument = global_argument(setting)
        yield MachineDifference(
            driver=name,
            property=prop,
            before=before,
            after=after,
            change=change,
            seen=seen,
            matters=change == "changed"
            or (one_version and seen == "guest" and (before, after) != (None, None)),
            feature=feature,
            argument=argument,
        )


def _given(abi: GuestAbi, side: _Side, driver: str) -> set[str]:
    """Return the properties that every device of *driver* has from elsewhere than *side*.

    What is set on an inner device loses to a compat property of the outer one.
    """
    types = side.known.device_types(driver)
    written = in_order(types, compat_of(side.machine), globals_of(abi.settings))
    last = {setting.property: setting.layer for setting, _ in written}
    names = {name for name, layer in last.items() if layer != "machine"}
    own = [*_own(abi, side.known, driver)]
    return names | set.intersection(*own) if own else names


def _own(abi: GuestAbi, known: KnownBuild, driver: str) -> Iterator[set[str]]:
    """Yield, for each device of *driver*, the properties that it has of its own."""

    def keys(pairs: Properties) -> set[str]:
        return {key for key, _ in pairs}

    vm, types = abi.vm, known.types
    for label, device in vm.labelled():
        canonical = types.canonical(device.driver)
        own = keys(device.properties) | {s.property for s in abi.settings if s.device == label}
        if driver == canonical:
            yield own
        elif driver == known.inner.get(canonical):
            # What the outer device passes on is told of that one.
            yield own | known.kinds(canonical).keys()
    if vm.cpu is not None and driver.startswith(f"{vm.cpu.model}-"):
        yield keys(vm.cpu.properties)
