"""Whether a machine type means the same to a virtual machine in another build of QEMU.

A machine type's name is no key of a guest ABI: a vendor can change what a released one sets. So the
content of the machine type is compared, as far as the virtual machine consists of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from platform_abi.emit.arguments import global_argument
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


def compare_machine(
    catalogue: Catalogue, abi: GuestAbi, build: str, *, since: str | None = None
) -> MachineVerdict:
    """Return whether *build* gives the virtual machine of *abi* what it was resolved against.

    That is the build that its lockfile names, else the one it was resolved for, else the newest
    that has its machine type. *since* is the build that it is known to run in, if it is: that
    counts where the lockfile only assumes one, and has the values that a build has not which no
    definition here describes any more.

    Raises UnknownNameError for no such *build*, and where it has no machine type of that name.
    """
    vm = abi.vm
    target, machine = choose_machine(catalogue, vm.machine, vm.arch, build)
    told = abi.told
    recorded = dict(abi.content.drivers) if abi.content is not None and (told or not since) else {}
    side = _Side(catalogue, target, machine)
    origins = _origins(catalogue, abi, since, told=told)
    origin = origins[0] if origins else None
    locked = abi.content.build if recorded and abi.content else origin.build.name if origin else ""
    of = origin or side
    drivers = recorded or dict.fromkeys(vm_drivers(catalogue, of.build.name, of.machine, vm), "")
    differences: list[MachineDifference] = []
    unlocated, missing = [], []
    for driver, fingerprint in drivers.items():
        if side.called(driver) is None:
            missing += [driver] if fingerprint or of.called(driver) is not None else []
            continue
        now = side.row(driver)
        if fingerprint and driver_fingerprint(now) == fingerprint:
            continue
        known = _having(origins, driver, fingerprint)
        if known is None:
            unlocated.append(driver)
        else:
            one_version = known.build.version == target.version
            rows = driver_rows(driver, known.row(driver), now)
            differences += _differences(abi, side, rows, one_version=one_version)
    wrong = missing or any(d.matters for d in differences)
    return MachineVerdict(
        status="differs" if wrong else "unknown" if unlocated else "ok",
        machine=machine.name,
        locked=locked,
        build=target.name,
        assumed=not told and since is None,
        differences=tuple(differences),
        unlocated=tuple(unlocated),
        missing=tuple(missing),
    )


class _Side:
    """One build's meaning of the machine type."""

    def __init__(self, catalogue: Catalogue, build: QemuBuild, machine: MachineType) -> None:
        self._catalogue = catalogue
        self.build = build
        self.machine = machine
        self.known: KnownBuild = known_build(catalogue, build.name, machine.arch)

    def called(self, driver: str) -> str | None:
        """Return what the build calls *driver*, None where it has none.

        Empty for a device of the board's that is no type there. One whose types nobody recorded
        may have any.
        """
        types = self.known.types
        if driver in types or not types:
            return driver
        formerly = self._catalogue.visibility().formerly(driver)
        if formerly is None or (formerly.name and formerly.name not in types):
            return None
        return formerly.name

    def row(self, driver: str) -> Mapping[str, Cell]:
        """Return the properties of *driver*; empty where the build has no such driver."""
        name = self.called(driver)
        if not name:
            return {}
        return driver_row(
            self._catalogue, self.build.name, self.machine.name, self.machine.arch, name
        )


def _origins(catalogue: Catalogue, abi: GuestAbi, since: str | None, *, told: bool) -> list[_Side]:
    """Return what *abi* was resolved against, the likeliest first, as far as it is defined."""
    vm = abi.vm
    name = vm.build if abi.content is None else abi.content.build
    names = [name, since] if told or since is None else [since]
    sides = [
        _Side(catalogue, *choose_machine(catalogue, vm.machine, vm.arch, each))
        for each in dict.fromkeys(names)
        if each is not None
        and catalogue.has_build(each, vm.arch)
        and vm.machine in catalogue.build(each, vm.arch).machines
    ]
    if not sides and name is None and since is None:
        sides = [_Side(catalogue, *choose_machine(catalogue, vm.machine, vm.arch, None))]
    return sides


def _having(origins: Sequence[_Side], driver: str, fingerprint: str) -> _Side | None:
    """Return the first of *origins* whose *driver* has that *fingerprint*, or has any."""
    return next(
        (
            side
            for side in origins
            if side.called(driver) is not None
            and (not fingerprint or driver_fingerprint(side.row(driver)) == fingerprint)
        ),
        None,
    )


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
