"""The second witness: what a real QEMU shows of this host, and of older ones that it is shown.

Older kernels are simulated by ``old_kernel.c``, for QEMU and for the direct probe alike: where both
settle a capability, they have to say the same.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.compat.agreement import compare_probes
from platform_abi.host.document import read_report
from platform_abi.host.witness import ask_qemu
from platform_abi.model.host import HostReport
from platform_abi.qemu.netdevs import ask_netdevs
from platform_abi.qemu.process import Throwaway
from platform_abi.qemu.starting import containment

pytestmark = pytest.mark.live

#: What to put before a command whose taps are no business of this host's.
_OWN_NETWORK = ("unshare", "--net", "--") if os.geteuid() == 0 and shutil.which("unshare") else ()

_USO = 0x60
_TUNNEL = 0x180
_ALL = 0x1FF & ~0x10  # UFO is asked for separately
_SPLIT_IRQCHIP = 121

#: Capabilities that a QEMU can tell of from a version on.
_SINCE = {"tun.ufo": "7.2", "tun.uso": "10.0", "tun.udp-tunnel-gso": "11.1"}


@dataclass(frozen=True)
class Kernel:
    """A kernel that this host is made to look like, and what it then must be found to lack."""

    hides: dict[str, str]
    lacks: tuple[str, ...]

    def __str__(self) -> str:
        return "-".join(f"{k.removeprefix('OLD_KERNEL_')}={v}" for k, v in self.hides.items())


KERNELS = (
    Kernel({}, ()),
    Kernel({"OLD_KERNEL_TUN_MASK": "0x1e0"}, ("tun.uso", "tun.udp-tunnel-gso")),
    Kernel({"OLD_KERNEL_TUN_MASK": "0x180"}, ("tun.udp-tunnel-gso",)),
    Kernel({"OLD_KERNEL_TUN_MASK": "0x10"}, ("tun.ufo",)),
    Kernel({"OLD_KERNEL_TUN_MASK": "0x1"}, ("tun.ufo", "tun.uso", "tun.udp-tunnel-gso")),
    Kernel({"OLD_KERNEL_NO_VNET_HDR": "1"}, ("tun.vnet-hdr",)),
    Kernel({"OLD_KERNEL_KVM_PV_MASK": "0x4000"}, ("kvm.pv.async-pf-int",)),
    Kernel({"OLD_KERNEL_KVM_PV_MASK": "0x10"}, ("kvm.pv.async-pf",)),
    Kernel({"OLD_KERNEL_KVM_CAPS": f"9,{_SPLIT_IRQCHIP}"}, ("kvm.split-irqchip",)),
)


def _older(version: str, than: str) -> bool:
    return [int(n) for n in version.split(".")] < [int(n) for n in than.split(".")]


def _settled(report: HostReport) -> set[str]:
    return {name for name in report.facts if report.state(name) != "unknown"}


#: What runs under the shim, in a network of its own: both probes, and the interfaces it has then.
_PROBES = """
    import json, socket, sys
    import platform_abi as pa
    from platform_abi.host.document import report_document
    from platform_abi.host.witness import ask_qemu
    from platform_abi.host.probe import probe

    catalogue = pa.FileCatalogue([sys.argv[1]])
    before = socket.if_nameindex()
    direct = probe(catalogue.capabilities())
    oracle = ask_qemu(catalogue, sys.argv[2], timeout=60)
    print(json.dumps({
        "direct": report_document(direct),
        "oracle": report_document(oracle),
        "left": sorted(set(socket.if_nameindex()) - set(before)),
    }))
"""


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_two_witnesses_agree_on_every_kernel(  # noqa: PLR0917 - each is something to be had
    qemu_version: str,
    qemu: Path,
    old_kernel: Path,
    require_tap_offloads: Callable[[int], None],
    can_kvm: None,
    kernel: Kernel,
) -> None:
    """What QEMU shows and what the kernel answers is the same, wherever both tell."""
    del can_kvm
    require_tap_offloads(_ALL)
    definitions = Path(__file__).parents[2] / "definitions"
    done = subprocess.run(
        [*_OWN_NETWORK, sys.executable, "-c", textwrap.dedent(_PROBES), definitions, qemu],
        env={**os.environ, "LD_PRELOAD": str(old_kernel), **kernel.hides},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    direct, oracle = (read_report(json.dumps(found[name]), name) for name in ("direct", "oracle"))

    assert compare_probes(direct, oracle) == ()
    both = _settled(direct) & _settled(oracle)
    print(f"{qemu_version} {kernel}: {len(both)} of {len(oracle.facts)} compared")  # noqa: T201
    assert len(both) >= 14
    known = {name for name, since in _SINCE.items() if not _older(qemu_version, since)}
    for name in kernel.lacks:
        if name in known or name not in _SINCE:
            assert (name, oracle.state(name)) == (name, "absent")
    if "tun.vnet-hdr" not in kernel.lacks:
        for name in known - set(kernel.lacks):
            assert (name, oracle.state(name)) == (name, "present")
    assert found["left"] == []


def test_what_is_only_granted_because_nobody_asked_is_not_concluded(
    catalogue: pa.FileCatalogue,
    qemu: Path,
    old_kernel: Path,
    require_tap_offloads: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """QEMU offers TSO over IPv4 on a tap that refuses it: that bit says nothing of the tap."""
    require_tap_offloads(_ALL)
    monkeypatch.setenv("LD_PRELOAD", str(old_kernel))
    monkeypatch.setenv("OLD_KERNEL_TUN_MASK", "0x2")
    assert ask_qemu(catalogue, str(qemu), timeout=60).state("tun.tso4") == "unknown"


def test_a_report_says_what_was_asked(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path, can_tap: None
) -> None:
    """Facts are this witness's own; netdevs, version and package are those of the binary."""
    del can_tap
    report = ask_qemu(catalogue, str(qemu), timeout=60)
    assert {fact.source for fact in report.facts.values()} == {"oracle"}
    assert report.values["qemu.version"].startswith(f"{qemu_version}.")
    assert report.facts["tun.vnet-hdr"].state == "present"
    assert "tap" in report.sets["qemu.netdevs"]
    quick = ask_netdevs(catalogue.capabilities(), str(qemu))
    assert quick.values == report.values
    assert quick.sets == report.sets
    assert quick.facts.items() <= report.facts.items()
    assert (quick.state("netdev.passt") == "present") == ("passt" in quick.sets["qemu.netdevs"])


def test_without_kvm_only_the_rest_is_told(
    catalogue: pa.FileCatalogue, qemu: Path, can_tap: None
) -> None:
    """Asked under TCG, a CPU and a board say nothing of this host."""
    del can_tap
    report = ask_qemu(catalogue, str(qemu), timeout=60, accelerator="tcg")
    assert report.state("tun.vnet-hdr") == "present"
    assert [name for name in report.facts if name.startswith("kvm.")] == []


# --- denied --------------------------------------------------------------------------------------


@pytest.fixture
def wrapper(tmp_path: Path, qemu: Path) -> Callable[[str], str]:
    """Return a function that makes a wrapper script around QEMU, from what it begins with."""

    def make(prefix: str) -> str:
        path = tmp_path / "wrapped-qemu"
        path.write_text(f'#!/bin/sh\n{prefix} "{qemu}" "$@"\n')
        path.chmod(0o755)
        return str(path)

    return make


def test_a_denied_tap_is_unknown_and_not_an_error(
    catalogue: pa.FileCatalogue, wrapper: Callable[[str], str], can_tap: None, can_kvm: None
) -> None:
    """A QEMU that may not make a tap says so, and everything else as ever."""
    del can_tap, can_kvm
    binary = wrapper("exec setpriv --bounding-set=-net_admin --inh-caps=-net_admin --")
    report = ask_qemu(catalogue, binary, timeout=60)
    assert report.facts["tun.vnet-hdr"].state == "unknown"
    assert "Operation not permitted" in report.facts["tun.vnet-hdr"].detail
    assert report.state("kvm.pv.async-pf") != "unknown"


def test_a_denied_kvm_is_unknown_and_not_an_error(
    catalogue: pa.FileCatalogue, wrapper: Callable[[str], str], can_tap: None, can_mount: None
) -> None:
    """A QEMU that has no KVM falls back to TCG, and says nothing of KVM but why."""
    del can_tap, can_mount
    hide = 'exec unshare --mount sh -c \'mount --bind /dev/null /dev/kvm && exec "$0" "$@"\''
    report = ask_qemu(catalogue, wrapper(hide), timeout=60)
    kvm = {name: fact for name, fact in report.facts.items() if name.startswith("kvm.")}
    assert {fact.state for fact in kvm.values()} == {"unknown"}
    assert {fact.detail for fact in kvm.values() if not fact.detail.startswith("no KVM: ")} == set()
    assert report.state("tun.vnet-hdr") == "present"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        # As the first process of a namespace it would ignore a signal that it sends itself.
        (f"exec {sys.executable} -c 'import os; os.abort()'", "qemu-failed"),
        (f"{sys.executable} -c 'import os; os.abort()'; exit", "qemu-failed"),
        ("echo garbage; exec sleep 1000", "qemu-failed"),
        ("exec sleep 1000", "qemu-timeout"),
    ],
    ids=["abort", "abort-in-a-shell", "garbage", "hang"],
)
def test_a_qemu_that_crashes_or_hangs_with_a_device_is_an_error(
    catalogue: pa.FileCatalogue, wrapper: Callable[[str], str], lines: str, code: str
) -> None:
    """That says nothing of the host, and is no refusal."""
    binary = wrapper(f'case "$*" in *-qtest*) {lines};; esac\nexec')
    with pytest.raises(pa.HostError) as caught:
        ask_qemu(catalogue, binary, timeout=3)
    assert caught.value.code == code


def test_a_qemu_of_another_architecture_is_an_error(
    catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path, tmp_path: Path
) -> None:
    """qemu-system-i386 starts everywhere where x86_64's does, and is another machine."""
    root = qemu.parent.parent / qemu_version / "root"
    # Debian 12 has a script in bin, around a binary in libexec.
    binaries = [root / f"usr/{folder}/qemu-system-i386" for folder in ("libexec", "bin")]
    found = next((path for path in binaries if path.exists()), None)
    if found is None:
        pytest.skip("not a QEMU that tests/live/install-qemu installed, which has i386 beside it")
    other = tmp_path / "qemu-system-i386"
    text = qemu.read_text().replace("$programs/$emulator", str(found))
    assert str(found) in text
    other.write_text(text.replace("here=${self%/*}", f"here={qemu.parent}"))
    other.chmod(0o755)
    with pytest.raises(pa.HostError, match="emulates i386") as caught:
        ask_qemu(catalogue, str(other), timeout=60)
    assert caught.value.code == "qemu-architecture"


@pytest.mark.parametrize(
    ("arch", "version"),
    [("aarch64", "10.0"), ("ppc64", "11.1"), ("riscv64", "11.1"), ("s390x", "10.0")],
)
def test_a_qemu_of_any_architecture_says_the_same_of_this_host(
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    arch: str,
    version: str,
) -> None:
    """A tap is the same behind each one's devices, by whatever way these are read."""
    own = qemu_binaries[version]
    other = shutil.which(str(own.with_name(own.name.replace("x86_64", arch))))
    if other is None:
        pytest.skip(f"no QEMU {version} for {arch}")
    here = ask_qemu(catalogue, str(own), timeout=60, accelerator="tcg")
    monkeypatch.setattr("platform_abi.qemu.inventory.host_architecture", lambda: arch)
    there = ask_qemu(catalogue, other, timeout=60, accelerator="tcg")
    settled = {name for name in _settled(here) if name.startswith("tun.")}
    assert {n: there.state(n) for n in settled} == {n: here.state(n) for n in settled}


# --- nothing is left behind ----------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["exec", "", "setsid"], ids=["exec", "child", "session"])
def test_no_qemu_is_left(
    catalogue: pa.FileCatalogue, wrapper: Callable[[str], str], can_tap: None, prefix: str
) -> None:
    """Whether a wrapper script becomes QEMU, waits for it, or gives it a session of its own."""
    del can_tap
    if prefix == "setsid" and "processes" not in containment():
        pytest.skip("this process may make no process namespace")
    binary = wrapper(prefix)
    ask_qemu(catalogue, binary, timeout=60)
    left = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes()
        except OSError:
            continue
        if binary.encode() in words:
            left.append(words)
    assert left == []


def test_a_tap_of_a_throw_away_qemu_is_no_interface_of_this_host(qemu: Path, can_tap: None) -> None:
    """While it runs, its tap is in a network namespace of its own."""
    del can_tap
    if "network" not in containment():
        pytest.skip("this process may make no network namespace")
    if shutil.which("nsenter") is None:
        pytest.skip("no nsenter (util-linux) on PATH")
    here = Path("/proc/self/ns/net").readlink()
    arguments = ["-S", "-display", "none", "-nodefaults", "-machine", "none", "-qmp", "stdio"]
    tap = ["-netdev", "tap,id=n0,ifname=throwaway0,script=no,downscript=no"]
    with Throwaway([str(qemu), *arguments, *tap]) as process:
        assert b"QMP" in process.receive(time.monotonic() + 60)
        assert Path(f"/proc/{process.pid}/ns/net").readlink() != here
        inside = subprocess.run(
            ["nsenter", f"--net=/proc/{process.pid}/ns/net", "cat", "/proc/net/dev"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "throwaway0" in inside.stdout
        assert "throwaway0" not in Path("/proc/net/dev").read_text()
