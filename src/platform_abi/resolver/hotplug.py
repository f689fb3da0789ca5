"""Which devices of a virtual machine can be plugged in or out while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import PlatformAbiError
from platform_abi.resolver.machine_choice import choose_machine

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.vm import VirtualMachine

_PCI = "pci"


def fixed_devices(catalogue: Catalogue, vm: VirtualMachine) -> frozenset[str]:
    """Return the labels of those that a running QEMU takes no command for.

    QEMU asks the device's class and then the bus that it is on (hw/core/qdev.c,
    ``device_get_hotpluggable``). What nobody described is not among them.
    """
    try:
        build, machine = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
    except PlatformAbiError:  # a lockfile outlives definitions
        return frozenset()
    types, options = catalogue.types(build.name, vm.arch), catalogue.options()
    board = options.board_of(vm.arch, machine.family)
    rigid = "" if board is None or board.hotplug else board.bus
    pci = options.address[_PCI].types if _PCI in options.address else ()
    fixed = set()
    for label, device in vm.labelled():
        lineage = {*types.ancestry(types.canonical(device.driver))}
        bus = dict(device.properties).get("bus", rigid)
        on_board = rigid and bus == rigid and not lineage.isdisjoint(pci)
        if on_board or not lineage.isdisjoint(options.fixed):
            fixed.add(label)
    return frozenset(fixed)
