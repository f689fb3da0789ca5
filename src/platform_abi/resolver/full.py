"""Every property of every device: from QEMU's default to the value of the realized device.

QEMU sets the properties of a device in this order (qom/object.c, object_initialize_with_type and
object_apply_global_props; hw/core/qdev.c, device_post_init): built-in defaults, compat properties
of the accelerator and then of the machine type, ``-global``, and what ``-device`` says. An inner
device is made, with all of that but the last, before the outer one's turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import define, field

from platform_abi.errors import UsageError
from platform_abi.model.abi import GuestAbi, Layer, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.machine import DriverProperty, MachineType, QemuBuild, TypeTable
from platform_abi.model.names import driver_and_property
from platform_abi.model.realize import BoardValue, DeviceProperties, PropertyValue
from platform_abi.model.vm import Device
from platform_abi.resolver.explicit import type_sets
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.plan import MEMO_LIMIT
from platform_abi.resolver.realize import Realizer, Surroundings, initial_values, realizer
from platform_abi.resolver.spelling import spelled

#: Keys of ``-device`` that are no properties of the device (QEMU's qdev-monitor.c).
_NO_PROPERTIES = frozenset({"driver", "id", "bus"})

#: Layers of settings that are no ``-global`` and no addition to a ``-device``: QEMU's own
#: constants, and what the user's ``-device`` says anyway.
_NO_ARGUMENT: frozenset[Layer] = frozenset({"default", "device"})


#: Under what the table that was asked for last is remembered.
_LAST = "last"


def full_properties(
    catalogue: Catalogue,
    abi: GuestAbi,
    *,
    build: str | None = None,
    vcpus: int | None = None,
    queues: Mapping[str, int] | None = None,
) -> dict[str, DeviceProperties]:
    """Return every property of every device of *abi*'s virtual machine, by the device's label.

    For *build*, else the build that the ABI was resolved for, else the newest that has its machine
    type. What some values follow from is no part of an ABI: *vcpus* is the number of vCPUs, and
    *queues* that of a network device's backend, by the device's label. What needs one that is not
    given is not predicted.

    Raises UnknownNameError for no such build, and UsageError (``full-unknown-driver``) for a
    driver whose properties that build does not know.
    """
    vm = abi.vm
    chosen, machine = choose_machine(catalogue, vm.machine, vm.arch, build or vm.build)
    table = _table(catalogue, chosen, machine, abi)
    labels = vm.labels()
    drivers = [table.driver(device.driver) for device in vm.devices]
    around = Surroundings(
        devices={label: driver.types for label, driver in zip(labels, drivers, strict=True)},
        vcpus=vcpus,
    )
    return {
        label: table.device(label, device, around, queues.get(label) if queues else None)
        for label, device in zip(labels, vm.devices, strict=True)
    }


def _table(catalogue: Catalogue, build: QemuBuild, machine: MachineType, abi: GuestAbi) -> _Table:
    """Return what holds for every virtual machine with the same settings on the same build."""
    memo = catalogue.memo.setdefault(("full", build.name, machine.arch, machine.name), {})
    accelerator, settings = abi.vm.accelerator, abi.settings
    last: _Table | None = memo.get(_LAST)
    # A fleet's machines share their settings, and comparing identities is quicker than hashing.
    if last is not None and last.settings is settings and last.accelerator == accelerator:
        return last
    key = (accelerator, settings)
    found: _Table | None = memo.get(key)
    if found is None:
        if len(memo) >= MEMO_LIMIT:
            memo.clear()
        found = memo[key] = _Table(
            catalogue=catalogue,
            build=build,
            machine=machine,
            accelerator=accelerator,
            settings=settings,
        )
    memo[_LAST] = found
    return found


@define(kw_only=True, eq=False, repr=False)
class _Driver:
    """One driver on one machine type: its values before a device says anything of its own."""

    name: str
    #: Its type with all ancestors, and those of the device inside of it.
    types: frozenset[str]
    #: QEMU's type of each property.
    kinds: Mapping[str, str]
    realizer: Realizer
    values: dict[str, PropertyValue]

    def put(
        self,
        values: dict[str, PropertyValue],
        name: str,
        value: str,
        *,
        layer: Layer,
        source: str,
    ) -> None:
        """Let *layer* set property *name* in *values*, spelled as QEMU reads its type back."""
        if name not in self.realizer.formed:
            value = spelled(self.kinds.get(name, ""), value)
        values[name] = PropertyValue(value=value, layer=layer, source=source)


@define(kw_only=True, eq=False, repr=False)
class _Table:
    """All drivers of one build under the same machine type and settings."""

    catalogue: Catalogue
    build: QemuBuild
    machine: MachineType
    accelerator: str
    settings: tuple[Setting, ...]
    drivers: dict[str, _Driver] = field(factory=dict)
    #: Settings of single devices, by label.
    own: dict[str, list[Setting]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.own = {}
        for setting in self.settings:
            if setting.device is not None and setting.layer not in _NO_ARGUMENT:
                self.own.setdefault(setting.device, []).append(setting)

    def device(
        self, label: str, device: Device, around: Surroundings, queues: int | None
    ) -> DeviceProperties:
        """Return every property of *device*, realized."""
        driver = self.driver(device.driver)
        values = driver.values.copy()
        for setting in self.own.get(label, ()):
            driver.put(
                values,
                setting.property,
                setting.value,
                layer=setting.layer,
                source=setting.source,
            )
        bus = ""
        for name, value in device.properties:
            if name == "bus":
                bus = value
            elif name not in _NO_PROPERTIES:
                driver.put(values, name, value, layer="device", source="argument")
        driver.realizer.realize(values, bus, around, queues)
        return DeviceProperties(driver=driver.name, properties=values)

    def driver(self, name: str) -> _Driver:
        """Return what holds for every device of the driver that ``-device`` calls *name*."""
        found = self.drivers.get(name)
        if found is None:
            found = self.drivers[name] = self._driver(name)
        return found

    def _driver(self, called: str) -> _Driver:
        types = self.catalogue.types(self.build.name, self.machine.arch)
        name = types.canonical(called)
        known = self._known(name)
        if name not in types or not (known or self._recorded(types)):
            raise UsageError(
                f"{self.build.name} has no driver '{called}', or its properties were not recorded",
                code="full-unknown-driver",
                help="name a build that has all drivers of the virtual machine",
            )
        inner = self._inner(types, name)
        outer_types, inner_types = type_sets(types, name, inner)
        kinds = {key: entry.type for key, entry in known.items()}
        driver = _Driver(
            name=name,
            types=outer_types | inner_types,
            kinds=kinds,
            realizer=realizer(
                self.catalogue,
                types=outer_types | inner_types,
                known=kinds,
                build=self.build,
                machine=self.machine,
                accelerator=self.accelerator,
            ),
            values={},
        )
        self._set_defaults(driver, known)
        if inner != name:
            self._set(driver, inner_types, self._known(inner))
        self._set(driver, outer_types, known)
        return driver

    def _known(self, driver: str) -> Mapping[str, DriverProperty]:
        return self.catalogue.driver_properties(self.build.name, self.machine.arch, driver)

    def _recorded(self, types: TypeTable) -> bool:
        """Return whether the build's properties were recorded: some drivers have none."""
        return any(self._known(name) for name in types.parents)

    def _inner(self, types: TypeTable, driver: str) -> str:
        """Return the type of the device inside of *driver*, or itself where it has none."""
        family = self.catalogue.devices().family_of(driver)
        if family is not None:
            return family.driver
        line = set(types.ancestry(driver))
        for entry in self.catalogue.realize().inner:
            if not line.isdisjoint(entry.drivers) and entry.type in types:
                return entry.type
        return driver

    def _set_defaults(self, driver: _Driver, known: Mapping[str, DriverProperty]) -> None:
        """Lay down what QEMU lists as defaults, and what instances make of them."""
        source = f"{self.build.source.removesuffix('.toml')}-properties.toml"
        for name, entry in known.items():
            driver.values[name] = PropertyValue(value=entry.default, layer="default", source=source)
        for initial in initial_values(self.catalogue, driver.types, self.build):
            for name in initial.properties:
                if name in known:
                    driver.values[name] = PropertyValue(
                        value=initial.value, layer="default", source=initial.source
                    )

    def _set(self, driver: _Driver, reached: frozenset[str], known: Iterable[str]) -> None:
        """Lay down what machine type, board and every ``-global`` say of the types *reached*."""
        names = frozenset(known)
        initial = initial_values(self.catalogue, driver.types, self.build)
        taken_back = {name for entry in initial if entry.after_compat for name in entry.properties}
        for entry in self.machine.compat:
            if entry.driver in reached and entry.property in names - taken_back:
                driver.put(
                    driver.values,
                    entry.property,
                    entry.value,
                    layer="machine",
                    source=self.machine.source,
                )
        for board in self._board(reached):
            for name in names.intersection(board.properties):
                driver.put(driver.values, name, board.value, layer="machine", source=board.source)
        for setting in self.settings:
            if (
                setting.driver in reached
                and setting.property in names
                and setting.device is None
                and setting.layer not in _NO_ARGUMENT
            ):
                driver.put(
                    driver.values,
                    setting.property,
                    setting.value,
                    layer=setting.layer,
                    source=setting.source,
                )

    def _board(self, reached: frozenset[str]) -> Iterator[BoardValue]:
        """Yield what the board sets by itself on devices of the types *reached*."""
        for entry in self.catalogue.realize().board:
            if self.machine.family in entry.machines and not reached.isdisjoint(entry.drivers):
                parts = (driver_and_property(name) for name in entry.when)
                found = [self.driver(driver).values.get(name) for driver, name in parts]
                if [part and part.value for part in found] == [*entry.when.values()]:
                    yield entry
