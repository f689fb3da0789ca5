"""What verify says of real QEMUs: of those that are as promised, and of those that are not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import platform_abi as pa
from platform_abi.cli.options import VerifyOptions
from platform_abi.cli.verify import run
from platform_abi.compat.finding import Finding
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text
from platform_abi.qemu.process import Throwaway
from platform_abi.qemu.stdio_qmp import Qmp
from platform_abi.verifier.expected import expected
from platform_abi.verifier.paused import verify_start
from platform_abi.verifier.peer import QmpPeer
from platform_abi.verifier.running import INFO_NETWORK, Answer, RunningVm, look, read
from platform_abi.verifier.stand_in import stand_in
from platform_abi.verifier.verification import Verification
from platform_abi.verifier.verify import verify
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

#: TUN_F_* bits, linux/if_tun.h.
_UNTIL_UFO, _USO, _TUNNEL = 0x1F, 0x60, 0x180

_DEVICES: Final = (
    "virtio-net-pci,netdev=n0,id=net0",
    "virtio-net-pci,netdev=n1",
    "virtio-blk-pci,drive=d0,id=blk0",
    "virtio-scsi-pci,id=scsi0",
    "scsi-hd,drive=d1,bus=scsi0.0,id=hd0",
    "virtio-rng-pci",
    "virtio-rng-pci,max-bytes=1024",
    "virtio-balloon-pci,id=bal0",
    "virtio-serial-pci,id=ser0",
    "virtserialport,chardev=c0,bus=ser0.0,name=org.example",
    "e1000e,netdev=n2,id=e0",
    "nvme,drive=d2,serial=x,id=nv0",
    "qemu-xhci,id=usb0",
)
#: Behind ports, which only a board with PCI Express has.
_BEHIND: Final = (
    "pcie-root-port,id=rp1,chassis=1",
    "pcie-root-port,id=rp2,chassis=2",
    "virtio-net-pci,netdev=n3,bus=rp1,id=net3",
    "virtio-blk-pci,drive=d3,bus=rp2,id=blk3",
)
_NETDEVS: Final = ("tap,id=n0", "user,id=n1", "user,id=n2", "tap,id=n3")

#: One machine type in so many is started.
_STEP: Final = 14


@dataclass(frozen=True)
class Lab:
    """One QEMU, its definitions, and a place for its sockets."""

    catalogue: pa.FileCatalogue
    build: str
    qemu: Path
    folder: Path

    def boards(self) -> list[str]:
        """Return machine types of both boards of a PC, from the newest to the oldest."""
        machines = self.catalogue.build(self.build, "x86_64").machines
        families = [[m for m in machines if m.startswith(f)] for f in ("pc-q35-", "pc-i440fx-")]
        return [name for of in families for name in dict.fromkeys((*of[::_STEP], of[-1]))]

    def newest(self) -> str:
        """Return the newest machine type with PCI Express."""
        return self.boards()[0]

    def resolved(
        self,
        machine: str,
        platform: str = "linux-6.9",
        devices: Sequence[str] = _DEVICES,
        **how: Any,
    ) -> pa.GuestAbi:
        """Return the ABI of a virtual machine."""
        how = {"accelerator": "tcg", **how}
        vm = pa.virtual_machine(
            self.catalogue.devices(),
            machine,
            devices=devices,
            netdevs=_NETDEVS,
            build=self.build,
            **how,
        )
        return pa.resolve(self.catalogue, vm, platform)

    @contextlib.contextmanager
    def running(self, words: Sequence[str]) -> Iterator[tuple[Throwaway, str]]:
        """Start a paused QEMU with two sockets, and yield it with the path of the first."""
        paths = [str(self.folder / name) for name in ("a.qmp", "b.qmp")]
        sockets = [w for p in paths for w in ("-qmp", f"unix:{p},server=on,wait=off")]
        command = [str(self.qemu), *words, "-S", "-display", "none", *sockets]
        with Throwaway(command, writable=str(self.folder)) as process:
            deadline = time.monotonic() + 30
            while not all(map(os.path.exists, paths)):
                assert time.monotonic() < deadline, process.stderr
                time.sleep(0.02)
            try:
                yield process, paths[0]
            finally:
                for path in paths:
                    Path(path).unlink(missing_ok=True)

    def read(self, abi: pa.GuestAbi, path: str) -> RunningVm:
        """Return what a QEMU behind a socket says of itself."""
        with QmpPeer(path, timeout=30) as peer:
            vm = look(peer.ask)
            return read(peer.ask, vm, expected(self.catalogue, abi, vm).wanted())

    def verified(self, abi: pa.GuestAbi, words: Sequence[str]) -> Verification:
        """Return the verdict on a QEMU that is started with *words*."""
        with self.running(words) as (_, path):
            vm = self.read(abi, path)
        return verify(self.catalogue, abi, vm, host=pa.probe(self.catalogue.capabilities()))

    def words(self, abi: pa.GuestAbi) -> list[str]:
        """Return the arguments of *abi*, with stand-ins for backends."""
        return stand_in(self.catalogue, abi).words({})


@pytest.fixture
def lab(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path, tmp_path: Path, can_tap: None
) -> Lab:
    """Return what every test here needs."""
    del can_tap
    build = BUILD_OF[qemu_version]
    return Lab(catalogue=catalogue, build=build, qemu=qemu, folder=tmp_path)


def _speaking(found: Verification) -> list[Finding]:
    return [finding for finding in found.findings if finding.severity != "info"]


# --- as promised ---------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["linux-6.9", "conservative"])
def test_a_qemu_with_the_arguments_is_ok(
    lab: Lab, platform: str, require_tap_offloads: Callable[[int], None]
) -> None:
    """Started with what was resolved, every machine type reads back as promised."""
    require_tap_offloads(_UNTIL_UFO | _USO)
    compared = []
    for board in lab.boards():
        abi = lab.resolved(board, platform)
        found = lab.verified(abi, lab.words(abi))
        assert _speaking(found) == [], board
        assert (found.status, found.build, found.machine) == ("ok", lab.build, board)
        compared.append(found.compared)
    print(f"\n{lab.build}, {platform}: {len(compared)} machine types, {sum(compared)} properties")  # noqa: T201
    assert min(compared) > 400


def test_a_throw_away_instance_is_ok(lab: Lab, require_tap_offloads: Callable[[int], None]) -> None:
    """What a guest finds in one that is started for it is what was promised, bit by bit."""
    require_tap_offloads(_UNTIL_UFO | _USO)
    for board in lab.boards():
        devices = (*_DEVICES, *_BEHIND) if "q35" in board else _DEVICES
        abi = lab.resolved(board, "linux-6.9", devices)
        host = pa.probe(lab.catalogue.capabilities())
        found = verify_start(lab.catalogue, abi, str(lab.qemu), host=host)
        assert _speaking(found) == [], board
        assert found.status == "ok"
        assert "offer-unknown" not in {f.code for f in found.findings}


def test_what_nic_brings_is_found(lab: Lab, require_tap_offloads: Callable[[int], None]) -> None:
    """A NIC of -nic stands among the board's own devices, and is held to the lockfile as well."""
    require_tap_offloads(_UNTIL_UFO)
    nic = pa.Device(driver="virtio-net-pci", backend="tap")
    vm = pa.VirtualMachine(machine=lab.newest(), accelerator="tcg", devices=(nic,), build=lab.build)
    abi = pa.resolve(lab.catalogue, vm, "conservative")
    words = [*pa.arguments(abi), "-nodefaults", "-nic", "tap,model=virtio-net-pci,script=no"]
    assert _speaking(lab.verified(abi, words)) == []
    changed = _speaking(lab.verified(abi, [*words, "-global", "virtio-net-device.ctrl_rx=off"]))
    assert [(f.device, f.property) for f in changed] == [("device[0]", "ctrl_rx")]
    host = pa.probe(lab.catalogue.capabilities())
    assert verify_start(lab.catalogue, abi, str(lab.qemu), host=host).status == "ok"


def test_without_a_build_too(lab: Lab, require_tap_offloads: Callable[[int], None]) -> None:
    """A lockfile that no build was named for holds on every QEMU with the machine type."""
    require_tap_offloads(_UNTIL_UFO | _USO)
    vm = pa.virtual_machine(
        lab.catalogue.devices(), "pc-q35-7.2", accelerator="tcg", devices=_DEVICES, netdevs=_NETDEVS
    )
    abi = pa.resolve(lab.catalogue, vm, "linux-6.9")
    assert lab.verified(abi, lab.words(abi)).status == "ok"


@pytest.mark.parametrize("version", ["10.0", "11.1"])
@pytest.mark.parametrize(
    "board",
    [
        ("aarch64", "virt", "virtio-net-device"),
        ("ppc64", "pseries", "virtio-net-pci"),
        ("riscv64", "virt", "virtio-net-pci"),
        ("s390x", "s390-ccw-virtio", "virtio-net-ccw"),
    ],
    ids="-".join,
)
@pytest.mark.usefixtures("can_tap")
def test_on_other_architectures_too(
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
    version: str,
    board: tuple[str, str, str],
) -> None:
    """Properties are read on every architecture; bits that nobody can look at are concluded."""
    arch, family, driver = board
    name = qemu_binaries[version].name.replace("x86_64", arch)
    binary = shutil.which(str(qemu_binaries[version].with_name(name)))
    if binary is None:
        pytest.skip(f"no {name}; tests/live/install-qemu can get it")
    build = BUILD_OF[version]
    machines = (catalogue.machine(build, m, arch) for m in catalogue.build(build, arch).machines)
    machine = next(m.name for m in machines if m.family == family)
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        arch=arch,
        accelerator="tcg",
        devices=[f"{driver},netdev=n0,id=net0"],
        netdevs=["tap,id=n0"],
        build=build,
    )
    abi = pa.resolve(catalogue, vm, "conservative")
    found = verify_start(
        catalogue, abi, binary, host=pa.probe(catalogue.capabilities()), timeout=60
    )
    assert _speaking(found) == []
    assert found.compared > 50
    words = [*stand_in(catalogue, abi).words({}), "-global", "virtio-net-device.ctrl_rx=off"]
    changed = verify_start(
        catalogue,
        abi,
        binary,
        words=words,
        host=pa.probe(catalogue.capabilities()),
        timeout=60,
    )
    assert [(f.device, f.property) for f in _speaking(changed)] == [("net0", "ctrl_rx")]


# --- changed by hand -----------------------------------------------------------------------------

#: What is written behind a device, or as -global, and what is then otherwise.
_CHANGES: Final = (
    ("net0", "mrg_rxbuf", "off"),
    ("net0", "ctrl_vlan", "off"),
    ("net0", "rx_queue_size", "512"),
    ("blk0", "queue-size", "128"),
    ("blk0", "discard", "off"),
    ("scsi0", "virtqueue_size", "64"),
    ("hd0", "rotation_rate", "1"),
    ("bal0", "deflate-on-oom", "on"),
    ("ser0", "max_ports", "7"),
    ("e0", "subsys", "4711"),
    ("nv0", "max_ioqpairs", "8"),
    ("usb0", "p2", "3"),
)


@pytest.mark.parametrize(
    ("device", "name", "value"), _CHANGES, ids=[f"{d}.{n}" for d, n, _ in _CHANGES]
)
def test_what_is_changed_by_hand_is_named(lab: Lab, device: str, name: str, value: str) -> None:
    """One property that is set otherwise is drift by exactly its device and name."""
    abi = lab.resolved(lab.newest(), "conservative")
    words = [f"{w},{name}={value}" if f"id={device}" in w.split(",") else w for w in lab.words(abi)]
    found = _speaking(lab.verified(abi, words))
    assert [(f.code, f.severity, f.device, f.property, f.found) for f in found] == [
        ("property", "drift", device, name, value)
    ]


def test_a_global_is_named_on_every_device(lab: Lab) -> None:
    """A -global behind the platform's own changes every device of its kind, with and without id."""
    abi = lab.resolved(lab.newest(), "conservative", devices=_DEVICES[:2])
    found = _speaking(
        lab.verified(abi, [*lab.words(abi), "-global", "virtio-net-device.ctrl_rx=off"])
    )
    assert {(f.device, f.property) for f in found} == {
        ("net0", "ctrl_rx"),
        ("device[1]", "ctrl_rx"),
    }


def test_a_netdev_of_another_kind_is_told(lab: Lab) -> None:
    """QEMU is asked, and not the lockfile: a stream or a hub in the place of a tap is drift."""
    abi = lab.resolved(lab.newest(), devices=_DEVICES[:2])
    words = lab.words(abi)
    here = "local.type=inet,local.host=0.0.0.0,local.port=0"
    there = "remote.type=inet,remote.host=127.0.0.1,remote.port=9"
    for other in ("hubport,hubid=3,id=n0", f"dgram,id=n0,{here},{there}"):
        changed = [other if word.startswith("tap,id=n0") else word for word in words]
        assert changed != words
        told = [f for f in lab.verified(abi, changed).findings if f.code == "backend"]
        assert [("net0", "drift", other.partition(",")[0])] == [
            (f.device, f.severity, f.found) for f in told
        ]
    assert not [f for f in lab.verified(abi, words).findings if f.code == "backend"]


def test_what_was_not_given_is_missed(lab: Lab) -> None:
    """Devices that are not there are missed, and those that are too many are told."""
    abi = lab.resolved(lab.newest(), "conservative")
    less = lab.resolved(lab.newest(), "conservative", devices=_DEVICES[:-2])
    found = lab.verified(abi, lab.words(less))
    assert {(f.code, f.device) for f in _speaking(found)} == {
        ("device-missing", "nv0"),
        ("device-missing", "usb0"),
    }
    more = lab.verified(less, lab.words(abi))
    assert {f.device for f in more.findings if f.code == "device-unlisted"} == {"nv0", "usb0"}


def test_another_machine_type_is_told_and_nothing_else(lab: Lab) -> None:
    """The lockfile of another virtual machine is recognized by its machine type."""
    boards = lab.boards()
    abi, other = lab.resolved(boards[0]), lab.resolved(boards[-1])
    found = lab.verified(abi, lab.words(other))
    assert [(f.code, f.expected, f.found) for f in found.findings] == [
        ("machine-type", boards[0], boards[-1])
    ]


# --- the host ------------------------------------------------------------------------------------


def test_a_host_that_cannot_offer_it_is_found_out(
    lab: Lab,
    old_kernel: Path,
    monkeypatch: pytest.MonkeyPatch,
    require_tap_offloads: Callable[[int], None],
) -> None:
    """On a kernel without USO every property reads on, and the bits are not offered.

    A running QEMU cannot tell, so it is concluded from the host; a throw-away instance can.
    """
    require_tap_offloads(_UNTIL_UFO | _USO)
    abi = lab.resolved("pc-q35-7.2" if lab.build.startswith("qemu-7") else "pc-q35-8.2")
    monkeypatch.setenv("LD_PRELOAD", str(old_kernel))
    monkeypatch.setenv("OLD_KERNEL_TUN_MASK", f"{_USO | _TUNNEL:#x}")
    names = {"host_uso", "guest_uso4", "guest_uso6"}
    has_them = any(s.property == "host_uso" for s in abi.settings)
    told = _speaking(lab.verified(abi, lab.words(abi)))
    assert {f.property for f in told} == (names if has_them else set())
    assert {(f.code, f.device) for f in told} == (
        {("offer-missing", "net0")} if has_them else set()
    )
    started = _speaking(verify_start(lab.catalogue, abi, str(lab.qemu), host=pa.HostReport()))
    bits = [f for f in started if f.code == "offered-bit"]
    assert {f.property for f in bits} == (names if has_them else set())
    assert {(f.device, f.expected, f.found) for f in bits} <= {("net0", "1", "0")}


def test_devices_in_another_order_are_at_other_places(lab: Lab) -> None:
    """QEMU gives out slots in the order of the command line, and a guest finds them there."""
    devices = ("virtio-rng-pci,id=one", "virtio-balloon-pci,id=two", "edu,id=three")
    abi = lab.resolved(lab.newest(), devices=devices)
    words = lab.words(abi)
    assert _speaking(lab.verified(abi, words)) == []
    at = [n for n, word in enumerate(words) if word == "-device"]
    words[at[0] + 1], words[at[2] + 1] = words[at[2] + 1], words[at[0] + 1]
    found = {(f.code, f.device) for f in _speaking(lab.verified(abi, words))}
    assert found == {("device-place", "two"), ("device-place", "three")}


# --- plugged -------------------------------------------------------------------------------------


def _plug(path: str, **arguments: str) -> None:
    with QmpPeer(path, timeout=30) as peer:
        (answer,) = peer.ask([("device_add", arguments)])
        assert answer == Answer(value={})


def test_what_is_plugged_in_is_held_to_the_lockfile(
    lab: Lab, require_tap_offloads: Callable[[int], None]
) -> None:
    """A device that came later has the lockfile's values by -global; by hand it may not."""
    require_tap_offloads(_UNTIL_UFO | _USO)
    devices = ("virtio-net-pci,netdev=n0,id=net0", *_BEHIND[:2])
    abi = lab.resolved("pc-q35-7.2", devices=devices)
    words = [*lab.words(abi), "-netdev", "user,id=h1", "-netdev", "user,id=h2"]
    host = pa.probe(lab.catalogue.capabilities())
    with lab.running(words) as (_, path):
        _plug(path, driver="virtio-net-pci", id="hot1", netdev="h1", bus="rp1")
        found = verify(lab.catalogue, abi, lab.read(abi, path), host=host)
        assert _speaking(found) == []
        assert {f.device for f in found.findings if f.code == "device-unlisted"} == {"hot1"}
        by_hand: Any = {"mrg_rxbuf": False}
        _plug(path, driver="virtio-net-pci", id="hot2", netdev="h2", bus="rp2", **by_hand)
        found = verify(lab.catalogue, abi, lab.read(abi, path), host=host)
    assert [(f.device, f.property) for f in _speaking(found)] == [("hot2", "mrg_rxbuf")]


# --- under KVM -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("can_kvm")
def test_under_kvm_every_flag_is_held_to_the_lockfile(lab: Lab) -> None:
    """A named model reads back as pinned; a flag taken away by hand is named, as are lacking ones.

    SMM is overridden, and what this KVM lacks is taken off: a nested KVM has fewer features.
    """
    machine = lab.newest()
    plain = ["-machine", machine, "-accel", "kvm", "-nodefaults", "-m", "64", "-cpu", "qemu64"]
    with Qmp(str(lab.qemu), plain, timeout=30) as qmp:
        path = qmp.execute("query-cpus-fast")[0]["qom-path"]
        lacking = qmp.execute("qom-get", path=path, property="unavailable-features")
        vendor = qmp.execute("qom-get", path=path, property="vendor")
    off = "".join(f",{name}=off" for name in lacking)
    cpu = f"qemu64,vendor={vendor}{off}"
    platform = "linux-6.9,pc.smm=off"
    abi = lab.resolved(machine, platform, devices=(), accelerator="kvm", cpu=cpu)
    words = lab.words(abi)
    assert _speaking(lab.verified(abi, words)) == []
    by_hand = [f"{w},kvm-pv-eoi=off" if w == cpu else w for w in words]
    assert by_hand != words
    found = _speaking(lab.verified(abi, by_hand))
    assert [(f.code, f.property, f.device) for f in found] == [("property", "kvm-pv-eoi", None)]
    if lacking:
        named = f"qemu64,vendor={vendor}"
        open_ = lab.resolved(
            machine, platform, devices=(), accelerator="kvm", cpu=f"{named},enforce=off"
        )
        told = [
            f for f in _speaking(lab.verified(open_, lab.words(open_))) if f.code == "cpu-flags"
        ]
        assert [f.property.split(",") for f in told] == [lacking]


# --- nothing is disturbed ------------------------------------------------------------------------


def test_nobody_notices(lab: Lab) -> None:
    """Reading changes nothing: no state, no event, no property; and twice reads the same."""
    abi = lab.resolved(lab.newest())
    with lab.running(lab.words(abi)) as (_, path):
        other = path.replace("a.qmp", "b.qmp")
        with socket.socket(socket.AF_UNIX) as watcher:
            watcher.connect(other)
            _told(watcher, "qmp_capabilities")
            before = _told(watcher, *_STATE)
            first, second = lab.read(abi, path), lab.read(abi, path)
            after = _told(watcher, *_STATE)
    assert first == second
    assert before == after
    assert "event" not in after


_STATE: Final = (
    "query-status",
    "query-pci",
    "query-block",
    "query-named-block-nodes",
    "query-chardev",
)


def _told(watcher: socket.socket, *asked: str) -> str:
    """Return all that another client is told until it has its answers, events included."""
    watcher.sendall("".join(json.dumps({"execute": name}) for name in asked).encode())
    said = b""
    while said.count(b"\r\n") < len(asked) + (b'"QMP"' in said):
        said += watcher.recv(1 << 20)
    return said.decode()


def test_only_what_reads_is_asked(lab: Lab) -> None:
    """Nothing but query-, qom-list, qom-get and info network is ever sent to a running QEMU."""
    abi = lab.resolved(lab.newest())
    asked: set[str] = set()
    with lab.running(lab.words(abi)) as (_, path), QmpPeer(path, timeout=30) as peer:

        def ask(commands: Any) -> list[Answer]:
            asked.update(name for name, said in commands if (name, said) != INFO_NETWORK)
            return peer.ask(commands)

        vm = look(ask)
        read(ask, vm, expected(lab.catalogue, abi, vm).wanted())
    assert all(name.startswith("query-") or name in ("qom-list", "qom-get") for name in asked)


def test_a_socket_that_somebody_has_is_not_waited_for(lab: Lab) -> None:
    """QEMU serves one client of a socket: another one is told so, in time, and may come later."""
    abi = lab.resolved(lab.newest(), devices=())
    with lab.running(lab.words(abi)) as (_, path):
        with QmpPeer(path, timeout=30):
            with pytest.raises(pa.HostError) as caught, QmpPeer(path, timeout=0.5):
                pass
            assert caught.value.code == "qmp-timeout"
        assert lab.read(abi, path).machine_type == lab.newest()


def test_a_qemu_that_is_killed_in_the_middle(lab: Lab) -> None:
    """A QEMU that dies while it is asked is an error, never half a verdict."""
    abi = lab.resolved(lab.newest())
    with lab.running(lab.words(abi)) as (process, path), QmpPeer(path, timeout=10) as peer:
        vm = look(peer.ask)
        process.end()
        with pytest.raises(pa.HostError) as caught:
            read(peer.ask, vm, expected(lab.catalogue, abi, vm).wanted())
        assert caught.value.code == "qmp-failed"


def test_a_throw_away_instance_takes_nothing_from_one_that_runs(lab: Lab) -> None:
    """Started with a running QEMU's own words, it leaves that one's sockets alone."""
    abi = lab.resolved(lab.newest(), devices=_DEVICES[3:6])
    words = lab.words(abi)
    with lab.running(words) as (_, path):
        its_own = [*words, "-S", "-display", "none", "-qmp", f"unix:{path},server=on,wait=off"]
        inode = Path(path).stat().st_ino
        found = verify_start(
            lab.catalogue, abi, str(lab.qemu), words=[*its_own, "-daemonize"], host=pa.HostReport()
        )
        assert found.status == "ok"
        assert Path(path).stat().st_ino == inode
        assert lab.read(abi, path).machine_type == lab.newest()


def test_a_throw_away_instance_with_other_words_drifts(lab: Lab) -> None:
    """Started with words that say otherwise, it is told by just the property that they set."""
    abi = lab.resolved(lab.newest(), "conservative", devices=_DEVICES[:1])
    words = [*lab.words(abi), "-global", "virtio-net-pci.mrg_rxbuf=off"]
    host = pa.probe(lab.catalogue.capabilities())
    found = verify_start(lab.catalogue, abi, str(lab.qemu), words=words, host=host)
    assert [(f.code, f.device, f.property) for f in _speaking(found)] == [
        ("property", "net0", "mrg_rxbuf")
    ]


def test_a_qemu_that_does_not_start(lab: Lab) -> None:
    """What QEMU refuses of the whole is an error in its own words."""
    abi = lab.resolved(lab.newest(), devices=())
    with pytest.raises(pa.HostError) as caught:
        verify_start(lab.catalogue, abi, str(lab.qemu), words=["-machine", "nonsense"])
    assert caught.value.code == "qemu-failed"
    assert "unsupported machine type" in caught.value.message


def test_a_backend_that_cannot_be_had_is_left_out(lab: Lab) -> None:
    """A device whose backend another process makes is unknown, and all others are looked at."""
    vm = pa.virtual_machine(
        lab.catalogue.devices(),
        lab.newest(),
        accelerator="tcg",
        devices=["virtio-net-pci,netdev=n0,id=net0", "virtio-rng-pci,id=rng0"],
        netdevs=["vhost-user,id=n0,chardev=c"],
        build=lab.build,
    )
    abi = pa.resolve(lab.catalogue, vm, "linux-6.9")
    found = verify_start(lab.catalogue, abi, str(lab.qemu), host=pa.HostReport())
    assert [(f.code, f.device) for f in _speaking(found)] == [("device-left-out", "net0")]
    assert found.status == "unknown"


def test_the_verb(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb says what the library says: 0 for ok, 1 for drift, either way it is asked."""
    abi = lab.resolved(lab.newest(), "conservative", devices=_DEVICES[2:6])
    lock = str(lab.folder / "vm.lock")
    write_text(lock, lockfile(lab.catalogue, abi))
    with lab.running(lab.words(abi)) as (_, path):
        assert run(VerifyOptions(lock=lock, qmp=path, json=True)) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "ok"
    assert run(VerifyOptions(lock=lock, start=True, qemu=str(lab.qemu), json=True)) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "ok"
    changed = [*lab.words(abi), "-global", "virtio-blk-device.queue-size=64"]
    with lab.running(changed) as (_, path):
        assert run(VerifyOptions(lock=lock, qmp=path)) == 1
    said = capsys.readouterr().out
    assert "vm.lock: drift" in said
    assert "virtio-blk-pci.queue-size of blk0 is 64, and has to be 256" in said
