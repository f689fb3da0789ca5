"""What a guest can tell of each device: its driver, where it is, and its properties.

A device is called what its user likes, which no guest sees. So each is described by what it is and
by its place, and what refers to another device by a description of that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from platform_abi.model.catalogue import Catalogue
from platform_abi.model.machine import MachineType, TypeTable
from platform_abi.model.option_language import join_options
from platform_abi.model.value import define, field
from platform_abi.model.vm import Device, Properties, VirtualMachine
from platform_abi.resolver.admission import Known
from platform_abi.resolver.machine_table import known_build
from platform_abi.resolver.spelling import spelled

#: What a place is said to be that QEMU gives.
AUTOMATIC = "automatic"

#: The place of a device of no kind that definitions describe.
_ORDER = "order"

_BUS = "bus"

#: Slot and function of a PCI device, hexadecimal (hw/core/qdev-properties.c, set_pci_devfn).
_SLOT = re.compile(r"(?:0x)?([0-9a-f]{1,2})(?:\.(?:0x)?([0-7]))?", re.IGNORECASE | re.ASCII)

#: The address that a network device has; QEMU numbers those that nobody gave one (net/net.c,
#: qemu_macaddr_default_if_unset).
_MAC = "mac"


def described_devices(
    catalogue: Catalogue,
    vm: VirtualMachine,
    build: str,
    machine: MachineType,
    behind: Mapping[str, str],
) -> dict[str, str]:
    """Return by label what a guest can tell of each device, in QEMU's option language.

    *behind* is what it can tell of a device's backend. Two devices with one text are the same
    to it.
    """
    work = _Work(catalogue=catalogue, vm=vm, build=build, machine=machine, behind=behind)
    return {label: work.text(label) for label in work.devices}


def visible(
    catalogue: Catalogue, types: TypeTable, driver: str, properties: Properties
) -> Properties:
    """Return those *properties* of a device that more than the host can tell."""
    lineage, visibility = tuple(types.ancestry(driver)) or (driver,), catalogue.visibility()
    return tuple((k, v) for k, v in properties if visibility.seen(lineage, k) != "host")


def slot_text(value: str) -> str:
    """Return the place of a PCI device as ``1f.0``, or *value* where it is none."""
    match = _SLOT.fullmatch(value)
    return value if match is None else f"{int(match[1], 16):02x}.{match[2] or 0}"


@define(kw_only=True, eq=False, repr=False)
class _Work:
    """The devices of one virtual machine, on their way to texts."""

    catalogue: Catalogue
    vm: VirtualMachine
    build: str
    machine: MachineType
    behind: Mapping[str, str]
    devices: dict[str, tuple[Device, str]] = field(init=False)
    texts: dict[str, str] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        devices = placed(self.catalogue, self.vm, self.build, self.machine)
        self.devices = dict(zip(self.vm.labels(), devices, strict=True))

    def text(self, label: str) -> str:
        """Return what a guest can tell of the device called *label*."""
        if label not in self.texts:
            self.texts[label] = label  # one that is on a bus of its own is called as it is
            device, place = self.devices[label]
            self.texts[label] = join_options(device.driver, (*self._pairs(device, label, place),))
        return self.texts[label]

    def _pairs(self, device: Device, label: str, place: str) -> Iterator[tuple[str, str]]:
        yield "at", place
        if device.backend:
            yield "backend", device.backend
        if label in self.behind:
            yield "behind", self.behind[label]
        for key, value in sorted(dict(device.properties).items()):
            bus, dot, number = value.partition(".")
            if key == _BUS and bus in self.devices:
                yield key, f"({self.text(bus)}){dot}{number}"
            else:
                yield key, value


def placed(
    catalogue: Catalogue, vm: VirtualMachine, build: str, machine: MachineType
) -> Iterator[tuple[Device, str]]:
    """Yield each device with canonical names and values of what is seen of it, and its place.

    That is in words what was given, and where QEMU decides, the number of the device among those of
    its kind that QEMU places, in their order.
    """
    known = known_build(catalogue, build, vm.arch)
    options, admitted = catalogue.options(), Known(catalogue, vm)
    board = options.board_of(vm.arch, machine.family)
    counted: dict[str, int] = {}

    def automatic(kind: str) -> str:
        counted[kind] = counted.get(kind, 0) + 1
        return f"{kind} {AUTOMATIC} {counted[kind]}"

    for device in vm.devices:
        driver = known.types.canonical(device.driver)
        lineage = {*known.types.ancestry(driver)}
        kinds = known.kinds(driver)
        given = {
            key: spelled(kinds.get(key, ""), value)
            for key, value in visible(catalogue, known.types, driver, device.properties)
            if not admitted.of_host(device.driver, key, value)
        }
        if board is not None and board.bus and given.get(_BUS) == board.bus:
            del given[_BUS]
        where = []
        for kind, address in options.address.items():
            if lineage.isdisjoint(address.types):
                continue
            if all(name in given for name in address.properties):
                where.append(f"{kind} given")
            else:
                where.append(automatic(kind))
            if "addr" in given and kind == _PCI:
                given["addr"] = slot_text(given["addr"])
        if _MAC in kinds and _MAC not in given:
            where.append(automatic(_MAC))
        yield (
            Device(
                driver=driver, id=device.id, properties=(*given.items(),), backend=device.backend
            ),
            "; ".join(where or [automatic(_ORDER)]),
        )


_PCI = "pci"
