"""What a guest finds, kept in a lockfile, and what other real QEMUs make of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.compat.finding import Finding
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lockfile, with_view
from platform_abi.model.guest import MachineView
from platform_abi.verifier.paused import look_at, verify_start

pytestmark = pytest.mark.live

MACHINE = "pc-q35-7.2"
DEVICES = (
    "pcie-root-port,id=rp1,chassis=1",
    "virtio-net-pci,netdev=n0,id=net0,bus=rp1,mac=52:54:00:00:00:01",
    "virtio-blk-pci,drive=d0,id=blk0,num-queues=2",
    "virtio-rng-pci,id=rng0",
    "qemu-xhci,id=usb0",
    "usb-tablet,id=tablet0",
)


def _stored(catalogue: pa.FileCatalogue) -> tuple[str, pa.GuestAbi]:
    vm = pa.virtual_machine(
        catalogue.devices(), MACHINE, accelerator="tcg", devices=DEVICES, netdevs=["user,id=n0"]
    )
    text = lockfile(catalogue, pa.resolve(catalogue, vm, "conservative"))
    return text, read_lock(text, "vm.lock", catalogue=catalogue)


def _looked(catalogue: pa.FileCatalogue, binary: Path) -> tuple[MachineView, pa.GuestAbi]:
    """Return what a guest finds in *binary*, and a virtual machine whose lockfile says so."""
    text, abi = _stored(catalogue)
    view = look_at(catalogue, abi, str(binary), timeout=120)
    return view, read_lock(with_view(text, view), "vm.lock", catalogue=catalogue)


def _drift(catalogue: pa.FileCatalogue, abi: pa.GuestAbi, binary: Path) -> list[Finding]:
    found = verify_start(catalogue, abi, str(binary), timeout=120).findings
    return [each for each in found if each.code == "guest-view"]


def test_a_qemu_shows_again_what_it_showed(qemu: Path, catalogue: pa.FileCatalogue) -> None:
    """Of every device on its buses; twice the same to the byte, and nothing differs from it."""
    view, abi = _looked(catalogue, qemu)
    assert set(view.devices) == {"rp1", "net0", "blk0", "rng0", "usb0"}
    assert view == look_at(catalogue, abi, str(qemu), timeout=120) == abi.view
    assert view.devices["net0"].facts["identity"] == "1af4:1041"
    assert _drift(catalogue, abi, qemu) == []


def test_what_one_that_lies_shows_is_named(
    qemu: Path, catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """By the queue and by the register that is another, on that device and no other."""
    _, abi = _looked(catalogue, qemu)
    liar = tmp_path / "qemu-system-x86_64"
    lies = "-global virtio-blk-device.queue-size=64 -global virtio-rng-pci.vectors=5"
    liar.write_text(f'#!/bin/sh\nexec {qemu} "$@" {lies}\n')
    liar.chmod(0o755)
    found = {(f.device, f.value): f for f in _drift(catalogue, abi, liar)}
    assert {device for device, _ in found} == {"blk0", "rng0"}
    queues = found["blk0", "queues"]
    assert queues.message.startswith("blk0: size of queues 0 to 1 is 64 and was 256")
    assert ("256", "64") == (queues.expected, queues.found)
    vectors = found["rng0", "capability msix"].found
    assert vectors is not None
    assert vectors.startswith("5 vectors")


def _started(binary: Path, lock: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Let ``run`` start a paused QEMU that is told to end at once."""
    command: Sequence[str] = (
        *(sys.executable, "-m", "platform_abi", "run", "--", str(binary)),
        *("-machine", "pc-q35-9.1", "-accel", "tcg", "-m", "64", "-nodefaults"),
        *("-S", "-display", "none", "-monitor", "stdio"),
        *("-blockdev", "null-co,node-name=d0,size=1048576,read-zeroes=on"),
        *("-device", "virtio-blk-pci,drive=d0,id=blk0"),
        *("-platform", f"conservative,lock={lock},look=on", *words),
    )
    return subprocess.run(
        command, input="quit\n", capture_output=True, text=True, timeout=120, check=False
    )


def test_the_launcher_refuses_a_qemu_that_shows_another_machine(
    qemu_binaries: dict[str, Path], catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Debian's 10.0.13 has queues of 1024 where its 10.0.2 and the property have 256."""
    here, there = qemu_binaries["10.0"], qemu_binaries["10.0.13"]
    lock = tmp_path / "vm.lock"
    first = _started(here, lock)
    assert first.returncode == 0, first.stderr
    view = read_lock(lock.read_text(), "vm.lock", catalogue=catalogue).view
    assert view is not None
    assert view.devices["blk0"].facts["queues"] == "256"
    again = _started(here, lock, "-incoming", "defer")
    assert again.returncode == 0, again.stderr
    other = _started(there, lock, "-incoming", "defer")
    assert other.returncode == 1
    assert "blk0: queue 0 size is 1024 and was 256 in QEMU 10.0.13" in other.stderr
