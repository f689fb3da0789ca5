"""What a throw-away QEMU is started with: a lockfile's arguments, or harmless words of a user's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.verifier.harmless import harmless
from platform_abi.verifier.stand_in import stand_in
from tests.verifier.recorded_machine import DEVICES, resolved

#: Options that reach nobody else.
_OWN = (
    ["-machine", "pc-q35-9.1"],
    ["-cpu", "qemu64"],
    ["-nodefaults"],
    ["--enable-kvm"],
    ["-device", "virtio-net-pci,netdev=n0"],
    ["-device", '{"driver": "virtio-rng-pci"}'],
    ["-netdev", "tap,id=n0,script=no"],
    ["-global", "virtio-net-device.csum=off"],
    ["-object", "rng-random,id=r0,filename=/dev/urandom"],
    ["-blockdev", "driver=file,node-name=d0,filename=a,,b.img"],
    ["disk.img"],
)
#: Options that would take something from a QEMU that runs, and what becomes of each.
_OTHERS: tuple[tuple[list[str], list[str]], ...] = (
    (["-qmp", "unix:/run/vm.qmp,server=on"], []),
    (["--qmp", "unix:/run/vm.qmp,server=on"], []),
    (["-mon", "chardev=m"], []),
    (["-daemonize"], []),
    (["-pidfile", "/run/vm.pid"], []),
    (["-S"], []),
    (["-display", "none"], []),
    (["-vnc", ":1"], []),
    (["-incoming", "defer"], []),
    (["-mem-path", "/dev/shm/vm"], []),
    (["-serial", "unix:/run/console,server=on"], ["-serial", "null"]),
    (["-chardev", "socket,id=c0,path=/run/c,server=on"], ["-chardev", "null,id=c0"]),
    (
        ["-object", "memory-backend-file,id=m0,size=64M,mem-path=/dev/shm/vm,share=on"],
        ["-object", "memory-backend-ram,id=m0,size=64M"],
    ),
    (
        ["-object", '{"qom-type": "memory-backend-file", "id": "m0", "size": 67108864}'],
        ["-object", "memory-backend-ram,id=m0,size=67108864"],
    ),
)


@given(options=st.lists(st.sampled_from(_OWN)))
def test_what_reaches_nobody_is_left_as_it_is(
    catalogue: pa.FileCatalogue, options: list[list[str]]
) -> None:
    """Words that take nothing from another QEMU come out as they went in."""
    words = [word for option in options for word in option]
    assert harmless(catalogue.options(), words) == words


@given(
    options=st.lists(
        st.sampled_from([(option, option) for option in _OWN] + list(_OTHERS)), max_size=12
    )
)
def test_what_reaches_another_qemu_is_taken_out(
    catalogue: pa.FileCatalogue, options: list[tuple[list[str], list[str]]]
) -> None:
    """Sockets, files and shared memory of another QEMU are not touched; the order stays."""
    words = [word for option, _ in options for word in option]
    expected = [word for _, left in options for word in left]
    found = harmless(catalogue.options(), words)
    assert found == expected
    assert harmless(catalogue.options(), found) == found


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
