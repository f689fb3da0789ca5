"""Values that QEMU works out of the number of vCPUs, written down as what they are.

A virtio disk has a queue for each vCPU that a virtual machine is started with. Where vCPUs are
plugged in later, its destination is started with more, and would have more queues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_abi.model.abi import Setting
from platform_abi.model.value import evolve
from platform_abi.resolver.explicit import decimal

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.vm import VirtualMachine

#: The fact that says how many vCPUs there are at the start.
_CPUS = "smp.cpus"


def counted_settings(catalogue: Catalogue, abi: GuestAbi, build: str) -> tuple[Setting, ...]:
    """Return a setting for each property of a driver that follows from the number of vCPUs.

    It is for all devices of the driver, as all have the same number; what is explicit wins over it,
    and what follows from such a property in its turn, such as vectors, QEMU works out alike. None
    where nobody knows the number of vCPUs.
    """
    return tuple(sorted(set(_counted(catalogue, abi, build)), key=lambda s: (s.driver, s.property)))


def _counted(catalogue: Catalogue, abi: GuestAbi, build: str) -> Iterator[Setting]:
    cpus = vcpus(abi.vm)
    if cpus is None:
        return
    types = catalogue.types(build, abi.vm.arch)
    counting = catalogue.counted_properties().keys()
    devices = tuple(
        evolve(device, id=label)
        for label, device in abi.vm.labelled()
        if not counting.isdisjoint(types.ancestry(types.canonical(device.driver)))
    )
    if not devices:
        return
    # Most virtual machines are resolved without knowing every property of a device.
    from platform_abi.model.realize import VCPUS
    from platform_abi.resolver.full import full_properties

    some = evolve(abi, vm=evolve(abi.vm, devices=devices))
    for device in full_properties(catalogue, some, build=build, vcpus=cpus).values():
        for name, value in device.properties.items():
            if value.rule is not None and value.rule.of == VCPUS and value.realized is not None:
                yield Setting(
                    driver=device.driver,
                    property=name,
                    value=value.realized,
                    layer="platform",
                    source=f"-smp cpus={cpus}",
                )


def vcpus(vm: VirtualMachine) -> int | None:
    """Return how many vCPUs *vm* is started with, None where nobody knows."""
    number = decimal(dict(vm.hardware or ()).get(_CPUS, ""), sized=False)
    return None if number is None else int(number)
