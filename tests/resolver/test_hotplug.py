"""What can be plugged is what QEMU says of a class and of a bus."""

from __future__ import annotations

import pytest

from platform_abi.definitions.catalogue import load_catalogue
from platform_abi.resolver.hotplug import fixed_devices
from platform_abi.resolver.virtual_machine import virtual_machine


def _fixed(machine: str, *devices: str, arch: str = "x86_64") -> set[str]:
    vm = virtual_machine(
        load_catalogue().devices(), machine, arch=arch, accelerator="tcg", devices=devices
    )
    return {*fixed_devices(load_catalogue(), vm)}


@pytest.mark.parametrize(
    ("machine", "arch", "fixed"),
    [
        ("pc-q35-9.1", "x86_64", True),
        ("pc-i440fx-9.1", "x86_64", False),
        ("virt-9.1", "aarch64", True),
        ("pseries-9.1", "ppc64", False),
        ("s390-ccw-virtio-9.1", "s390x", False),
    ],
)
def test_the_boards_own_bus_takes_devices_or_not(machine: str, arch: str, fixed: bool) -> None:
    """A device that is behind a port can be plugged on every board."""
    found = _fixed(
        machine,
        "virtio-rng-pci,id=board",
        "pcie-root-port,id=port",
        "virtio-rng-pci,id=behind,bus=port",
        arch=arch,
    )
    assert ("board" in found) is fixed
    assert "behind" not in found


@pytest.mark.parametrize(
    "driver",
    ["VGA", "virtio-vga", "virtio-gpu-pci", "vmcoreinfo", "isa-serial", "ide-hd", "ich9-usb-uhci1"],
)
def test_a_class_can_forbid_it_wherever_the_device_is(driver: str) -> None:
    """Its ancestors are asked: what all kinds of one thing have is said once."""
    assert {"it"} == _fixed("pc-i440fx-9.1", f"{driver},id=it", "virtio-rng-pci,id=other")


def test_nothing_is_said_of_a_machine_that_nobody_described() -> None:
    """Nor of a driver."""
    assert set() == _fixed("pc-i440fx-9.1", "no-such-driver,id=x")
    assert set() == _fixed("pc-bigger-99", "virtio-rng-pci,id=x")
