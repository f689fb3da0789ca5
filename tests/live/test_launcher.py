"""``qemu-platform`` in front of real QEMUs: what starts, as what, and what a guest then finds.

An older kernel is this one behind ``old_kernel.c``, for the launcher and for QEMU alike.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import pytest

import platform_abi as pa
from platform_abi.launch.asking import ThisHost
from platform_abi.qemu.qtest import QUIET, Qtest, StartError
from platform_abi.qemu.stdio_qmp import Qmp
from tests.live.conftest import BUILD_OF
from tests.live.pci_bus import PciBus

pytestmark = pytest.mark.live

_NIC = "virtio-net-pci,netdev=n0,id=net0,addr=4"
_TAP = "tap,id=n0,script=no,downscript=no"
_MACHINE = "pc-q35-9.1"
_ALL_OFFLOADS = 0x1FF & ~0x10
#: Linux 5.14, by the TUN_F_* bits that it does not know.
_OLD = "0x1e0"

# linux/if_tun.h
_TUNSETIFF = 0x400454CA
_IFF_TAP_NO_PI_VNET_HDR = 0x0002 | 0x1000 | 0x4000

Launcher = Callable[[Path], str]


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    """Return what makes the emulator of a QEMU: a script of one line, as for libvirt."""
    folder = tmp_path_factory.mktemp("launcher")
    program = folder / "qemu-platform"
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "from platform_abi.cli.qemu_platform import entry\nsys.exit(entry())\n"
    )
    program.chmod(0o755)

    def emulator(qemu: Path) -> str:
        script = folder / f"emulator-{qemu.name}"
        script.write_text(f'#!/bin/sh\nexec {program} --qemu {qemu} "$@"\n')
        script.chmod(0o755)
        return str(script)

    return emulator


@pytest.fixture(autouse=True)
def _no_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a site's choices out."""
    for name in ("PLATFORM_ABI_POLICY", "PLATFORM_ABI_QEMU", "PLATFORM_ABI_HOST"):
        monkeypatch.delenv(name, raising=False)


def _run(
    words: Sequence[str | Path], said: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
        input=said,
    )


def _supports(catalogue: pa.FileCatalogue, qemu: Path, machine: str) -> None:
    """Skip where the QEMU is older than the machine type."""
    version = qemu.name.rpartition("-")[2]
    build = BUILD_OF[version]
    if machine not in catalogue.build(build, "x86_64").machines:
        pytest.skip(f"QEMU {version} is older than {machine}")


# --- passing through -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["-version"],
        ["--version"],
        ["-help"],
        ["-machine", "help"],
        ["-M", "pc,help"],
        ["-device", "help"],
        ["-device", "virtio-net-pci,help"],
        ["-cpu", "help"],
        ["-accel", "help"],
        ["-machine", "none", "-display", "none", "-no-such-option"],
    ],
)
def test_capability_probing_is_answered_as_by_qemu_itself(
    launcher: Launcher, qemu: Path, words: list[str]
) -> None:
    """Output, complaints and exit code are those of the bare binary."""
    bare, launched = _run([qemu, *words]), _run([launcher(qemu), *words])
    assert (bare.returncode, bare.stdout) == (launched.returncode, launched.stdout)
    assert bare.stderr == launched.stderr
    assert bare.stdout or bare.stderr


def test_a_manager_probes_over_qmp(launcher: Launcher, qemu: Path) -> None:
    """``-machine none`` with a monitor is the QEMU that libvirt asks what it has."""
    arguments = ["-no-user-config", "-nodefaults", "-machine", "none,accel=kvm:tcg"]
    with Qmp(launcher(qemu), arguments, timeout=30) as launched:
        names = {machine["name"] for machine in launched.execute("query-machines")}
    with Qmp(str(qemu), arguments, timeout=30) as bare:
        assert {machine["name"] for machine in bare.execute("query-machines")} == names


# --- one process ---------------------------------------------------------------------------------


def test_the_process_becomes_qemu(launcher: Launcher, qemu: Path, tmp_path: Path) -> None:
    """The process that was started is QEMU: by its command, its pidfile, and its signals."""
    pidfile = tmp_path / "pid"
    machine = ["-machine", "pc-q35-7.2", "-accel", "tcg", "-platform", "linux-6.1", *QUIET]
    words = [*machine, "-S", "-display", "none", "-pidfile", str(pidfile), "-monitor", "stdio"]
    pipe = subprocess.PIPE
    process = subprocess.Popen([launcher(qemu), *words], stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    # Once it answers, its main loop runs.
    process.stdin.write(b"info status\n")
    process.stdin.flush()
    while b"VM status" not in (line := process.stdout.readline()):
        assert line
    command = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    assert os.fsencode(qemu) in command
    assert b"-platform" not in command
    assert process.pid == int(pidfile.read_text())
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert b"terminating on signal 15" in errors
    assert 0 == process.returncode


@pytest.fixture
def tap(can_tap: None) -> Iterator[int]:
    """Return the descriptor of a tap, as a manager hands it over."""
    del can_tap
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    request = struct.pack("16sH22x", b"pa%d", _IFF_TAP_NO_PI_VNET_HDR)
    fcntl.ioctl(descriptor, _TUNSETIFF, request)
    yield descriptor
    os.close(descriptor)


def test_a_tap_that_was_handed_over_arrives(
    catalogue: pa.FileCatalogue, launcher: Launcher, qemu: Path, tap: int
) -> None:
    """``-netdev tap,fd=N``: QEMU uses the descriptor of its parent's parent."""
    _supports(catalogue, qemu, _MACHINE)
    machine = ["-machine", _MACHINE, "-accel", "tcg", *QUIET, "-platform", "linux-6.1"]
    nic = ["-netdev", f"tap,id=n0,fd={tap}", "-device", _NIC]
    ends = ["-S", "-display", "none", "-monitor", "stdio"]
    done = subprocess.run(
        [launcher(qemu), *machine, *nic, *ends],
        input="info network\nquit\n",
        capture_output=True,
        text=True,
        timeout=60,
        pass_fds=(tap,),
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert f"fd={tap}" in done.stdout


# --- what a guest finds --------------------------------------------------------------------------


@pytest.fixture
def older(old_kernel: Path, require_tap_offloads: Callable[[int], None]) -> dict[str, str]:
    """Return the environment of a process on an older kernel than this one."""
    require_tap_offloads(_ALL_OFFLOADS)
    return {"LD_PRELOAD": str(old_kernel), "OLD_KERNEL_TUN_MASK": _OLD}


def _offered(emulator: str, words: Sequence[str], environment: dict[str, str] | None = None) -> int:
    machine = ["-machine", _MACHINE, "-accel", "tcg", *QUIET, "-netdev", _TAP, "-device", _NIC]
    # The launcher writes its lockfile there.
    folder = str(Path(words[-1].rpartition("=")[2]).parent) if "lock=" in words[-1] else ""
    arguments, more = [*machine, *words], environment or {}
    with Qtest(emulator, arguments, environment=more, writable=folder) as qtest:
        return PciBus(qtest).offered(4).features


def test_one_command_line_is_one_guest_on_every_kernel(
    catalogue: pa.FileCatalogue,
    launcher: Launcher,
    qemu: Path,
    older: dict[str, str],
) -> None:
    """With a platform both kernels offer the predicted bits; with none they differ."""
    _supports(catalogue, qemu, _MACHINE)
    emulator = launcher(qemu)
    vm = pa.virtual_machine(
        catalogue.devices(), _MACHINE, accelerator="tcg", devices=[_NIC], netdevs=[_TAP]
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    named = [_offered(emulator, ["-platform", "linux-6.1"], on) for on in ({}, older)]
    assert [hex(pa.offered_bits(catalogue, abi, "net0"))] * 2 == [hex(bits) for bits in named]
    left = [_offered(emulator, ["-platform", "none"], on) for on in ({}, older)]
    assert left[0] != left[1]
    # And the user's own value wins.
    own = _offered(emulator, ["-platform", "linux-6.1", "-global", "virtio-net-pci.csum=off"])
    assert named[0] & ~1 == own


def test_what_a_kernel_lacks_is_refused_before_qemu_drops_it(
    catalogue: pa.FileCatalogue,
    launcher: Launcher,
    qemu: Path,
    older: dict[str, str],
    tmp_path: Path,
) -> None:
    """On the older kernel no QEMU starts on the newer platform; forced it does, on record."""
    _supports(catalogue, qemu, _MACHINE)
    lock = tmp_path / "vm.lock"
    with pytest.raises(StartError) as refused:
        _offered(launcher(qemu), ["-platform", f"linux-6.9,lock={lock}"], older)
    assert 1 == refused.value.status
    assert "virtio-net-device.guest_uso4=on of net0 needs tun.uso" in refused.value.stderr
    assert "virtio-net-device.host_uso=on of net0" in refused.value.stderr
    assert "EINVAL from TUNSETOFFLOAD" in refused.value.stderr
    assert "linux-6.1@2026.2" in refused.value.stderr
    assert not lock.exists()
    forced = _offered(launcher(qemu), ["-platform", f"linux-6.9,force=on,lock={lock}"], older)
    assert 0 == forced >> 56 & 1
    assert 'by = "force"' in lock.read_text()


def test_the_newest_platform_is_chosen_and_kept_across_kernels(
    catalogue: pa.FileCatalogue,
    launcher: Launcher,
    qemu: Path,
    older: dict[str, str],
    tmp_path: Path,
) -> None:
    """Without a name the older kernel's newest is stored; on this one the VM stays as it was."""
    _supports(catalogue, qemu, _MACHINE)
    lock = tmp_path / "vm.lock"
    words = ["-platform", f"lock={lock}"]
    first = _offered(launcher(qemu), words, older)
    stored = pa.read_lock(lock.read_text(), "vm.lock")
    assert "tun.uso" not in {p.capability for p in stored.preconditions}
    assert hex(pa.offered_bits(catalogue, stored, "net0")) == hex(first)
    assert hex(first) == hex(_offered(launcher(qemu), words))


def test_an_alias_is_the_machine_type_of_the_binary(qemu: Path) -> None:
    """``-M q35`` gets the values of that binary's newest board."""
    version = qemu.name.rpartition("-")[2]
    words = ["-accel", "tcg", "-netdev", "user,id=n0", "-device", _NIC, "-platform", "linux-6.1"]
    command = [sys.executable, "-m", "platform_abi", "run", "--print-args", "--", str(qemu)]
    printed = [_run([*command, "-M", name, *words]) for name in ("q35", f"pc-q35-{version}")]
    assert [0, 0] == [done.returncode for done in printed], printed[0].stderr
    short, full = (done.stdout.splitlines() for done in printed)
    assert full == [f"pc-q35-{version}" if word == "q35" else word for word in short]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("qemu64", "qemu64,+hypervisor,lahf-lm=on", True),
        ("qemu64,+avx2,family=6", "qemu64,family=0x6,avx2=on", True),
        ("qemu64", "qemu64,+avx2", False),
        ("qemu64", "qemu64,vendor=GenuineIntel", False),
        ("qemu64", "EPYC", False),
        ("qemu64", "no-such-model", False),
    ],
)
def test_two_spellings_of_a_cpu_are_told_from_two_cpus(
    catalogue: pa.FileCatalogue, qemu: Path, first: str, second: str, same: bool
) -> None:
    """The QEMU itself says whether what a manager spells out is what the model has anyway."""
    host = ThisHost(catalogue, str(qemu))
    one, other = (
        pa.virtual_machine(catalogue.devices(), "pc-q35-7.2", accelerator="tcg", cpu=cpu)
        for cpu in (first, second)
    )
    assert same == host.same_cpu(one, other)
    assert host.same_cpu(one, one)


# --- configuration files -------------------------------------------------------------------------


def test_devices_of_a_configuration_from_a_command_are_there(
    qemu: Path, launcher: Launcher, tmp_path: Path
) -> None:
    """``-readconfig <(cat vm.cfg)`` makes the machine that ``-readconfig vm.cfg`` makes."""
    config = tmp_path / "vm.cfg"
    config.write_text('[device "r0"]\n  driver = "virtio-rng-pci"\n  addr = "6"\n')
    script = tmp_path / "emulator"
    script.write_text(
        f'#!/bin/bash\nexec {launcher(qemu)} "$@" -readconfig <(cat {config}) -platform linux-6.1\n'
    )
    script.chmod(0o755)
    machine = ["-machine", "pc-q35-7.2", "-accel", "tcg", "-nodefaults"]
    with Qmp(str(script), machine, timeout=60) as qmp:
        names = {entry["name"] for entry in qmp.execute("qom-list", path="/machine/peripheral")}
    assert "r0" in names


# --- who may not ask -----------------------------------------------------------------------------

_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def as_nobody(qemu_binaries: dict[str, Path]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs ``qemu-platform`` with a real QEMU as a user who may open no device."""
    qemu = qemu_binaries["10.0"]
    if os.geteuid() != 0 or shutil.which("setpriv") is None or shutil.which("unshare") is None:
        pytest.skip("becoming another user needs root, setpriv and unshare")
    source = str(Path(pa.__file__).parents[1])
    program = (
        f"import sys; sys.path[:0] = {[source, str(Path(attrs.__file__).parents[1])]!r}; "
        "from platform_abi.cli.qemu_platform import entry; sys.exit(entry())"
    )
    # Nobody may be allowed to pass the folder that QEMU is in.
    mounted = f'mount --bind {qemu.parents[1]} /mnt && exec "$@"'
    prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted, "sh", *_NOBODY]
    for python in (sys.executable, "/usr/bin/python3"):
        able = f"import sys; sys.path[:0] = [{source!r}]; import platform_abi"
        if _run([*prefix, "sh", "-c", f'exec {python} -c "$1"', "sh", able]).returncode == 0:
            break
    else:
        pytest.skip("no Python and no checkout that another user can read")

    def run(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
        command = [*prefix, python, "-B", "-c", program, "--qemu", f"/mnt/bin/{qemu.name}", *words]
        return _run(command, said=said)

    return run


def test_an_unprivileged_user_is_told_how_to_go_on(
    as_nobody: Callable[..., subprocess.CompletedProcess[str]], can_tap: None, tmp_path: Path
) -> None:
    """What may not be asked is unknown, not absent: refused, with both ways on, and both work."""
    del can_tap
    if Path("/dev/net/tun").stat().st_mode & 0o006:
        pytest.skip("everybody may open /dev/net/tun here")
    words = ["-machine", _MACHINE, "-accel", "tcg", "-netdev", _TAP, "-device", _NIC, "-platform"]
    done = as_nobody("--print-args", *words, "linux-6.1")
    assert (1, "") == (done.returncode, done.stdout), done.stderr
    assert "error[capability-unknown]" in done.stderr
    assert "/dev/net/tun: EACCES" in done.stderr
    assert "capability-missing" not in done.stderr
    assert "allow-unknown=on" in done.stderr
    assert 0 == as_nobody("--print-args", *words, "linux-6.1,allow-unknown=on").returncode
    report = tmp_path / "host.json"
    _run([sys.executable, "-m", "platform_abi", "host", "--no-qemu", "-o", report])
    shared = Path("/tmp") / f"{report.parent.name}.json"
    try:
        shutil.copy(report, shared)
        shared.chmod(0o644)
        done = as_nobody("--host", str(shared), "--print-args", *words, "linux-6.1")
    finally:
        shared.unlink(missing_ok=True)
    assert "capability-unknown]: virtio-net-device" not in done.stderr


def test_an_unprivileged_user_starts_what_needs_no_device(
    as_nobody: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """TCG and the network of user space need nothing that root alone may open."""
    words = ["-machine", _MACHINE, "-accel", "tcg", *QUIET, "-display", "none", "-S"]
    nic = ["-netdev", "user,id=n0", "-device", _NIC, "-platform", "linux-6.1"]
    done = as_nobody(*words, *nic, "-monitor", "stdio", said="quit\n")
    assert 0 == done.returncode, done.stderr
