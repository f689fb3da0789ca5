"""What a rehearsal says of real QEMUs: what moves, what does not, and by which device."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text
from platform_abi.rehearsal.findings import changed
from platform_abi.rehearsal.move import Stage
from tests.documents import validated
from tests.qemu.programs import eventually, running, script

pytestmark = pytest.mark.live

#: Ten devices as a virtual machine of today has them.
_TEN: Final = (
    "pcie-root-port,id=rp1,chassis=1",
    "virtio-net-pci,netdev=n0,id=net0,bus=rp1",
    "virtio-blk-pci,drive=d0,id=blk0",
    "virtio-scsi-pci,id=scsi0",
    "scsi-hd,drive=d1,bus=scsi0.0,id=hd0",
    "virtio-rng-pci",
    "virtio-balloon-pci,id=bal0",
    "virtio-serial-pci,id=ser0",
    "virtserialport,chardev=c0,bus=ser0.0,name=org.example",
    "qemu-xhci,id=usb0",
)


#: How a wrapper tells that its QEMU was killed.
_DIE: Final = "sh -c 'kill -9 $$'; exit $?"


def _abi(
    catalogue: pa.FileCatalogue, *more: str, machine: str = "pc-q35-7.2", netdev: str = "user"
) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        devices=[*_TEN, *more],
        netdevs=[f"{netdev},id=n0"],
        accelerator="tcg",
    )
    return pa.resolve(catalogue, vm, "linux-6.1")


def _blamed(way: Any) -> list[str | None]:
    return [finding.device for finding in way.findings if finding.severity == "blocked"]


def test_ten_devices_move_there_and_back(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """From an old QEMU to a new one and back, in one move each; every function is seen."""
    old, new = str(qemu_binaries["7.2"]), str(qemu_binaries["11.1"])
    steps: list[str] = []
    found = pa.rehearse(catalogue, _abi(catalogue), old, new, back=True, progress=steps.append)
    assert found.back is not None
    for way in (found.forward, found.back):
        assert ("ok", 1) == (way.status, way.moves), way
        assert ["rehearsal-scope"] == [finding.code for finding in way.findings]
        assert way.compared >= 10
    assert found.forward.source.startswith("7.2.")
    assert found.forward.destination.startswith("11.1.")
    assert len(steps) == 2


def test_a_device_that_is_another_one_is_named(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """The configuration of virtio-gpu has 16 bytes up to QEMU 10, and 20 since 11.1."""
    ends = (str(qemu_binaries["7.2"]), str(qemu_binaries["11.1"]))
    found = pa.rehearse(catalogue, _abi(catalogue, "virtio-gpu-pci,id=gpu"), *ends)
    (finding,) = (each for each in found.forward.findings if each.severity == "blocked")
    assert ("gpu", "16", "20") == (finding.device, finding.expected, finding.found)


def test_a_build_that_means_other_queues_is_stopped_by_each_device(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """Debian's 10.0.13 has queues of 1024, which 11.1 refuses; back, a reset shows them."""
    ends = (str(qemu_binaries["10.0.13"]), str(qemu_binaries["11.1"]))
    found = pa.rehearse(catalogue, _abi(catalogue, machine="pc-q35-10.0"), *ends, back=True)
    assert {"net0", "blk0", "scsi0", "device[5]", "bal0", "ser0"} == {*_blamed(found.forward)}
    for finding in found.forward.findings:
        assert finding.severity != "blocked" or "1024" in finding.message
    assert found.back is not None
    assert {"reset-shows-change", "rehearsal-scope"} == {f.code for f in found.back.findings}


def test_what_only_a_reset_shows_is_told(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """QEMU 10.0.2 takes queues of 1024 without a word, and its own have 256 after a reset."""
    ends = (str(qemu_binaries["10.0.13"]), str(qemu_binaries["10.0"]))
    found = pa.rehearse(catalogue, _abi(catalogue, machine="pc-q35-10.0"), *ends)
    assert found.status == "blocked"
    later = [f for f in found.forward.findings if f.code == "reset-shows-change"]
    assert {"net0", "blk0", "scsi0", "device[5]", "bal0", "ser0"} == {f.device for f in later}
    assert all("1024" in finding.message for finding in later)


def test_a_stream_that_changed_between_builds_is_the_device_that_changed(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """The state of virtio-balloon is another one in QEMU 5.2 than in 7.2, both ways."""
    ends = (str(qemu_binaries["5.2"]), str(qemu_binaries["7.2"]))
    found = pa.rehearse(catalogue, _abi(catalogue, machine="pc-q35-5.2"), *ends, back=True)
    assert found.back is not None
    for way in (found.forward, found.back):
        assert ["bal0"] == _blamed(way)
        assert way.compared >= 9, "what is left is moved and compared"


def test_a_machine_type_that_is_not_there_is_no_devices_fault(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """It is told of the machine, and both ways."""
    ends = (str(qemu_binaries["11.1"]), str(qemu_binaries["7.2"]))
    found = pa.rehearse(catalogue, _abi(catalogue, machine="pc-q35-9.1"), *ends, back=True)
    assert found.back is not None
    for way in (found.forward, found.back):
        (finding,) = (each for each in way.findings if each.severity == "blocked")
        assert ("machine-stopped", None) == (finding.code, finding.device)
        assert "machine type" in finding.message


def test_a_qemu_that_does_not_survive_a_device_is_told_by_it(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path], tmp_path: Path
) -> None:
    """Killed with one device, whatever else there is: that device is named, and the signal."""
    old, new = str(qemu_binaries["7.2"]), str(qemu_binaries["11.1"])
    body = f'case "$*" in *virtio-balloon*) {_DIE} ;; esac; exec {new} "$@"'
    killed = script(tmp_path, body)
    found = pa.rehearse(catalogue, _abi(catalogue), old, killed)
    assert ["bal0"] == _blamed(found.forward)
    (finding,) = (each for each in found.forward.findings if each.severity == "blocked")
    assert "SIGKILL" in finding.message


def test_a_failure_that_does_not_come_back_is_no_verdict(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path], tmp_path: Path
) -> None:
    """Killed once: nobody is to blame, and nothing is known."""
    old, new = str(qemu_binaries["7.2"]), str(qemu_binaries["11.1"])
    # To it all files are read-only: whether it is the first time is told from outside.
    marks = [tmp_path / "0", tmp_path / "1"]
    steps: list[str] = []

    def progress(step: str) -> None:
        steps.append(step)
        marks[min(len(steps), 2) - 1].touch()

    killed = script(tmp_path, f'[ -e {marks[1]} ] || {{ {_DIE}; }}; exec {new} "$@"')
    found = pa.rehearse(catalogue, _abi(catalogue), old, killed, progress=progress)
    assert found.status == "unknown"
    assert "not-repeated" in [finding.code for finding in found.forward.findings]
    assert [] == _blamed(found.forward)


def test_a_binary_in_another_root_is_one_like_any(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path], tmp_path: Path
) -> None:
    """The stream goes over what its standard streams hand on: no path has to be shared."""
    root = qemu_binaries["10.0"].parents[1] / "10.0" / "root"
    if os.geteuid() != 0 or not (root / "usr/bin/qemu-system-x86_64").exists():
        pytest.skip("needs root, and the root that tests/live/install-qemu makes")
    inside = script(tmp_path, f'exec chroot {root} /usr/bin/qemu-system-x86_64 "$@"')
    ends = (str(qemu_binaries["7.2"]), inside)
    found = pa.rehearse(catalogue, _abi(catalogue), *ends, back=True)
    assert found.status == "ok", found


def test_a_script_that_only_passes_bytes_on_is_told(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path], tmp_path: Path
) -> None:
    """At either end: it is no verdict of the two QEMUs."""
    binary = str(qemu_binaries["11.1"])
    passing = script(tmp_path, f'cat | {binary} "$@" | cat')
    for ends in ((passing, binary), (binary, passing)):
        with pytest.raises(pa.HostError) as caught:
            pa.rehearse(catalogue, _abi(catalogue), *ends, timeout=5)
        assert caught.value.code == "qemu-streams"


def test_a_tap_that_cannot_be_had_is_stood_in_for(
    catalogue: pa.FileCatalogue,
    qemu_binaries: Mapping[str, Path],
    tmp_path: Path,
    can_mount: None,  # noqa: ARG001 - skips
) -> None:
    """Where nobody may open /dev/net/tun, the rehearsal goes on behind a hub, and says so."""
    hides = "unshare --mount sh -c 'mount --bind /dev/null /dev/net/tun; exec \"$@\"' sh"
    ends = [
        script(tmp_path, f'exec {hides} {qemu_binaries[version]} "$@"', f"qemu-{version}")
        for version in ("10.0", "11.1")
    ]
    found = pa.rehearse(catalogue, _abi(catalogue, netdev="tap"), *ends)
    codes = {finding.code: finding for finding in found.forward.findings}
    assert found.status == "ok", found
    assert codes["stand-in"].device == "net0"


_WORDS: Final = (
    *("-machine", "q35,accel=tcg", "-m", "1G", "-smp", "2", "-monitor", "none"),
    *("-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,id=net0"),
    *("-drive", "if=none,id=d0,file=/nowhere.img", "-device", "virtio-blk-pci,drive=d0"),
)


def test_a_command_line_is_rehearsed_as_the_source_understands_it(
    qemu_binaries: Mapping[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """An alias is the source's at both ends; what is printed is what its schema says."""
    ends = ("--qemu", str(qemu_binaries["10.0"]), "--to-qemu", str(qemu_binaries["11.1"]))
    assert main(["rehearse", *ends, "--back", "--json", "--", *_WORDS]) == 0
    document = validated("rehearse", capsys.readouterr().out)
    assert document["status"] == "ok"
    assert {document[way]["machine"] for way in ("forward", "back")} == {"pc-q35-10.0"}


def test_words_of_the_launcher_are_refused(
    qemu_binaries: Mapping[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its platform it would be another machine."""
    ends = ("--qemu", str(qemu_binaries["10.0"]), "--to-qemu", str(qemu_binaries["11.1"]))
    assert main(["rehearse", *ends, "--", *_WORDS, "-platform", "linux-6.1"]) == 2
    assert "lockfile" in capsys.readouterr().err


def test_what_is_unknown_is_not_ok_unless_somebody_lets_it_pass(
    catalogue: pa.FileCatalogue,
    qemu_binaries: Mapping[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A device that takes another process has no part in it, and the exit code says so."""
    lock = tmp_path / "vm.lock"
    abi = _abi(catalogue, "tpm-crb,tpmdev=tpm0,id=tpm")
    write_text(lock, lockfile(catalogue, abi))
    binary = str(qemu_binaries["10.0"])
    words = ["rehearse", str(lock), "--qemu", binary, "--to-qemu", binary]
    assert main(words) == 1
    assert "not-rehearsed: tpm" in capsys.readouterr().out
    assert main([*words, "--allow-unknown"]) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_rehearsal_that_was_ended(
    qemu_binaries: Mapping[str, Path], tmp_path: Path, number: int
) -> None:
    """Neither QEMU outlives it, and no file is left in a temporary folder."""
    binary = str(qemu_binaries["11.1"])
    token = str(uuid.uuid4())
    words = ["--qemu", binary, "--to-qemu", binary, "--", "-uuid", token, *_WORDS]
    # It is handed on: by it the QEMUs are told from all others.
    with subprocess.Popen(
        [sys.executable, "-m", "platform_abi", "rehearse", *words],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as caller:
        assert eventually(lambda: len(_others(token, caller.pid)) > 0)
        os.kill(caller.pid, number)
        caller.wait()
    assert eventually(lambda: not _others(token, caller.pid)), _others(token, caller.pid)
    assert [] == [*tmp_path.iterdir()]


def _others(token: str, but: int) -> Sequence[str]:
    return [each for each in running(token) if not each.startswith(f"{but}:")]


@pytest.mark.usefixtures("can_cpu_host")
def test_flags_that_no_cpuid_shows_are_looked_at(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """Those in model-specific registers: a guest reads what its processor is not open to."""
    flags = catalogue.cpus()["x86_64"].of_msrs
    qemu = str(qemu_binaries["11.1"])
    stage = Stage(source=qemu, destination=qemu, timeout=60.0, flags=flags)
    board = ("-machine", "pc-q35-10.0", "-accel", "kvm", "-m", "64", "-nodefaults")
    words = (*board, "-display", "none", "-cpu", "host")
    less = (*words[:-1], "host,arch-capabilities=off")
    move = stage.move(words, lambda _machine: None, arriving=less)
    assert move.ended == "moved", move
    on = set(flags) & move.before.cpu.keys()
    of_register = {
        flag
        for flag, bits in catalogue.cpus()["x86_64"].bits.items()
        if any(register == "kvm.msr.0000010a" for register, _ in bits)
    }
    if not on & of_register:
        pytest.skip("the processor of this host says nothing in IA32_ARCH_CAPABILITIES")
    told = {each.message.partition(" ")[0] for each in changed(catalogue, move, {})}
    assert on & of_register <= told
    assert not set(flags) & move.after.cpu.keys() & of_register
