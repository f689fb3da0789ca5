"""A lockfile is brought up to date from the QEMU that runs it; the next destination takes it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.emit.lock_reading import load_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import described
from platform_abi.launch.rewrite import rewrite
from platform_abi.launch.stored import Taken, taken
from platform_abi.qemu.process import Throwaway
from platform_abi.resolver.resolve import resolve
from platform_abi.verifier.peer import QmpPeer
from platform_abi.verifier.running import Answer
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_PORTS = " ".join(f"-device pcie-root-port,id=rp{n},addr={n + 1},chassis={n}" for n in range(1, 4))
_START = (
    f"-M pc-q35-7.2 -accel tcg -cpu qemu64 -nodefaults -smp 2,maxcpus=4 -m 128 {_PORTS} "
    "-device virtio-rng-pci,addr=5 -netdev user,id=n0 "
    "-device virtio-net-pci,id=net0,netdev=n0,bus=rp1"
)
_GOES = " -device virtio-balloon-pci,id=goes,bus=rp3"
_BEHIND = " -netdev user,id=n1"
_COMES = {
    "driver": "virtio-net-pci",
    "id": "net1",
    "netdev": "n1",
    "bus": "rp2",
    "mac": "52:54:00:00:00:07",
    "mrg_rxbuf": False,
}
_CAME = f"{_BEHIND} -device virtio-net-pci,id=net1,netdev=n1,bus=rp2,mac=52:54:00:00:00:07"


class _Lab:
    """A QEMU, a lockfile, and the monitor of what is started with it."""

    def __init__(self, catalogue: pa.FileCatalogue, qemu: Path, version: str, folder: Path) -> None:
        self.catalogue, self.qemu, self.folder = catalogue, qemu, folder
        self.build = BUILD_OF[version]
        self.lock, self.socket = str(folder / "vm.lock"), str(folder / "vm.qmp")

    @contextmanager
    def started(self, text: str) -> Iterator[None]:
        """Start it, paused, with a lockfile of its own."""
        line = read_command_line(self.catalogue.options(), shlex.split(text))
        found = described(self.catalogue, line, arch="x86_64", build=self.build)
        abi = resolve(self.catalogue, found.vm, "linux-6.1", hotplug=True)
        Path(self.lock).write_text(lockfile(self.catalogue, abi, build=self.build, ran=True))
        words = rewrite(self.catalogue, line, found, abi)
        own = ("-S", "-display", "none", "-qmp", f"unix:{self.socket},server=on,wait=off")
        with Throwaway([str(self.qemu), *words, *own], writable=str(self.folder)) as process:
            deadline = time.monotonic() + 30
            while not Path(self.socket).exists():
                assert time.monotonic() < deadline, process.stderr
                time.sleep(0.02)
            yield

    def tell(self, command: str, **arguments: Any) -> None:
        """Have a command done."""
        with QmpPeer(self.socket, timeout=30) as peer:
            assert peer.ask([(command, arguments)]) == [Answer(value={})]

    def update(self, *words: str) -> int:
        """Bring the lockfile up to date, and return how that ended."""
        return main(["verify", "--update", "--qmp", self.socket, *words, self.lock])

    def taken(self, text: str, *, incoming: bool) -> Taken:
        """Return what the lockfile says for a command line; raises UsageError."""
        line = read_command_line(self.catalogue.options(), shlex.split(text))
        return taken(
            self.catalogue,
            load_lock(self.lock, catalogue=self.catalogue),
            described(self.catalogue, line, arch="x86_64", build=self.build).vm,
            None,
            name="vm.lock",
            same_cpu=lambda *_: False,
            incoming=incoming,
        )


@pytest.fixture
def lab(catalogue: pa.FileCatalogue, qemu: Path, qemu_version: str, tmp_path: Path) -> _Lab:
    """Return a QEMU of each version."""
    return _Lab(catalogue, qemu, qemu_version, tmp_path)


def _numbers(abi: pa.GuestAbi) -> set[tuple[str, str]]:
    return {(s.driver, s.property) for s in abi.settings}


def test_what_was_plugged_is_written_and_then_verifies(
    lab: _Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it was given by hand; once more there is nothing to say."""
    with lab.started(_START + _BEHIND):
        lab.tell("device_add", **_COMES)
        assert lab.update() == 0, capsys.readouterr()
        assert "net1 was plugged in since the start" in capsys.readouterr().err
        abi = load_lock(lab.lock, catalogue=lab.catalogue)
        came = dict(abi.vm.labelled())["net1"]
        assert "user" == came.backend
        assert {"bus", "addr", "mac", "mrg_rxbuf"} == {key for key, _ in came.properties}
        told = {"bus": "rp2", "addr": "00.0", "mac": "52:54:00:00:00:07", "mrg_rxbuf": "off"}
        assert told.items() <= dict(came.properties).items()
        before = Path(lab.lock).read_bytes()
        assert lab.update() == 0
        assert "is up to date" in capsys.readouterr().err
        assert Path(lab.lock).read_bytes() == before
        assert main(["verify", "--qmp", lab.socket, lab.lock]) == 0
        assert "device-unlisted" not in capsys.readouterr().out


def test_what_is_written_down_for_the_next_destination_replaces_what_was_read(lab: _Lab) -> None:
    """As an incoming machine, and at a later start of its own; another device is none of it."""
    with lab.started(_START + _BEHIND):
        lab.tell("device_add", **_COMES)
        assert lab.update() == 0
    for incoming in (True, False):
        found = lab.taken(f"{_START}{_CAME},mrg_rxbuf=off", incoming=incoming)
        assert found.changed
        assert () == found.abi.vm.seen
    other = f"{_START}{_BEHIND} -device e1000e,id=net1,netdev=n1,bus=rp2"
    with pytest.raises(pa.UsageError):
        lab.taken(other, incoming=False)


def test_what_went_is_gone(lab: _Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """A device that a paused guest cannot let go of is taken out before it starts."""
    with lab.started(_START + _GOES):
        with_it = Path(lab.lock).read_text()
    with lab.started(_START):
        Path(lab.lock).write_text(with_it)
        assert lab.update() == 0
        assert "goes was plugged out since the start" in capsys.readouterr().err
    assert "goes" not in load_lock(lab.lock, catalogue=lab.catalogue).vm.labels()


def test_vcpus_that_came_are_counted(lab: _Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """And the queues stay those of the start."""
    with lab.started(_START):
        before = _numbers(load_lock(lab.lock, catalogue=lab.catalogue))
        place = {"socket-id": 0, "core-id": 2, "thread-id": 0}
        lab.tell("device_add", driver="qemu64-x86_64-cpu", id="cpu2", **place)
        assert main(["verify", "--qmp", lab.socket, lab.lock]) == 0
        assert "started with 2 vCPUs" in capsys.readouterr().out
        assert lab.update() == 0
        assert "had 2 vCPUs at the start, and has 3" in capsys.readouterr().err
    abi = load_lock(lab.lock, catalogue=lab.catalogue)
    assert "3" == dict(abi.vm.hardware or ())["smp.cpus"]
    assert before == _numbers(abi)


def test_another_machine_is_no_later_state_of_this_one(
    lab: _Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lockfile stays as it was, to the byte, and what is otherwise is named."""
    with lab.started(_START + _GOES):
        other = Path(lab.lock).read_text()
    for text in (
        _START.replace("-m 128", "-m 256"),
        _START.replace(" -device virtio-rng-pci,addr=5", ""),
        f"{_START} -global virtio-net-device.mrg_rxbuf=off",
    ):
        with lab.started(text):
            Path(lab.lock).write_text(other)
            assert lab.update() == 2
        assert Path(lab.lock).read_text() == other
        assert "lock-other-vm" in capsys.readouterr().err
