"""Values that QEMU works out of the number of vCPUs, written down as what they are.

A virtio disk has a queue for each vCPU that a virtual machine is started with. Where vCPUs are
plugged in later, its destination is started with more, and would have more queues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve

from platform_abi.model.abi import Setting
from platform_abi.model.realize import VCPUS
from platform_abi.resolver.explicit import decimal
from platform_abi.resolver.full import full_properties
from platform_abi.resolver.machine_table import known_build

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
    known = known_build(catalogue, build, abi.vm.arch)
    counting = _counting(catalogue)
    devices = tuple(
        evolve(device, id=label)
        for label, device in abi.vm.labelled()
        if not counting.isdisjoint(known.types.ancestry(known.types.canonical(device.driver)))
    )
    if not devices:
        return
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


def _counting(catalogue: Catalogue) -> frozenset[str]:
    """Return the types of which a property follows from the number of vCPUs."""
    return frozenset(d for r in catalogue.realize().rules if r.of == VCPUS for d in r.drivers)


def vcpus(vm: VirtualMachine) -> int | None:
    """Return how many vCPUs *vm* is started with, None where nobody knows."""
    number = decimal(dict(vm.hardware or ()).get(_CPUS, ""), sized=False)
    return None if number is None else int(number)
