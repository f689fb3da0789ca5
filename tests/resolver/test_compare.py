"""What differs between two platforms, or between two guest ABIs."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given

import platform_abi as pa
from platform_abi.testing import Scenario, scenarios
from tests.resolver.shipped import machine_with_nics


def test_two_kernels_differ_by_what_the_newer_one_brought(catalogue: pa.FileCatalogue) -> None:
    """Linux 6.2 listed five features that 6.1 did not."""
    found = pa.diff_platforms(catalogue, "linux-6.1", "linux-6.2")

    assert [
        ("hyperv.tlbflush-direct", None, "off"),
        ("hyperv.tlbflush-ext", None, "off"),
        ("virtio-net.guest-uso4", None, "on"),
        ("virtio-net.guest-uso6", None, "on"),
        ("virtio-net.host-uso", None, "on"),
    ] == [(d.feature, d.before, d.after) for d in found]
    assert all(d.title for d in found)


def test_a_platform_does_not_differ_from_itself(catalogue: pa.FileCatalogue) -> None:
    """A bare name and the name at the newest edition are one platform."""
    newest = catalogue.newest_edition()
    for name in catalogue.platform_names():
        assert [] == pa.diff_platforms(catalogue, name, f"{name}@{newest}")


def test_the_other_way_round_is_the_mirror_image(catalogue: pa.FileCatalogue) -> None:
    """Before and after change places, and nothing else."""
    there = pa.diff_platforms(catalogue, "linux-5.14", "linux-rhel-9.5")
    back = pa.diff_platforms(catalogue, "linux-rhel-9.5", "linux-5.14")

    assert there
    assert [(d.feature, d.after, d.before) for d in there] == [
        (d.feature, d.before, d.after) for d in back
    ]


def test_overrides_are_compared_too(catalogue: pa.FileCatalogue) -> None:
    """What is written behind a name is part of the platform that is meant."""
    (found,) = pa.diff_platforms(catalogue, "linux-6.9", "linux-6.9,virtio-net.host-uso=off")

    assert ("virtio-net.host-uso", "on", "off") == (found.feature, found.before, found.after)


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ("linux-6.9,no.such=on", "unknown-feature"),
        ("linux-6.9,virtio-net.host-uso=maybe", "override-value"),
        ("linux-6.9,virtio-net.vnet-hdr=on", "override-impossible"),
        ("linux-6.99", "unknown-platform"),
        ("linux-6.9@2020.1", "unknown-edition"),
    ],
)
def test_a_choice_that_nothing_resolves_is_not_compared(
    catalogue: pa.FileCatalogue, choice: str, code: str
) -> None:
    """Comparing refuses what resolving refuses, on either side."""
    for pair in ((choice, "linux-6.9"), ("linux-6.9", choice)):
        with pytest.raises(pa.UsageError) as caught:
            pa.diff_platforms(catalogue, *pair)
        assert code == caught.value.code


def test_a_kernel_update_under_one_vm_shows_as_settings_and_needs(
    catalogue: pa.FileCatalogue,
) -> None:
    """Two ABIs of one VM differ in the settings that flipped and in what these need."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    before, after = (pa.resolve(catalogue, vm, p) for p in ("linux-6.1", "linux-6.2"))

    assert [
        ("precondition", "tun.uso", None, "needed"),
        ("setting", "virtio-net-device.guest_uso4", "off", "on"),
        ("setting", "virtio-net-device.guest_uso6", "off", "on"),
        ("setting", "virtio-net-device.host_uso", "off", "on"),
    ] == [(d.kind, d.what, d.before, d.after) for d in pa.diff_abis(before, after)]


@pytest.mark.parametrize(
    ("machine", "cpu", "nic", "expected"),
    [
        ("pc-q35-9.0", "qemu64", "virtio-net-pci", ("machine", "machine type")),
        ("pc-q35-9.1,usb=on", "qemu64", "virtio-net-pci", ("machine", "option usb")),
        ("pc-q35-9.1", "EPYC-v4", "virtio-net-pci", ("machine", "CPU model")),
        ("pc-q35-9.1", "qemu64,avx=on", "virtio-net-pci", ("machine", "CPU property avx")),
        ("pc-q35-9.1", "qemu64", "virtio-net-device", ("device", "nic0")),
        ("pc-q35-9.1", "qemu64", "virtio-net-pci,mac=52:54:00:00:00:01", ("device", "nic0.mac")),
    ],
)
def test_each_part_of_a_machine_is_compared_and_identified(
    catalogue: pa.FileCatalogue, machine: str, cpu: str, nic: str, expected: tuple[str, str]
) -> None:
    """A difference in any part of the VM is found, and makes another digest."""
    usual = machine_with_nics(catalogue, "pc-q35-9.1", "tap", cpu="qemu64")
    other = machine_with_nics(catalogue, machine, "tap", cpu=cpu, nic=nic)
    before, after = (pa.resolve(catalogue, vm, "linux-6.9") for vm in (usual, other))

    assert expected in {(d.kind, d.what) for d in pa.diff_abis(before, after)}
    assert pa.abi_digest(before) != pa.abi_digest(after)


@given(scenarios())
def test_what_is_unpinned_is_a_difference(scenario: Scenario) -> None:
    """An ABI that leaves something to the host differs from one that does not."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    loose = evolve(abi, unpinned=(*abi.unpinned, pa.Unpinned(what="new", pin="x=1")))

    assert [("unpinned", "new", None, "left to the host")] == [
        (d.kind, d.what, d.before, d.after) for d in pa.diff_abis(abi, loose)
    ]
    assert pa.abi_digest(abi) != pa.abi_digest(loose)


def test_hardware_is_compared_by_its_names(catalogue: pa.FileCatalogue) -> None:
    """Facts are told one by one, and those of a lockfile that has none are not there."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1")
    before, after = (
        pa.resolve(catalogue, evolve(vm, hardware=facts), "linux-6.9")
        for facts in ((("memory.size", "1024"),), (("memory.size", "1024"), ("smp.cpus", "2")))
    )
    assert [("hardware", "smp.cpus", None, "2")] == [
        (d.kind, d.what, d.before, d.after) for d in pa.diff_abis(before, after)
    ]
    assert pa.abi_digest(before) != pa.abi_digest(after)
