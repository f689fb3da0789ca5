"""Virtual machines as a real libvirt and a real QEMU have them: whoever is asked, it is the same.

libvirt runs inside of virsh as in ``test_libvirt``; the domain is a plain QEMU's.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.source.origins import read_source
from platform_abi.source.reading import VmReading
from tests.live import embedded

pytestmark = pytest.mark.live

#: As somebody writes one by hand: libvirt adds controllers, places, a balloon and a video card.
_DOMAIN = """
<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type><boot dev='hd'/>
    <bootmenu enable='yes'/></os>
  <features><acpi/><apic/><hyperv><relaxed state='on'/><vapic state='on'/></hyperv></features>
  <cpu mode='custom'><model>Nehalem</model><topology sockets='1' cores='2' threads='1'/></cpu>
  <clock offset='localtime'><timer name='hpet' present='no'/></clock>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source file='{image}'/><target dev='vda' bus='virtio'/><serial>S-1</serial></disk>
    <disk type='file' device='disk'><source file='{image}2'/><target dev='sda' bus='scsi'/></disk>
    <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk>
    <controller type='scsi' model='virtio-scsi'/>
    <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/>
      <driver><host csum='off'/></driver></interface>
    <interface type='user'><mac address='52:54:00:12:34:57'/><model type='e1000'/></interface>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <serial type='pty'/>
    <input type='tablet' bus='usb'/>
    <input type='tablet' bus='virtio'/>
    <video><model type='{video}'/></video>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <watchdog model='i6300esb'/>
    <panic model='isa'/>
    {more}
  </devices>
</domain>
"""

_BOARDS = {"pc-q35-9.1": "virtio", "pc-i440fx-9.1": "cirrus"}


class _Libvirt:
    """A libvirt of its own that is asked by one virsh for each question."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        embedded.prepare(folder)

    def virsh(self, *commands: str) -> str:
        """Return what virsh says to *commands*, one connection for all of them."""
        done = embedded.virsh(self._program, self._folder, *commands)
        assert 0 == done.returncode, done.stderr
        return done.stdout

    def started(self, name: str) -> str:
        """Return the words that a domain was started with, as its log has them."""
        text = (self._folder / "root" / "log" / "qemu" / f"{name}.log").read_text()
        match = re.search(r"^LC_ALL=C (?:.*\\\n)+.*\n", text, re.MULTILINE)
        assert match is not None, text
        return match[0]


@pytest.fixture(scope="module", params=["", *embedded.VERSIONS], ids=lambda v: v or "installed")
def libvirt(request: pytest.FixtureRequest) -> Iterator[_Libvirt]:
    """Return a libvirt of its own, or skip; its sockets' paths have no room for a longer folder."""
    program = embedded.program(request.param)
    if program is None or os.geteuid() != 0:
        pytest.skip("needs root and that libvirt; tests/live/install-libvirt gets it")
    with tempfile.TemporaryDirectory(prefix="dx", ignore_cleanup_errors=True) as folder:
        yield _Libvirt(program, Path(folder))


def _digest(catalogue: pa.FileCatalogue, read: VmReading) -> str:
    return pa.abi_digest(pa.resolve(catalogue, read.vm, "linux-6.1"))


def _same(*reads: VmReading) -> None:
    facts = [dict(read.vm.hardware or ()) for read in reads]
    told = [
        sorted(text for name, text in each.items() if name.startswith("device.")) for each in facts
    ]
    board = [
        {name: text for name, text in each.items() if not name.startswith(("device.", "behind."))}
        for each in facts
    ]
    for read, devices, others in zip(reads, told, board, strict=True):
        assert told[0] == devices
        assert board[0] == others
        assert reads[0].vm.globals == read.vm.globals


@pytest.mark.parametrize("machine", _BOARDS)
def test_a_domain_is_what_libvirt_starts(
    catalogue: pa.FileCatalogue,
    libvirt: _Libvirt,
    qemu_binaries: dict[str, Path],
    tmp_path: Path,
    machine: str,
) -> None:
    """Inactive, live, and by the words of its log: the same devices, board and memory.

    And one digest, but that a live one names flags as well which its QEMU turned on by itself.

    Not by ``domxml-to-native``: libvirt 9.0 says there that every NIC is behind a tap, and leaves a
    channel out whose socket it would make.
    """
    image = tmp_path / "a.img"
    for file in (image, Path(f"{image}2")):
        file.write_bytes(b"\0" * 1024**2)
    emulator = qemu_binaries["10.0"]
    more = "<sound model='ich6'/>" if "i440fx" in machine else ""
    name = machine.partition("-")[2]
    told = {
        "name": name,
        "machine": machine,
        "video": _BOARDS[machine],
        "emulator": emulator,
        "image": image,
    }
    text = _DOMAIN.format(more=more, **told)
    domain, inactive = tmp_path / "small.xml", tmp_path / "inactive.xml"
    domain.write_text(text)
    libvirt.virsh(f"define {domain}")
    inactive.write_text(libvirt.virsh(f"dumpxml {name} --inactive"))
    live = libvirt.virsh(f"start {name}", f"dumpxml {name}", f"destroy {name}")
    live = live[live.index("<domain") :]

    defined = pa.from_domain_xml(catalogue, inactive.read_bytes())
    running = pa.from_domain_xml(catalogue, live)
    started = pa.from_command_line(catalogue, libvirt.started(name), arch="x86_64")
    for read in (defined, running, started):
        assert () == read.unread
    _same(defined, running, started)
    assert _digest(catalogue, defined) == _digest(catalogue, started)
    assert defined.vm.cpu is not None
    assert running.vm.cpu is not None
    assert defined.vm.cpu.model == running.vm.cpu.model
    assert set(defined.vm.cpu.properties) <= set(running.vm.cpu.properties)
    libvirt.virsh(f"undefine {name}")


def test_a_running_qemu_is_what_it_was_started_with(
    catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path], tmp_path: Path
) -> None:
    """Asked by its process or its monitor, aliases resolved; what was plugged since is unread."""
    socket = tmp_path / "q"
    words = (
        f"{qemu_binaries['10.0']} -machine q35 -accel tcg -nodefaults -display none -S "
        f"-qmp unix:{socket},server=on,wait=off -netdev user,id=n0 "
        "-device pcie-root-port,id=r0 -device virtio-net-pci,netdev=n0,id=net0"
    ).split()
    with subprocess.Popen(words) as started:
        try:
            _until(socket.exists)
            read = read_source(catalogue, f"qmp:{socket}")
            assert isinstance(read, VmReading)
            assert () == read.unread
            assert "pc-q35-10.0" == read.vm.machine
            by_pid = read_source(catalogue, f"pid:{started.pid}")
            assert isinstance(by_pid, VmReading)
            _same(read, by_pid)
            assert _digest(catalogue, read) == _digest(catalogue, by_pid)
            _plug(socket)
            read = read_source(catalogue, f"qmp:{socket}")
            assert isinstance(read, VmReading)
            assert ["device rng9"] == [each.what for each in read.unread]
        finally:
            started.kill()


def _plug(socket: Path) -> None:
    from platform_abi.verifier.peer import QmpPeer

    with QmpPeer(str(socket)) as peer:
        (answer,) = peer.ask(
            [("device_add", {"driver": "virtio-rng-pci", "id": "rng9", "bus": "r0"})]
        )
        assert answer.refused is None, answer.refused


def _until(happened: object) -> None:
    import time

    assert callable(happened)
    until = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)
