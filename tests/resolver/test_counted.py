"""What follows from the number of vCPUs is a value, and stays what it was."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.model.abi import Setting
from platform_abi.resolver.admission import refusals
from platform_abi.resolver.counted import vcpus
from platform_abi.resolver.offered import offered_bits

_MQ = 1 << 12


def _abi(
    catalogue: pa.FileCatalogue, *devices: str, cpus: str | None = "4", machine: str = "pc-q35-9.1"
) -> pa.GuestAbi:
    vm = pa.virtual_machine(catalogue.devices(), machine, devices=devices)
    hardware = None if cpus is None else [("smp.cpus", cpus)]
    hardware = hardware and [*hardware, *((f"device.{label}", label) for label in vm.labels())]
    vm = evolve(vm, hardware=None if hardware is None else tuple(hardware))
    return pa.resolve(catalogue, vm, "linux-6.9")


def _queues(abi: pa.GuestAbi) -> dict[str, str]:
    return {
        f"{s.driver}.{s.property}": s.value
        for s in abi.settings
        if s.property in ("num-queues", "num_queues")
    }


@pytest.mark.parametrize("cpus", ["1", "4", "1025"])
def test_a_disk_has_a_queue_for_each_vcpu(catalogue: pa.FileCatalogue, cpus: str) -> None:
    """As many as QEMU makes, on PCI and as far as the machine type does so; none elsewhere."""
    abi = _abi(catalogue, "virtio-blk-pci,id=a", "virtio-scsi-pci", "virtio-rng-pci", cpus=cpus)
    most = min(int(cpus), 1024), min(int(cpus), 1022)
    assert {
        "virtio-blk-pci.num-queues": str(most[0]),
        "virtio-scsi-pci.num_queues": str(most[1]),
    } == _queues(abi)
    assert f"virtio-blk-pci.num-queues={most[0]}" in pa.arguments(abi)
    assert (int(cpus) > 1) is bool(offered_bits(catalogue, abi, "a") & _MQ)
    assert {} == _queues(_abi(catalogue, "virtio-blk-pci", machine="pc-q35-5.1"))


def test_what_is_explicit_stays(catalogue: pa.FileCatalogue) -> None:
    """One value of the user's own needs none of ours, and others of its driver have it still."""
    assert {} == _queues(_abi(catalogue, "virtio-blk-pci,num-queues=2"))
    abi = _abi(catalogue, "virtio-blk-pci,num-queues=2,id=a", "virtio-blk-pci,id=b")
    full = pa.full_properties(catalogue, abi)
    assert ("2", "4") == tuple(full[i].properties["num-queues"].final for i in ("a", "b"))


def test_nobody_guesses(catalogue: pa.FileCatalogue) -> None:
    """Where the number of vCPUs is not known nothing follows from it."""
    abi = _abi(catalogue, "virtio-blk-pci", cpus=None)
    assert vcpus(abi.vm) is None
    assert {} == _queues(abi)


def test_a_lockfile_may_say_it(catalogue: pa.FileCatalogue) -> None:
    """A number of queues, and nothing else that way."""
    abi = _abi(catalogue, "virtio-blk-pci", "virtio-scsi-pci")
    assert [] == [*refusals(catalogue, abi)]
    for driver, name, value in (
        ("virtio-blk-pci", "num-queues", "many"),
        ("virtio-rng-pci", "num-queues", "4"),
        ("virtio-blk-pci", "romfile", "4"),
    ):
        forged = Setting(driver=driver, property=name, value=value, layer="platform", source="x")
        assert [*refusals(catalogue, evolve(abi, settings=(*abi.settings, forged)))]


@pytest.mark.parametrize("text", ["9" * 5000, "-1", "four", "", "04"])
def test_a_number_of_vcpus_that_is_none_is_unknown(text: str) -> None:
    """A lockfile may say anything."""
    vm = pa.VirtualMachine(machine="pc-q35-9.1", hardware=(("smp.cpus", text),))
    assert vcpus(vm) is None
