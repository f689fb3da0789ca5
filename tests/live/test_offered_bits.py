"""The proof: the feature bits that a real QEMU offers are the ones that the ABI predicts.

For every versioned q35 and i440fx machine type of each QEMU, behind a tap and behind user-mode
networking, on four platforms: a paused QEMU is started with the resolved arguments, and a guest's
view of each virtio device is read from PCI configuration space. Hosts with older kernels are
simulated for QEMU by refusing what their tap driver would refuse; ``newest`` is the newest
upstream platform, on the real kernel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.model.platform import version_key
from platform_abi.qemu.qtest import QUIET, Qtest
from tests.live.conftest import BUILD_OF
from tests.live.pci_bus import PciBus

pytestmark = pytest.mark.live

_BOARD = re.compile(r"pc-(q35|i440fx)-\d+\.\d+(\.\d+)?")

#: TUN_F_* bits (linux/if_tun.h) that the kernel of a platform does not know.
_HIDDEN = {"linux-5.14": 0x1E0, "linux-6.9": 0x180, "newest": 0, "conservative": 0}
_ALL_OFFLOADS = 0x1FF & ~0x10  # UFO is asked for separately

_OTHERS = (
    "virtio-blk-pci,id=blk,drive=disk",
    "virtio-rng-pci,id=rng",
    "virtio-balloon-pci,id=balloon",
    "virtio-scsi-pci,id=scsi",
    "virtio-serial-pci,id=serial",
)
_DISK = ("-blockdev", "driver=null-co,node-name=disk,read-zeroes=on")


@dataclass(frozen=True)
class Started:
    """What a paused QEMU offered, and what the ABI predicted, by device id."""

    offered: dict[str, int]
    predicted: dict[str, int]


@dataclass(frozen=True)
class Lab:
    """One QEMU, the shipped definitions, and a shim that hides what an older kernel lacks."""

    catalogue: pa.FileCatalogue
    version: str
    qemu: Path
    shim: Path

    def platform(self, name: str) -> str:
        """Return the platform that *name* stands for: ``newest`` is the newest upstream one."""
        if name != "newest":
            return name
        upstream = re.compile(r"linux-\d+\.\d+")
        return [n for n in self.catalogue.platform_names() if upstream.fullmatch(n)][-1]

    def boards(self) -> list[str]:
        """Return the versioned q35 and i440fx machine types, newest of each family first."""
        build = BUILD_OF[self.version]
        machines = self.catalogue.build(build, "x86_64").machines
        return [name for name in machines if _BOARD.fullmatch(name)]

    def start(
        self, machine: str, platform: str, devices: Sequence[str], *netdevs: str, hidden: int = 0
    ) -> Started:
        """Start QEMU with the resolved arguments, and read every virtio device of it."""
        placed = [f"{text},addr={slot:#x}" for slot, text in enumerate(devices, start=4)]
        vm = pa.virtual_machine(
            self.catalogue.devices(), machine, accelerator="tcg", devices=placed, netdevs=netdevs
        )
        abi = pa.resolve(self.catalogue, vm, self.platform(platform))
        ids = [device_id(text) for text in devices]
        environment = {"LD_PRELOAD": str(self.shim), "OLD_KERNEL_TUN_MASK": f"{hidden:#x}"}
        arguments = [*complete(pa.arguments(abi), placed), *QUIET, *_DISK]
        for netdev in netdevs:
            arguments[:0] = ["-netdev", netdev]
        with Qtest(self.qemu, arguments, environment=environment) as qtest:
            bus = PciBus(qtest)
            offered = {name: bus.offered(slot).features for slot, name in enumerate(ids, start=4)}
        return Started(
            offered=offered,
            predicted={name: pa.offered_bits(self.catalogue, abi, name) for name in ids},
        )


def complete(words: list[str], devices: list[str]) -> list[str]:
    """Return resolved arguments with the devices that they do not name themselves."""
    named = {device_id(text) for option, text in pairwise(words) if option == "-device"}
    missing = [text for text in devices if device_id(text) not in named]
    return [*words, *(word for text in missing for word in ("-device", text))]


def device_id(device: str) -> str:
    """Return the id in the options of a *device*."""
    found = re.search(r"\bid=(\w+)", device)
    assert found is not None, device
    return found[1]


def _netdev(backend: str, name: str = "n0") -> str:
    return f"user,id={name}" if backend == "user" else f"tap,id={name},script=no,downscript=no"


@pytest.fixture
def lab(
    catalogue: pa.FileCatalogue,
    qemu_version: str,
    qemu: Path,
    old_kernel: Path,
    can_tap: None,
) -> Lab:
    """Return what most tests here need."""
    del can_tap
    return Lab(catalogue=catalogue, version=qemu_version, qemu=qemu, shim=old_kernel)


@pytest.mark.parametrize("platform", _HIDDEN)
@pytest.mark.parametrize("backend", ["tap", "user"])
def test_offered_bits_are_the_predicted_ones(
    lab: Lab, require_tap_offloads: Callable[[int], None], platform: str, backend: str
) -> None:
    """On a host of the platform, every virtio device of every board offers what was predicted."""
    hidden = _HIDDEN[platform]
    require_tap_offloads(_ALL_OFFLOADS & ~hidden)
    devices = ("virtio-net-pci,id=net,netdev=n0", *_OTHERS)
    boards = lab.boards()
    wrong: list[str] = []
    for machine in boards:
        started = lab.start(machine, platform, devices, _netdev(backend), hidden=hidden)
        wrong += [
            f"{machine} {name}: offered {started.offered[name]:#x}, predicted {predicted:#x}"
            for name, predicted in started.predicted.items()
            if started.offered[name] != predicted
        ]
    print(f"{lab.version} {platform} {backend}: {len(boards) * len(devices)} devices compared")  # noqa: T201
    assert len(boards) >= 20
    assert wrong == []


@pytest.mark.parametrize("platform", ["linux-5.14", "linux-6.9", "conservative"])
def test_two_hosts_one_command_line_one_guest(
    lab: Lab, require_tap_offloads: Callable[[int], None], platform: str
) -> None:
    """The same arguments give the same bits on the platform's own kernel and on a newer one."""
    require_tap_offloads(_ALL_OFFLOADS)
    nic = ("virtio-net-pci,id=net,netdev=n0",)
    old = _HIDDEN[platform] or 0x1E0
    for machine in lab.boards()[:6]:
        newer = lab.start(machine, platform, nic, _netdev("tap"), hidden=0)
        older = lab.start(machine, platform, nic, _netdev("tap"), hidden=old)
        assert newer.offered == older.offered, machine


def test_without_a_platform_two_hosts_give_two_guests(
    lab: Lab, require_tap_offloads: Callable[[int], None]
) -> None:
    """What is cured is real: QEMU's own defaults differ by the host's kernel."""
    require_tap_offloads(_ALL_OFFLOADS)
    if lab.version == "7.2":
        pytest.skip("QEMU 7.2 asks the tap for nothing that kernels since 4.18 differ in")
    bits = []
    for hidden in (0, 0x1E0):
        arguments = ["-machine", lab.boards()[0], *QUIET, "-netdev", _netdev("tap")]
        arguments += ["-device", "virtio-net-pci,netdev=n0,addr=0x4"]
        environment = {"LD_PRELOAD": str(lab.shim), "OLD_KERNEL_TUN_MASK": f"{hidden:#x}"}
        with Qtest(lab.qemu, arguments, environment=environment) as qtest:
            bits.append(PciBus(qtest).offered(4).features)
    assert bits[0] != bits[1]


@pytest.mark.parametrize("driver", ["virtio-net-pci", "virtio-net-pci-non-transitional"])
def test_a_tap_and_a_user_nic_in_one_machine_each_get_their_own(
    lab: Lab, require_tap_offloads: Callable[[int], None], driver: str
) -> None:
    """Devices of one kind with different backends get values of their own, on every transport."""
    require_tap_offloads(_ALL_OFFLOADS)
    nics = (f"{driver},id=net0,netdev=n0", f"{driver},id=net1,netdev=n1")
    netdevs = (_netdev("tap", "n0"), _netdev("user", "n1"))
    started = lab.start(lab.boards()[0], "newest", nics, *netdevs)
    assert started.predicted == started.offered
    assert started.offered["net0"] != started.offered["net1"]


def test_every_override_of_a_virtio_nic_changes_what_is_offered(
    lab: Lab, require_tap_offloads: Callable[[int], None]
) -> None:
    """Switching a single feature over by its name gives exactly the bits predicted for it."""
    require_tap_offloads(_ALL_OFFLOADS)
    machine, newest = lab.boards()[0], lab.platform("newest")
    # Some features are only for devices that are not transitional.
    nic = ("virtio-net-pci-non-transitional,id=net,netdev=n0",)
    compared = 0
    for feature in lab.catalogue.features("virtio-net"):
        if feature.kind != "setting" or feature.type != "bool" or not _exists(feature, machine):
            continue
        value = "off" if feature.when_supported == "on" else "on"
        choice = f"{newest},{feature.id}={value}"
        started = lab.start(machine, choice, nic, _netdev("tap"))
        assert started.predicted == started.offered, choice
        compared += 1
    assert compared >= 15


def _exists(feature: pa.Feature, machine: str) -> bool:
    generation = machine.rpartition("-")[2]
    return feature.generation is None or version_key(feature.generation) <= version_key(generation)


def test_virtio_vsock_offers_what_is_predicted(lab: Lab) -> None:
    """A vhost-vsock device offers the predicted bits, where the host has vhost."""
    if not Path("/dev/vhost-vsock").exists():
        pytest.skip("no /dev/vhost-vsock on this host")
    started = lab.start(lab.boards()[0], "newest", ("vhost-vsock-pci,id=vsock,guest-cid=77",))
    assert started.predicted == started.offered
