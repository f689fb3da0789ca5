"""Where virtual machines are read from: files, programs, processes; each fault by its code."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text
from platform_abi.source.origins import read_source

LINE = "qemu-system-x86_64 -machine pc-q35-9.1 -accel kvm -nodefaults -uuid {}"
_UUID = "c7a5fdbd-edaf-9455-926a-d65c16db1809"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, in which programs are found before all others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def _program(place: Path, name: str, text: str) -> None:
    (place / name).write_text(f"#!/bin/sh\n{text}\n")
    (place / name).chmod(0o755)


def _read(catalogue: pa.FileCatalogue, name: str, **how: float) -> pa.VirtualMachine:
    return read_source(catalogue, name, **how).vm  # type: ignore[arg-type]


def test_a_file_is_what_it_says(
    catalogue: pa.FileCatalogue, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lockfile is its ABI, a command line the machine it describes, also on standard input."""
    vm = _read(catalogue, str(_write(place / "line", LINE.format(_UUID))))
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    _write(place / "vm.lock", lockfile(catalogue, abi))
    stored = read_source(catalogue, "vm.lock")
    assert isinstance(stored, pa.GuestAbi)
    assert pa.abi_digest(abi) == pa.abi_digest(stored)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINE.format(_UUID).encode())))
    assert vm == _read(catalogue, "-")
    # By its name it would be a process.
    _write(place / "pid:1", LINE.format(_UUID))
    assert vm == _read(catalogue, "./pid:1")


def _write(file: Path, text: str) -> Path:
    write_text(file, text)
    return file


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process whose name and words are a QEMU's."""
    words = [*LINE.format(_UUID).split(), "-fw_cfg", "name=opt/a,string=se cret"]
    code = "import os; os.write(1, b'.'); os.read(0, 1)"
    with subprocess.Popen(
        [words[0], "-c", code, *words[1:]],
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as started:
        assert started.stdout is not None
        started.stdout.read(1)  # its words are there when it runs
        yield started
        started.communicate(b"\n")


def test_a_process_is_its_command_line(
    catalogue: pa.FileCatalogue, process: subprocess.Popen[bytes]
) -> None:
    """Every word as it is, spaces and all; of a secret only how long it is."""
    vm = _read(catalogue, f"pid:{process.pid}")
    assert "pc-q35-9.1" == vm.machine
    assert "string=masked-7" in dict(vm.hardware or ())["fw_cfg.0"]


def test_proxmox_is_asked_what_it_would_start(catalogue: pa.FileCatalogue, place: Path) -> None:
    """As ``qm showcmd`` prints it, on one line or on many."""
    words = " \\\n".join(LINE.format(_UUID).split())
    _program(place, "qm", f"[ \"$*\" = 'showcmd 100' ] && cat <<'E'\n{words}\nE\n")
    assert _UUID in str(_read(catalogue, "qm:100").hardware)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("missing", "read-failed", "missing"),
        ("pids:1", "read-failed", "did you mean 'pid'?"),
        (".", "read-failed", "directory"),
        ("pid:", "usage", "expected pid:NUMBER"),
        ("pid:-1", "usage", "expected pid:NUMBER"),
        ("pid:99999999", "process-missing", "99999999"),
        ("pid:THIS", "not-qemu", "is no QEMU"),
        ("qm:a;b", "usage", "expected qm:VMID"),
        ("qm:404", "program-failed", "no such VM"),
        ("qm:500", "program-failed", "did not answer in 0.5 s"),
        ("virsh:", "usage", "expected virsh:NAME"),
        ("virsh:-c", "usage", "expected virsh:NAME"),
        ("virsh:qemu:///system/", "usage", "expected virsh:NAME"),
        ("virsh:nobody", "program-failed", "failed to get domain"),
        ("qmp:nowhere", "qmp-unreachable", "nowhere"),
        ("qmp:", "socket-address", ""),
    ],
)
def test_who_cannot_be_asked_is_said(
    catalogue: pa.FileCatalogue, place: Path, name: str, code: str, said: str
) -> None:
    """Another program has its own last word, and no more time than it is given."""
    _program(place, "qm", '[ "$2" = 500 ] && exec sleep 9; echo "no such VM $2" >&2; exit 2')
    _program(place, "virsh", 'echo "error: failed to get domain" >&2; exit 1')
    with pytest.raises(pa.PlatformAbiError) as caught:
        read_source(catalogue, name.replace("THIS", str(os.getpid())), timeout=0.5)
    assert code == caught.value.code
    assert said in caught.value.message


def test_a_program_that_is_not_there_is_said(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With what to do instead."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pa.HostError) as caught:
        read_source(catalogue, "virsh:a")
    assert "program-failed" == caught.value.code
    assert "where virsh is installed" in caught.value.help


def _asked(catalogue: pa.FileCatalogue, place: Path, mode: int) -> str:
    """Return what the machine type of q35 is to what qm would start, a script of *mode*."""
    _program(place, "qemu-kvm", "echo 'q35  A PC (alias of pc-q35-9.0)'")
    (place / "qemu-kvm").chmod(mode)
    _program(place, "qm", f"echo {place}/qemu-kvm -machine type=q35+pve0 -nodefaults")
    return _read(catalogue, "qm:100", timeout=30).machine


def test_an_alias_is_what_the_qemu_that_runs_it_means_by_it(
    catalogue: pa.FileCatalogue, place: Path
) -> None:
    """Which is asked where nobody else could have written it; else it is told as ever."""
    place.chmod(0o700)
    folders = (place, *place.parents)
    if any(
        folder.stat().st_mode & 0o022 and not folder.stat().st_mode & 0o1000 for folder in folders
    ):
        pytest.skip("others may write to a folder above that of this test")
    assert "pc-q35-9.0" == _asked(catalogue, place, 0o755)
    with pytest.raises(pa.UsageError) as caught:
        _asked(catalogue, place, 0o777)
    assert "machine-alias" == caught.value.code


def test_a_configuration_that_is_not_here_is_known_or_unread(
    catalogue: pa.FileCatalogue, place: Path
) -> None:
    """Proxmox VE's own by its name, with a remark; of another one it is told, and it blocks."""
    words = LINE.format(_UUID) + " -readconfig {}"
    own = "/usr/share/qemu-server/pve-q35-4.0.cfg"
    read = read_source(catalogue, str(_write(place / "a.args", words.format(own))))
    assert isinstance(read, pa.VmReading)
    assert () == read.unread
    assert {"ehci", "audio0", "pcidmi", "pci.3"} < {device.id for device in read.vm.devices}
    assert any(own in text and "Proxmox" in text for text in read.remarks)
    read = read_source(catalogue, str(_write(place / "a.args", words.format("/nobody.cfg"))))
    assert isinstance(read, pa.VmReading)
    assert ["readconfig"] == [each.what for each in read.unread]
    _write(place / "pve-usb.cfg", '[device "mine"]\ndriver = "pcie-root-port"\n')
    read = read_source(catalogue, str(_write(place / "a.args", words.format("pve-usb.cfg"))))
    assert ["mine"] == [device.id for device in read.vm.devices]
