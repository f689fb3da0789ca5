"""What a guest finds of a virtual machine's devices in a build, by what was recorded of that build.

A recorded view is of a device with the properties that ``definitions/guests`` gives it, at one or
two places. Of another device of that driver it tells every fact in which none of the properties
show that are not the same there (``definitions/visibility``, ``shown``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from platform_abi.errors import UsageError
from platform_abi.guest.document import recorded_view
from platform_abi.guest.view import REFUSED, BinaryView, Facts, GuestView
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily
from platform_abi.model.guest import (
    EVERY_FACT,
    DeviceView,
    GuestBoard,
    GuestDevice,
    GuestDevices,
    MachineView,
    label,
)
from platform_abi.model.memo import remembered
from platform_abi.model.option_language import split_options
from platform_abi.model.realize import DeviceProperties, PropertyValue
from platform_abi.model.value import evolve, frozen
from platform_abi.model.vm import Device, VirtualMachine
from platform_abi.resolver.full import full_properties
from platform_abi.resolver.layers import device_types, inner_device, inner_types

#: The kinds of place of devices that can be looked at; what is on a board's virtio-mmio bus is
#: known by what is inside of such devices.
_PCI, _CCW, _MMIO = "pci", "ccw", "mmio"

_BUS = "bus"

#: Facts in which the property of a feature bit shows, and in which what is behind a device does: a
#: device's configuration has room for what is offered only.
_OFFERED = ("features", "legacy-features", "config")


@frozen(kw_only=True)
class RecordedDevice:
    """A device of a virtual machine, and one that was looked at: of its driver, or the like of it.

    *driver* is that of the first, *of* that of the other. *properties* and *usual* are the
    properties of either in that build; *facts* is all that was found of the one that was looked at.
    """

    driver: str
    of: str
    types: frozenset[str]
    facts: Facts
    properties: Mapping[str, PropertyValue]
    usual: Mapping[str, PropertyValue]


@frozen(kw_only=True)
class RecordedMachine:
    """What is recorded of a virtual machine's devices in one build.

    *view* has what of that holds for the virtual machine's own devices, *devices* all of it: of
    each the one of its driver that was looked at, or else all that are the most like it.
    """

    view: MachineView
    devices: Mapping[str, tuple[RecordedDevice, ...]]


def recorded_machine(catalogue: Catalogue, abi: GuestAbi, build: str) -> RecordedMachine | None:
    """Return what is recorded that a guest of *abi* finds of its devices in *build*.

    None where no view of that machine type is recorded, or the build does not have all its drivers.
    Raises UnknownNameError for no such build.
    """
    vm = abi.vm
    looked_at = catalogue.guest_devices(vm.arch)
    recorded = _recorded(catalogue, build, vm.arch)
    board = looked_at.board_of(vm.machine) if looked_at else None
    if looked_at is None or recorded is None or board is None:
        return None
    machine = recorded.machines.get(vm.machine)
    if machine is None:
        return None
    try:
        properties = full_properties(catalogue, abi, build=build)
    except UsageError:
        return None
    work = _Work(catalogue, build, abi, looked_at=looked_at, board=board, machine=machine)
    views, devices = {}, {}
    for name, view, looked in work.devices(properties):
        views[name], devices[name] = view, looked
    return RecordedMachine(view=MachineView(qemu=build, devices=views), devices=devices)


def with_recorded(catalogue: Catalogue, abi: GuestAbi, build: str | None) -> GuestAbi:
    """Return *abi* with what is recorded that its guest finds in *build*.

    As it is where it has a view already, where no build is known, and where nothing is recorded.
    """
    if abi.view is not None or build is None:
        return abi
    found = recorded_machine(catalogue, abi, build)
    return abi if found is None else evolve(abi, view=found.view)


@remembered()
def _recorded(catalogue: Catalogue, build: str, arch: str) -> BinaryView | None:
    return recorded_view(catalogue.locate, build, arch)


class _Work:
    """One virtual machine, whose devices are looked up in the *machine* of a build's views."""

    def __init__(
        self,
        catalogue: Catalogue,
        build: str,
        abi: GuestAbi,
        *,
        looked_at: GuestDevices,
        board: GuestBoard,
        machine: GuestView,
    ) -> None:
        self._catalogue, self._build, self._vm = catalogue, build, abi.vm
        self._looked_at, self._board, self._machine = looked_at, board, machine
        self._types = catalogue.types(build, abi.vm.arch)
        self._inside = inner_types(catalogue, self._types)
        self._settings = abi.settings

    def devices(
        self, properties: Mapping[str, DeviceProperties]
    ) -> Iterator[tuple[str, DeviceView, tuple[RecordedDevice, ...]]]:
        """Yield of each device its label, what a guest finds of it, and what that is by.

        Nothing of one on a bus where none are looked at.
        """
        by_label = dict(self._vm.labelled())
        for name, device in by_label.items():
            driver = self._types.canonical(device.driver)
            on = self._kind_of_place(driver, device)
            if on is None:
                continue
            told = DeviceView(driver=driver, untold=(EVERY_FACT,))
            there = self._behind_port(device, by_label) if on == _PCI else False
            looked = [
                (found, self._device(driver, found, properties[name]))
                for entry in self._like(driver, on)
                for found in self._at(entry, there)
            ]
            if len(looked) == 1 and looked[0][1].of == driver and not self._otherwise(on):
                (found, recorded), *_ = looked
                told = self._told(recorded, device, found.of_places)
            yield name, told, tuple(recorded for _, recorded in looked)

    def _kind_of_place(self, driver: str, device: Device) -> str | None:
        """Return on what kind of bus a device is, None for one that is not looked at there."""
        address, types = self._catalogue.options().address, frozenset(self._types.ancestry(driver))
        for kind in (_PCI, _CCW):
            if not types.isdisjoint(address[kind].types):
                return kind
        slots, bus = self._board.mmio, dict(device.properties).get(_BUS)
        if slots is None or types.isdisjoint(self._inside.values()):
            return None
        return _MMIO if bus is None or slots.slot_of(bus) is not None else None

    def _otherwise(self, on: str) -> bool:
        """Return whether the registers of virtio-mmio devices are others than those looked at."""
        slots = self._board.mmio
        if on != _MMIO or slots is None:
            return False
        types = frozenset(self._types.ancestry(slots.driver))
        set_ = {each.driver for each in self._vm.globals} | {each.driver for each in self._settings}
        return not types.isdisjoint(set_)

    def _device(self, driver: str, found: _Found, own: DeviceProperties) -> RecordedDevice:
        return RecordedDevice(
            driver=driver,
            of=self._types.canonical(found.entry.driver),
            types=device_types(self._types, driver, self._inner(driver)).every,
            facts=found.facts,
            properties=own.properties,
            usual=_usual(self._catalogue, self._build, self._alone(found)),
        )

    def _inner(self, driver: str) -> str:
        return inner_device(self._types, self._inside, driver)

    def _like(self, driver: str, on: str) -> list[GuestDevice]:
        """Return the device of *driver* that is looked at, else those that are the most like it.

        They are *on* the same kind of bus. What makes a device is the type inside of it, or its
        own; the types of every device on such a bus make none like another.
        """
        entries = {
            self._types.canonical(each.driver): each
            for each in self._looked_at.device
            if each.on == on and not each.backend and each.driver in self._types
        }
        if driver in entries:
            return [entries[driver]]
        kind = self._catalogue.options().address.get(on)
        outer = () if kind is None else kind.types
        common = {name for each in outer for name in self._types.ancestry(each)}
        for step in self._types.ancestry(self._inner(driver) or driver):
            if step in common:
                break
            found = [
                each
                for name, each in entries.items()
                if step in self._types.ancestry(self._inner(name) or name)
            ]
            if found:
                return found
        return []

    def _at(self, entry: GuestDevice, there: bool | None) -> Iterator[_Found]:
        """Yield what is recorded of *entry* behind a port or not, as *there*, else elsewhere.

        Nothing where nothing is. The view of another place does not tell what the place of any
        device decides.
        """
        for port in sorted((False, True), key=lambda port: port != there):
            facts = self._machine.devices.get(label(entry, port=port))
            if facts is not None and REFUSED not in facts:
                elsewhere = (
                    frozenset() if port == there else _of_places(self._machine, label(entry))
                )
                yield _Found(entry=entry, port=port, facts=facts, of_places=elsewhere)
                return

    def _behind_port(self, device: Device, by_label: Mapping[str, Device]) -> bool | None:
        """Return whether *device* is plugged into a port; None: neither that nor on the root."""
        bus = dict(device.properties).get(_BUS)
        if bus is None or bus == self._board.bus:
            return False
        bridge = by_label.get(bus.partition(".")[0])
        if bridge is not None and self._types.canonical(bridge.driver) == self._board.port:
            return True
        return None

    def _told(
        self, recorded: RecordedDevice, device: Device, of_places: frozenset[str]
    ) -> DeviceView:
        """Return what of a *recorded* device holds for *device*, but for facts *of_places*."""
        values, usual = recorded.properties, recorded.usual
        unlike = {name for name, value in values.items() if _unlike(value, usual.get(name))}
        untold = {*of_places, *self._shown(recorded, unlike)}
        if device.backend:
            untold.update(_OFFERED)
        if EVERY_FACT in untold:
            return DeviceView(driver=recorded.driver, untold=(EVERY_FACT,))
        told = DeviceView(driver=recorded.driver, untold=tuple(sorted(untold)))
        facts = {fact: text for fact, text in recorded.facts.items() if told.tells(fact)}
        return evolve(told, facts=facts)

    def _alone(self, found: _Found) -> VirtualMachine:
        """Return a virtual machine that has the device that was looked at, in its place, alone."""
        entry = found.entry
        pairs = split_options(f"{entry.driver},{entry.options}".rstrip(","), "driver")[1:]
        devices: tuple[Device, ...] = (Device(driver=entry.driver, properties=pairs),)
        if found.port:
            port = Device(driver=self._board.port, id=_PORT)
            pairs = ((_BUS, _PORT), *pairs)
            devices = (port, Device(driver=entry.driver, properties=pairs))
        return VirtualMachine(
            machine=self._vm.machine,
            arch=self._vm.arch,
            accelerator=self._vm.accelerator,
            devices=devices,
        )

    def _shown(self, recorded: RecordedDevice, names: Collection[str]) -> Iterator[str]:
        """Yield in what the properties called *names* show, ``*`` where nobody knows."""
        visibility = self._catalogue.visibility()
        family = self._catalogue.devices().family_of(recorded.driver)
        bits = _bit_properties(self._catalogue, family)
        for name in names:
            known = visibility.shows(recorded.types, name)
            yield from (fact for entry in known for fact in entry.facts)
            if name in bits:
                # BAR 0 of a legacy device has room for its configuration.
                yield from (*_OFFERED, "bar0")
            elif not known and visibility.seen((*recorded.types,), name) == "guest":
                yield EVERY_FACT


@frozen(kw_only=True)
class _Found:
    """A device that was looked at, behind a *port* or not, and what a guest finds of it.

    *of_places* are facts that another place than its own decides otherwise.
    """

    entry: GuestDevice
    port: bool
    facts: Facts
    of_places: frozenset[str] = frozenset()


#: What a port is called that nothing else is beside.
_PORT = "port"


@remembered()
def _usual(catalogue: Catalogue, build: str, vm: VirtualMachine) -> Mapping[str, PropertyValue]:
    """Return the properties of the last device of *vm*, of which nothing else says more."""
    abi = GuestAbi(vm=vm, platform="", edition="", settings=(), preconditions=(), unpinned=())
    # One vCPU is what a QEMU has that is told nothing of them.
    *_, found = full_properties(catalogue, abi, build=build, vcpus=1).values()
    return found.properties


def _unlike(value: PropertyValue, usual: PropertyValue | None) -> bool:
    """Return whether a property need not be what it is for the device that was looked at."""
    if usual is None or value.left_to in _OF_THE_HOST:
        return True
    return value.final != usual.final


#: Who may decide of two devices otherwise that are given the same.
_OF_THE_HOST = frozenset({"backend", "host", "vcpus", "queues"})


def _bit_properties(catalogue: Catalogue, family: DeviceFamily | None) -> frozenset[str]:
    bits = (*catalogue.devices().common_bits, *(() if family is None else family.bit))
    return frozenset(bit.property for bit in bits if bit.property)


def _of_places(machine: GuestView, name: str) -> frozenset[str]:
    """Return the facts that its place decides, of the device that a view calls *name*.

    They are those that differ between two places, of any device where it was looked at in one.
    Elsewhere may be behind a bridge of conventional PCI, where no device is an express one.
    """
    places = {each: f"{each} behind port" for each in machine.devices}
    known = {name} if places.get(name) in machine.devices else places.keys()
    found = {"capability express", "extended *"}
    for each in known:
        first = machine.devices[each]
        second = machine.devices.get(places[each], first)
        if REFUSED not in first and REFUSED not in second:
            found |= {k for k in first.keys() | second.keys() if first.get(k) != second.get(k)}
    return frozenset(found)
