"""Every property of every device: from QEMU's default to the value of the realized device."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from platform_abi.errors import UsageError
from platform_abi.model.abi import GuestAbi, Layer, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import NETDEV
from platform_abi.model.driver import DriverProperty
from platform_abi.model.machine import MachineType, QemuBuild, TypeTable
from platform_abi.model.memo import MEMO_LIMIT, Memo, remembered
from platform_abi.model.names import driver_and_property
from platform_abi.model.realize import DeviceProperties, PropertyValue
from platform_abi.model.value import define, field
from platform_abi.model.vm import Device
from platform_abi.resolver.drivers import DEVICE_KEYS
from platform_abi.resolver.layers import (
    UNWRITTEN,
    DeviceTypes,
    board_settings,
    compat_of,
    device_types,
    globals_of,
    in_order,
    inner_device,
    inner_types,
)
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.realize import Realizer, Surroundings, initial_values, realizer
from platform_abi.resolver.spelling import spelled


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
    tables = _tables(catalogue, build.name, machine.name, machine.arch, abi.vm.accelerator)
    # A fleet's machines share their settings, and comparing identities is quicker than hashing.
    if tables.last is None or tables.last.settings is not abi.settings:
        tables.last = _table_of(tables, abi.settings)
    return tables.last


@remembered(MEMO_LIMIT)
def _table_of(tables: _Tables, settings: tuple[Setting, ...]) -> _Table:
    return _Table(
        catalogue=tables.catalogue,
        build=tables.build,
        machine=tables.machine,
        accelerator=tables.accelerator,
        settings=settings,
    )


@remembered()
def _tables(catalogue: Catalogue, build: str, machine: str, arch: str, accelerator: str) -> _Tables:
    return _Tables(
        catalogue=catalogue,
        build=catalogue.build(build, arch),
        machine=catalogue.machine(build, machine, arch),
        accelerator=accelerator,
    )


@define(kw_only=True, eq=False, repr=False)
class _Tables:
    """The tables of one machine type of one build, by settings; *last* is what was asked for."""

    catalogue: Catalogue
    build: QemuBuild
    machine: MachineType
    accelerator: str
    last: _Table | None = None
    memo: Memo = field(factory=dict)


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
            if setting.device is not None and setting.layer not in UNWRITTEN:
                self.own.setdefault(setting.device, []).append(setting)

    def device(
        self, label: str, device: Device, around: Surroundings, queues: int | None
    ) -> DeviceProperties:
        """Return every property of *device*, realized."""
        driver = self.driver(device.driver)
        values = driver.values.copy()
        own = self.own.get(label, ())
        netdev = {
            s.property: PropertyValue(value=s.value, layer=s.layer, source=s.source)
            for s in own
            if s.driver == NETDEV and s.property in device.open_options
        }
        for setting in own:
            if setting.driver == NETDEV:
                continue
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
            elif name not in DEVICE_KEYS:
                driver.put(values, name, value, layer="device", source="argument")
        driver.realizer.realize(values, bus, around, queues)
        return DeviceProperties(driver=driver.name, properties=values, netdev=netdev)

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
        inner = inner_device(types, inner_types(self.catalogue, types), name)
        all_types = device_types(types, name, inner)
        kinds = {key: entry.type for key, entry in known.items()}
        driver = _Driver(
            name=name,
            types=all_types.every,
            kinds=kinds,
            realizer=realizer(
                self.catalogue,
                types=all_types.every,
                known=kinds,
                build=self.build,
                machine=self.machine,
                accelerator=self.accelerator,
                where=self._where,
            ),
            values={},
        )
        self._set_defaults(driver, known)
        self._set(driver, all_types, known, self._known(inner) if inner else {})
        return driver

    def _known(self, driver: str) -> Mapping[str, DriverProperty]:
        return self.catalogue.driver_properties(self.build.name, self.machine.arch, driver)

    def _recorded(self, types: TypeTable) -> bool:
        """Return whether the build's properties were recorded: some drivers have none."""
        return any(self._known(name) for name in types.parents)

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

    def _set(
        self,
        driver: _Driver,
        types: DeviceTypes,
        known: Collection[str],
        known_inner: Collection[str],
    ) -> None:
        """Lay down what machine type, board and every ``-global`` say of a device of *driver*."""
        initial = initial_values(self.catalogue, driver.types, self.build)
        taken_back = {name for entry in initial if entry.after_compat for name in entry.properties}
        compat = [s for s in compat_of(self.machine) if s.property not in taken_back]
        layers = (compat, [*self._board(driver.types)], globals_of(self.settings))
        for setting, outer in in_order(types, *layers):
            if setting.property in (known if outer else known_inner):
                driver.put(
                    driver.values,
                    setting.property,
                    setting.value,
                    layer=setting.layer,
                    source=setting.source,
                )

    def _board(self, types: frozenset[str]) -> Iterator[Setting]:
        """Yield what the board sets by itself on devices that are of one of *types*."""
        for entry in self.catalogue.realize().board:
            if (
                self.machine.family in entry.machines
                and not types.isdisjoint(entry.drivers)
                and self._where(entry.when)
            ):
                yield from board_settings(entry)

    def _where(self, wanted: Mapping[str, str]) -> bool:
        """Return whether each ``driver.property`` has the value that is *wanted* of it."""
        parts = (driver_and_property(name) for name in wanted)
        found = [self.driver(driver).values.get(name) for driver, name in parts]
        return [part and part.value for part in found] == [*wanted.values()]
