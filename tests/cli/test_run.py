"""The verb ``run`` and the program ``qemu-platform``: the edge of the launcher.

A small program stands where QEMU would: it writes down that it was started, and with which words.
What a real QEMU makes of them is in ``tests/live/test_launcher.py``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs
import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.cli.qemu_platform import _ALONE, _WITH_VALUE, divided
from platform_abi.host.document import report_document
from platform_abi.launch.platform_option import _SWITCHES
from tests.compat.strategies import full_report, without
from tests.documents import validated

_VM = ["-machine", "pc-q35-9.1", "-accel", "kvm", "-cpu", "qemu64,vendor=AuthenticAMD"]
_NIC = ["-netdev", "tap,id=n0", "-device", "virtio-net-pci,netdev=n0,id=net0"]

Run = pytest.CaptureFixture[str]
Launch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PLATFORM_ABI_POLICY", "PLATFORM_ABI_QEMU", "PLATFORM_ABI_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def qemu(tmp_path: Path) -> str:
    """Return a program that writes its words, one a line, into the file ``started``."""
    file = tmp_path / "bin" / "qemu-system-x86_64"
    file.parent.mkdir()
    file.write_text(
        f'#!/bin/sh\nfor word do printf "%s\\n" "$word"; done > {tmp_path}/started\necho $$\n'
    )
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def program(tmp_path: Path) -> str:
    """Return the program ``qemu-platform``, as an installation makes it."""
    file = tmp_path / "own" / "qemu-platform"
    file.parent.mkdir()
    file.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "from platform_abi.cli.qemu_platform import entry\nsys.exit(entry())\n"
    )
    file.chmod(0o755)
    return str(file)


def _report(catalogue: pa.FileCatalogue, path: Path, *absent: str, unknown: str = "") -> str:
    """Write a report of this kernel's host that has everything but *absent*; return its name."""
    report = without(full_report(catalogue), *absent)
    if unknown:
        report = without(report, unknown, state="unknown")
    report = attrs.evolve(report, release=os.uname().release)
    path.write_text(json.dumps(report_document(report)))
    return str(path)


@pytest.fixture
def new(catalogue: pa.FileCatalogue, tmp_path: Path) -> str:
    """Return a report of a host that has everything."""
    return _report(catalogue, tmp_path / "new.json")


@pytest.fixture
def old(catalogue: pa.FileCatalogue, tmp_path: Path) -> str:
    """Return a report of a host that has everything but USO."""
    return _report(catalogue, tmp_path / "old.json", "tun.uso")


def _print(capsys: Run, qemu: str, host: str, *words: str) -> tuple[int, str, str]:
    code = main(["run", "--print-args", "--host", host, "--", qemu, *words])
    out, err = capsys.readouterr()
    return code, out, err


def _start(program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture
def launch(program: str, qemu: str, new: str) -> Launch:
    """Return what runs ``qemu-platform`` on a host that has everything."""
    return partial(_start, program, "--qemu", qemu, "--host", new)


def _started(tmp_path: Path) -> list[str] | None:
    file = tmp_path / "started"
    return file.read_text().splitlines() if file.exists() else None


# --- becoming QEMU -------------------------------------------------------------------------------


def test_qemu_is_this_very_process(program: str, qemu: str, new: str, tmp_path: Path) -> None:
    """No parent stays: the process that was started is QEMU, with the words that are printed."""
    words = [*_VM, *_NIC, "-platform", "linux-6.9", "-name", "a b,c"]
    process = subprocess.Popen(
        [program, "--qemu", qemu, "--host", new, *words], stdout=subprocess.PIPE, text=True
    )
    out, _ = process.communicate(timeout=60)
    assert (0, f"{process.pid}\n") == (process.returncode, out)
    printed = _start(program, "--print-args", "--qemu", qemu, "--host", new, *words)
    assert printed.stdout.splitlines() == _started(tmp_path)
    assert "-platform" not in printed.stdout.splitlines()
    assert "virtio-net-device.host_uso=on" in printed.stdout.splitlines()


@pytest.mark.parametrize(
    "words",
    [
        ["-version"],
        ["-help"],
        ["-h"],
        ["-machine", "help"],
        ["-device", "virtio-net-pci,help"],
        ["-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=kvm:tcg"],
    ],
)
def test_capability_probing_passes_through(
    program: str, qemu: str, tmp_path: Path, words: list[str]
) -> None:
    """What starts no guest is given to QEMU to the letter, and no host is asked for it."""
    for asking in ([*words], [*words, "-qmp", "stdio"]):
        done = _start(program, "--qemu", qemu, *asking, PLATFORM_ABI_HOST="/no/such/report")
        assert (0, "") == (done.returncode, done.stderr)
        assert asking == _started(tmp_path)


def test_help_says_what_platform_takes_and_then_what_qemu_does(
    program: str, qemu: str, tmp_path: Path
) -> None:
    """Every key of ``-platform`` and every option of ours; then QEMU is given the word itself."""
    done = _start(program, "--qemu", qemu, "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert ["--help"] == _started(tmp_path)
    ours, end, _ = done.stdout.partition("QEMU's own help follows.\n")
    assert end
    for word in (*_SWITCHES, "lock", "NAME[@EDITION]", "help", "none"):
        assert word in ours
    for option in (*_WITH_VALUE, *_ALONE):
        assert f"  {option}" in ours
    assert all(len(line) <= 100 for line in ours.splitlines())


def test_none_leaves_everything_to_qemu(program: str, qemu: str, tmp_path: Path) -> None:
    """``-platform none`` starts QEMU without that word, and nobody is asked anything."""
    done = _start(program, "-M", "q35", "-platform", "none", "disk.img", PLATFORM_ABI_QEMU=qemu)
    assert (0, "") == (done.returncode, done.stderr)
    assert ["-M", "q35", "disk.img"] == _started(tmp_path)


def test_a_first_word_without_a_dash(program: str, qemu: str, tmp_path: Path, capsys: Run) -> None:
    """It is the QEMU to ``run``, and a disk image to ``qemu-platform``, as it is to QEMU."""
    assert 0 == main(["run", "--print-args", "--", qemu, "disk.img", "-platform", "none"])
    assert "disk.img\n" == capsys.readouterr().out
    folder = str(Path(qemu).parent)
    path = os.pathsep.join([folder, os.environ["PATH"]])
    if os.uname().machine == "x86_64":
        assert 0 == _start(program, "disk.img", "-platform", "none", PATH=path).returncode
        assert ["disk.img"] == _started(tmp_path)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "ppc64", "riscv64", "s390x"])
def test_its_name_says_which_qemu(program: str, tmp_path: Path, arch: str) -> None:
    """``qemu-platform-ARCH``, a link to the program, runs ``qemu-system-ARCH``."""
    link = Path(program).with_name(f"qemu-platform-{arch}")
    link.symlink_to(program)
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / f"qemu-system-{arch}").write_text('#!/bin/sh\necho "$0"\n')
    (folder / f"qemu-system-{arch}").chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    for words in (["-version"], ["-M", "virt", "-platform", "none"]):
        assert f"{folder}/qemu-system-{arch}\n" == _start(str(link), *words, PATH=path).stdout


def test_options_of_ours_come_first_and_only_there() -> None:
    """After the first word of QEMU's, everything is QEMU's."""
    own = ["--qemu", "q", "--host=h", "--print-args", "--json"]
    rest = ["-name", "x", "--qemu", "y", "--print-args"]
    assert (own, rest) == divided([*own, *rest])
    assert ([], rest) == divided(rest)
    assert (["--qemu"], []) == divided(["--qemu"])


# --- choosing ------------------------------------------------------------------------------------


def test_without_a_name_the_newest_is_taken_said_and_stored(
    program: str, qemu: str, old: str, tmp_path: Path
) -> None:
    """One line says which it is, and the lockfile keeps it: the next start takes that."""
    words = ["--qemu", qemu, "--host", old, *_VM, *_NIC, "-platform", "lock=vm.lock"]
    done = _start(program, *words)
    assert 0 == done.returncode
    assert "platform: linux-6.1@2026.2, the newest that this host supports\n" == done.stderr
    first = _started(tmp_path)
    stored = pa.read_lock((tmp_path / "vm.lock").read_text(), "vm.lock")
    assert "linux-6.1@2026.2" == stored.platform
    again = _start(program, *words, PLATFORM_ABI_POLICY="conservative")
    assert (0, "") == (again.returncode, again.stderr)
    assert first == _started(tmp_path)


def test_what_is_stored_is_what_resolve_stores(
    program: str, qemu: str, new: str, tmp_path: Path, capsys: Run
) -> None:
    """The lockfile is the one that ``resolve --lock`` writes for the same virtual machine."""
    words = ["--qemu", qemu, "--host", new, *_VM, *_NIC]
    assert 0 == _start(program, *words, "-platform", "linux-6.9,lock=a.lock").returncode
    assert 0 == main(["resolve", "--platform", "linux-6.9", "--lock", "b.lock", "--", *_VM, *_NIC])
    capsys.readouterr()
    assert (tmp_path / "b.lock").read_text() == (tmp_path / "a.lock").read_text()


def test_a_lockfile_outlives_newer_definitions(
    program: str, qemu: str, new: str, tmp_path: Path
) -> None:
    """Restarted by its platform's name or without, a VM keeps what it had, and so does the file."""
    words = ["--qemu", qemu, "--host", new, *_VM, *_NIC]
    assert 0 == _start(program, *words, "-platform", "linux-6.9,lock=vm.lock").returncode
    first, before = _started(tmp_path), (tmp_path / "vm.lock").read_bytes()
    site = tmp_path / "site" / "masks"
    site.mkdir(parents=True)
    (site / "uso.toml").write_text(
        'schema = 1\n[[mask]]\nplatform = "*"\nfeature = "virtio-net.host-uso"\n'
        'reason = "test"\ndate = 2026-01-01\n'
    )
    for option in ("linux-6.9,lock=vm.lock", "lock=vm.lock"):
        done = _start(
            program, *words, "-platform", option, PLATFORM_ABI_PATH=str(tmp_path / "site")
        )
        assert 0 == done.returncode, done.stderr
        assert first == _started(tmp_path)
        assert before == (tmp_path / "vm.lock").read_bytes()


def test_help_is_the_table_of_this_host(program: str, qemu: str, old: str) -> None:
    """``-platform help`` prints what ``platforms --host`` prints, and starts nothing."""
    done = _start(program, "--qemu", qemu, "--host", old, "-M", "q35", "-platform", "help")
    asked = subprocess.run(
        [sys.executable, "-m", "platform_abi", "platforms", "--host", old],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (0, asked.stdout) == (done.returncode, done.stdout)
    assert re.search(r"^linux-6\.2 +no +tun\.uso", done.stdout, re.MULTILINE)


# --- refusing ------------------------------------------------------------------------------------


def test_a_refusal_starts_nothing_and_stores_nothing(
    program: str, qemu: str, old: str, tmp_path: Path
) -> None:
    """One message for the cause with each failing value, exit 1, no QEMU, no lockfile."""
    words = ["--qemu", qemu, "--host", old, *_VM, *_NIC, "-platform", "linux-6.9,lock=vm.lock"]
    done = _start(program, *words)
    assert (1, "") == (done.returncode, done.stdout)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert 1 == len(errors)
    wanted = "error[capability-missing]: virtio-net-device.guest_uso4=on of net0 needs tun.uso"
    assert errors[0].startswith(wanted)
    for name in ("guest_uso6", "host_uso"):
        assert f"virtio-net-device.{name}=on of net0" in done.stderr
    assert "linux-6.1@2026.2" in done.stderr
    assert "force=on" in done.stderr
    assert _started(tmp_path) is None
    assert not (tmp_path / "vm.lock").exists()
    (tmp_path / "vm.lock").write_text("not one")
    assert 3 == _start(program, *words).returncode
    assert "not one" == (tmp_path / "vm.lock").read_text()
    assert _started(tmp_path) is None


def test_nothing_is_said_of_a_start_that_does_not_come_about(
    program: str, qemu: str, old: str, tmp_path: Path
) -> None:
    """Where the lockfile cannot be written, that is the one thing said, and nothing is started."""
    words = [*_VM, *_NIC, "-platform", "linux-6.9,force=on,lock=no/folder/vm.lock"]
    done = _start(program, "--qemu", qemu, "--host", old, *words)
    assert 4 == done.returncode
    assert "error[write-failed]" in done.stderr
    assert "started regardless" not in done.stderr
    assert _started(tmp_path) is None


@pytest.mark.parametrize(
    ("option", "code"), [("linux-6.1", 0), ("linux-6.9", 1), ("linux-6.x", 2), ("a=b", 2)]
)
def test_a_full_stderr_changes_no_answer(
    program: str, qemu: str, old: str, option: str, code: int
) -> None:
    """What is said about it is lost, and nothing else."""
    words = [program, "--qemu", qemu, "--host", old, *_VM, *_NIC, "-platform", option]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, stderr=full, timeout=60, check=False)
    assert code == done.returncode
    assert (code == 0) == Path("started").exists()


def test_a_lockfile_that_is_no_file_is_an_error_at_once(
    program: str, qemu: str, new: str, tmp_path: Path
) -> None:
    """A pipe that nobody writes to is not waited for, and no device is read or replaced."""
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", "/dev/zero", tmp_path):
        option = f"linux-6.1,lock={name}"
        done = _start(program, "--qemu", qemu, "--host", new, *_VM, "-platform", option)
        assert 4 == done.returncode, done.stderr
        assert "error[read-failed]" in done.stderr
    assert _started(tmp_path) is None


_RC = '[device "net0"]\n  driver = "virtio-net-pci"\n  netdev = "n0"\n  host_uso = "off"\n'


@pytest.mark.parametrize("how", ["pipe", "descriptor", "file"])
def test_a_configuration_that_can_be_read_once_reaches_qemu(
    program: str, new: str, tmp_path: Path, how: str
) -> None:
    """What ``<(command)`` gives is read here and handed on; QEMU finds its devices in it."""
    qemu = tmp_path / "qemu-system-x86_64"
    qemu.write_text(
        f'#!/bin/bash\nwhile [ "$1" ]; do [ "$1" = -readconfig ] && cat "$2" > {tmp_path}/read;'
        f" shift; done\n"
    )
    qemu.chmod(0o755)
    (tmp_path / "vm.cfg").write_text(_RC)
    name, kept = str(tmp_path / "vm.cfg"), -1
    if how == "pipe":
        kept, writer = os.pipe()
        os.write(writer, _RC.encode())
        os.close(writer)
        name = f"/dev/fd/{kept}"
    elif how == "descriptor":
        kept = os.open(name, os.O_RDONLY)
        name = f"/dev/fd/{kept}"
    words = [*_VM, *_NIC[:2], "-readconfig", name, "-platform", "linux-6.1,lock=vm.lock"]
    done = subprocess.run(
        [program, "--qemu", str(qemu), "--host", new, *words],
        pass_fds=[kept] if kept >= 0 else [],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert _RC == (tmp_path / "read").read_text()
    assert "net0" in (tmp_path / "vm.lock").read_text()


def test_a_configuration_in_a_named_pipe_is_refused(launch: Launch, tmp_path: Path) -> None:
    """Who writes to it could not know for whom; nothing is started, and nothing waits."""
    os.mkfifo(tmp_path / "pipe")
    done = launch(*_VM, "-readconfig", str(tmp_path / "pipe"), "-platform", "linux-6.1")
    assert 4 == done.returncode
    assert "a pipe, not a regular file" in done.stderr
    assert _started(tmp_path) is None


def test_force_starts_it_and_is_recorded(
    program: str, qemu: str, old: str, new: str, tmp_path: Path
) -> None:
    """The lockfile says what was let pass; where nothing had to be, it says nothing."""
    words = [*_VM, *_NIC, "-platform", "linux-6.9,force=on,lock=vm.lock"]
    assert 0 == _start(program, "--qemu", qemu, "--host", new, *words).returncode
    plain = (tmp_path / "vm.lock").read_text()
    assert "allowed" not in plain
    done = _start(program, "--qemu", qemu, "--host", old, *words)
    assert 0 == done.returncode
    assert "started regardless: capability-missing: virtio-net-device.host_uso=on" in done.stderr
    assert "virtio-net-device.host_uso=on" in (_started(tmp_path) or [])
    recorded = (tmp_path / "vm.lock").read_text()
    assert 3 == recorded.count('by = "force"')
    assert pa.read_lock(plain, "a") == pa.read_lock(recorded, "b")


def test_who_may_not_ask_is_told_how_to_go_on(
    catalogue: pa.FileCatalogue, capsys: Run, qemu: str, tmp_path: Path
) -> None:
    """Where nothing is known to be missing: let root ask, or start it regardless."""
    report = _report(catalogue, tmp_path / "host.json", unknown="tun.uso")
    words = [*_VM, *_NIC, "-platform"]
    code, out, err = _print(capsys, qemu, report, *words, "linux-6.9")
    assert (1, "") == (code, out)
    assert "error[capability-unknown]" in err
    assert "platform-abi host -o FILE" in err
    assert "-platform linux-6.9@2026.2,allow-unknown=on" in err
    code, out, err = _print(capsys, qemu, report, *words, "linux-6.9,allow-unknown=on")
    assert 0 == code
    assert "started regardless: capability-unknown" in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-platform", "linux-6.99"], (2, "unknown-platform")),
        (["-platform", "linux-6.9,virtio-net.usoo=on"], (2, "unknown-feature")),
        (["-platform", "linux-6.9,lcok=x"], (2, "unknown-platform-key")),
        (["-platform", "linux-6.9,force=perhaps"], (2, "platform-option")),
        (["-platform", "lock=/no/such/folder/vm.lock"], (4, "write-failed")),
        (["-platform", "lock=."], (4, "read-failed")),
        (["-platform"], (2, "platform-option")),
        (["-incoming", "defer"], (2, "incoming-without-platform")),
        (["-machine", "pc-q35-99.9"], (2, "unknown-machine")),
        (["-netdev", "tap,id=n0"], (2, "duplicate-id")),
        (["-readconfig", "/no/such/file"], (4, "read-failed")),
    ],
)
def test_bad_input_is_an_error_and_starts_nothing(
    launch: Launch, tmp_path: Path, words: list[str], expected: tuple[int, str]
) -> None:
    """Each has its exit code and its stable code, and QEMU is never started half-way."""
    done = launch(*_VM, *_NIC, *words)
    code, error = expected
    assert (code, "") == (done.returncode, done.stdout)
    assert f"error[{error}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert _started(tmp_path) is None


@pytest.mark.parametrize("words", [["-version"], [*_VM, *_NIC, "-platform", "linux-6.1"]])
def test_a_qemu_that_is_not_there(program: str, new: str, tmp_path: Path, words: list[str]) -> None:
    """Passing through or not: exit 4, by name, and no lockfile."""
    for named in ("/no/such/qemu", str(tmp_path)):
        done = _start(program, "--qemu", named, "--host", new, *words)
        assert 4 == done.returncode
        assert f"error[qemu-not-found]: {named}" in done.stderr
    assert "qemu-not-found" in _start(program, "--host", new, *words, PATH="").stderr


def test_what_cannot_be_started_leaves_the_lockfile_as_it_was(
    program: str, new: str, tmp_path: Path
) -> None:
    """A file that the system cannot execute: exit 4; a new lockfile is gone, an old one is back."""
    broken = tmp_path / "qemu-system-x86_64"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    words = ["--qemu", str(broken), "--host", new, *_VM, *_NIC, "-platform"]
    for earlier in (None, pa.read_lock):
        done = _start(program, *words, "linux-6.9,lock=vm.lock")
        assert (4, True) == (done.returncode, "error[qemu-failed]" in done.stderr)
        if earlier is None:
            assert not (tmp_path / "vm.lock").exists()
            vm = ["--machine", _VM[1], "--cpu", _VM[5], "--netdev", _NIC[1], "--device", _NIC[3]]
            main(["resolve", *vm, "--platform", "linux-6.1", "--lock", "vm.lock"])
            before = (tmp_path / "vm.lock").read_text()
        else:
            assert before == (tmp_path / "vm.lock").read_text()


def test_a_report_of_another_boot_is_refused(
    catalogue: pa.FileCatalogue, capsys: Run, qemu: str, tmp_path: Path
) -> None:
    """What another kernel offered says nothing of this one."""
    path = tmp_path / "stale.json"
    path.write_text(json.dumps(report_document(full_report(catalogue))))
    code, out, err = _print(capsys, qemu, str(path), *_VM, *_NIC, "-platform", "linux-6.1")
    assert (2, "") == (code, out)
    assert "error[host-report-stale]" in err
    assert os.uname().release in err


# --- printing ------------------------------------------------------------------------------------


def test_printing_starts_and_stores_nothing(
    capsys: Run, qemu: str, new: str, old: str, tmp_path: Path
) -> None:
    """``--print-args`` prints the words one a line; ``--json`` says the verdict as well."""
    words = [*_VM, *_NIC, "-platform", "linux-6.9,lock=vm.lock"]
    code, out, err = _print(capsys, qemu, new, *words)
    assert (0, "") == (code, err)
    for host, status, expected in ((new, "ok", 0), (old, "blocked", 1)):
        code = main(["run", "--print-args", "--json", "--host", host, "--", qemu, *words])
        document = validated("run", capsys.readouterr().out)
        assert (expected, 1, qemu) == (code, document["schema_version"], document["qemu"])
        assert out.splitlines() == document["arguments"]
        assert ("linux-6.9@2026.2", status) == (document["platform"], document["host"])
        assert re.fullmatch("sha256:[0-9a-f]{64}", document["digest"])
        assert (status == "blocked") == bool(document["findings"])
    assert _started(tmp_path) is None
    assert not (tmp_path / "vm.lock").exists()


def test_printing_what_passes_through(capsys: Run, qemu: str) -> None:
    """Words that no platform has to do with are printed as they are, with nothing said of it."""
    assert 0 == main(["run", "--print-args", "--json", "--", qemu, "-machine", "help"])
    document = validated("run", capsys.readouterr().out)
    assert ["-machine", "help"] == document["arguments"]
    assert (None, None, None) == tuple(document[key] for key in ("platform", "digest", "host"))


def test_nothing_to_run(capsys: Run) -> None:
    """Without a word there is nothing to run, and a command line is shown."""
    assert 2 == main(["run"])
    assert "error[usage]" in capsys.readouterr().err
