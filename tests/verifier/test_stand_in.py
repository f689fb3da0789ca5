"""A QEMU that is started in a running one's place: a lockfile's arguments before stand-ins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.verifier.stand_in import Part, stand_in
from tests.verifier.recorded_machine import DEVICES, resolved


@given(devices=st.lists(st.sampled_from(DEVICES), unique=True))
def test_the_lockfiles_arguments_are_all_there(
    catalogue: pa.FileCatalogue, devices: list[str]
) -> None:
    """Every argument of the ABI is there in its order, and a device for each that it has."""
    abi = resolved(catalogue, devices=tuple(devices))
    words = stand_in(catalogue, abi).words({})
    wanted = iter(words)
    given_ = pa.arguments(abi)
    pairs = [p for p in zip(given_[::2], given_[1::2], strict=True) if p[0] != "-device"]
    assert all(word in wanted for pair in pairs for word in pair)
    drivers = [
        words[at + 1].partition(",")[0] for at, word in enumerate(words) if word == "-device"
    ]
    assert drivers == [device.driver for device in abi.vm.devices]


def test_what_two_devices_share_is_made_once(catalogue: pa.FileCatalogue) -> None:
    """Two devices on one I/O thread, or one netdev named twice, do not make it twice."""
    abi = resolved(
        catalogue,
        devices=(
            "virtio-blk-pci,drive=a,iothread=t,id=x",
            "virtio-blk-pci,drive=b,iothread=t,id=y",
        ),
    )
    assert stand_in(catalogue, abi).words({}).count("iothread,id=t") == 1


def test_two_devices_that_are_alike_are_two(catalogue: pa.FileCatalogue) -> None:
    """Nothing tells two devices without an id apart, and both are there."""
    abi = resolved(catalogue, devices=("virtio-rng-pci", "virtio-rng-pci"))
    assert stand_in(catalogue, abi).words({}).count("virtio-rng-pci") == 2


@pytest.mark.parametrize("backend", ["vhost-user", "vhost-vdpa", "passt", "macvtap"])
def test_what_takes_another_process_cannot_be_had(
    catalogue: pa.FileCatalogue, backend: str
) -> None:
    """A NIC whose backend is not QEMU's own is left out, with the reason; the others are not."""
    nic = pa.Device(driver="virtio-net-pci", id="a", backend=backend, properties=(("netdev", "n"),))
    rng = pa.Device(driver="virtio-rng-pci", id="b")
    vm = pa.VirtualMachine(machine="pc-q35-9.1", accelerator="tcg", devices=(nic, rng))
    made = stand_in(catalogue, pa.resolve(catalogue, vm, "linux-6.9"))
    assert [bool(part.why) for part in made.parts] == [True, False]
    assert backend in made.parts[0].why
    assert not any("virtio-net-pci," in word for word in made.words({}))


def test_a_nic_without_a_name_for_its_netdev_gets_one(catalogue: pa.FileCatalogue) -> None:
    """What came with -nic stands in front of a backend of its kind all the same."""
    nic = pa.Device(driver="virtio-net-pci", backend="tap")
    vm = pa.VirtualMachine(machine="pc-q35-9.1", accelerator="tcg", devices=(nic,))
    words = stand_in(catalogue, pa.resolve(catalogue, vm, "linux-6.9")).words({})
    (netdev,) = [words[at + 1] for at, word in enumerate(words) if word == "-netdev"]
    (device,) = [words[at + 1] for at, word in enumerate(words) if word == "-device"]
    assert netdev.startswith("tap,id=stand-in0")
    assert "netdev=stand-in0" in device.split(",")


def test_a_warning_blames_no_device() -> None:
    """QEMU names the option of what is deprecated, and goes on; it is another that it refuses."""
    part = Part(device="x", words=(("-netdev", "user,id=n"), ("-device", "e1000,netdev=n")))
    warned = "qemu-system-x86_64: -device e1000,netdev=n: warning: 'e1000' is deprecated"
    other = "qemu-system-x86_64: -device pvscsi: no such bus"
    assert not part.blamed(f"{warned}\n{other}")
    assert part.blamed(f"{warned}\nqemu-system-x86_64: -netdev user,id=n: not built in")
