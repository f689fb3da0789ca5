"""Properties that a command line writes and a QEMU does not have."""

from __future__ import annotations

from typing import Any

import pytest

import platform_abi as pa
from platform_abi.compat.finding import Finding
from platform_abi.compat.property_missing import property_findings

OLD, MIDDLE, NEW = "qemu-7.2.22", "qemu-10.0.2", "qemu-11.1.3"


def _found(catalogue: pa.FileCatalogue, build: str, **said: Any) -> list[Finding]:
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-7.2", **said)
    return [*property_findings(catalogue, pa.resolve(catalogue, vm, "linux-6.1"), build)]


@pytest.mark.parametrize("build", [OLD, MIDDLE, NEW])
def test_what_a_machine_type_has_every_qemu_with_it_has(
    catalogue: pa.FileCatalogue, build: str
) -> None:
    """So what a platform writes for it is known to each: one command line works on all."""
    devices = [
        *("virtio-net-pci,netdev=n0", "virtio-blk-pci,drive=d", "virtio-scsi-pci"),
        *("virtio-balloon-pci", "virtio-rng-pci", "virtio-serial-pci", "e1000", "qemu-xhci"),
    ]
    how = {"devices": devices, "netdevs": ["tap,id=n0"], "cpu": "Skylake-Server-v4,avx512f=off"}
    assert [] == _found(catalogue, build, **how)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"devices": ["virtio-net-pci,host_tunnel=on,id=x"]}, "virtio-net-pci.host_tunnel"),
        ({"devices": ["virtio-net,host_tunnel=on,id=x"]}, "virtio-net.host_tunnel"),
        ({"devices": ["nvme,atomic.dn=on,id=x"]}, "nvme.atomic.dn"),
        ({"cpu": "Skylake-Server-v4,fred=on"}, "Skylake-Server-v4-x86_64-cpu.fred"),
        (
            {"devices": ["virtio-net-pci"], "globals_": ["virtio-net-device.host_tunnel=on"]},
            "virtio-net-device.host_tunnel",
        ),
        (
            {"devices": ["virtio-net-pci"], "globals_": ["virtio-net-pci.host_tunnel=on"]},
            "virtio-net-pci.host_tunnel",
        ),
    ],
)
def test_what_came_later_is_refused_by_name(
    catalogue: pa.FileCatalogue, said: dict[str, Any], name: str
) -> None:
    """Wherever it is written: on a device, by an alias, on the CPU, by a -global on any type."""
    (finding,) = _found(catalogue, OLD, **said)
    assert ("property-missing", "blocked", name, "on") == (
        finding.code,
        finding.severity,
        finding.property,
        finding.value,
    )
    assert [] == _found(catalogue, NEW, **said)


def test_a_global_that_reaches_nothing_is_a_warning(catalogue: pa.FileCatalogue) -> None:
    """QEMU starts with it, and would refuse what is plugged later."""
    (finding,) = _found(catalogue, OLD, globals_=["nvme.atomic.dn=on"])
    assert ("property-missing", "warn") == (finding.code, finding.severity)


def test_a_global_on_a_nic_need_reach_nothing(catalogue: pa.FileCatalogue) -> None:
    """QEMU makes one of each to look at it."""
    (finding,) = _found(catalogue, OLD, globals_=["virtio-net-device.host_tunnel=on"])
    assert ("property-missing", "blocked") == (finding.code, finding.severity)


def test_a_switch_that_is_off_may_be_left_out(catalogue: pa.FileCatalogue) -> None:
    """Without the property there is nothing that could be on."""
    devices = ["virtio-net-pci,host_tunnel=off,id=x"]
    (finding,) = _found(catalogue, OLD, devices=devices)
    assert "leave it out" in finding.help
    assert "qemu-11.1.3 has it" in finding.help


@pytest.mark.parametrize(("accelerator", "missing"), [("tcg", 1), ("kvm", 0)])
def test_what_kvm_adds_to_a_cpu_is_not_missing_with_it(
    catalogue: pa.FileCatalogue, accelerator: str, missing: int
) -> None:
    """No QEMU lists it without KVM, and none has it then."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "virt-10.0",
        arch="aarch64",
        accelerator=accelerator,
        cpu="cortex-a57,kvm-steal-time=off",
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    found = [each.property for each in property_findings(catalogue, abi, MIDDLE)]
    assert found == ["cortex-a57-arm-cpu.kvm-steal-time"] * missing
