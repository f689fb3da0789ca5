"""What the probe finds where it may do less, or where devices are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.probe import probe
from platform_abi.model.host import HostReport
from tests.host.probing import ROOT, needs_root, needs_tun, probed_under

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

pytestmark = needs_root


def _in_private_mounts(*commands: str) -> tuple[str, ...]:
    """Return a command that runs *commands* in a mount namespace of its own, then what follows."""
    script = " && ".join((*commands, 'exec "$@"'))
    return "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"


@pytest.fixture(scope="module")
def python() -> str:
    """Return an interpreter that another user can start, or skip."""
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv on PATH")
    for candidate in (sys.executable, "/usr/bin/python3"):
        # Through a shell: setpriv itself may still pass every folder.
        program = (
            f"import sys; open({str(ROOT / 'README.md')!r}); sys.exit(sys.version_info < (3, 11))"
        )
        command = [*NOBODY, "sh", "-c", f'exec {candidate} -c "$1"', "sh", program]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return candidate
    pytest.skip("no Python 3.11 and no checkout that another user can read")


def _about(catalogue: pa.FileCatalogue, report: HostReport, node: str) -> set[tuple[str, str]]:
    return {
        (fact.state, fact.detail)
        for name, fact in report.facts.items()
        if (asked := catalogue.capabilities()[name].probe) is not None and asked.node == node
    }


def test_what_may_not_be_opened_is_unknown(catalogue: pa.FileCatalogue, python: str) -> None:
    """To an unprivileged user, a node of root's alone is unknown, never absent, by errno."""
    report = probed_under(*NOBODY, python=python)
    for node in ("/dev/kvm", "/dev/net/tun"):
        if Path(node).exists() and Path(node).stat().st_mode & 0o777 == 0o600:
            assert _about(catalogue, report, node) == {("unknown", f"{node}: EACCES")}
    assert report.fact("macvtap.uso").detail == (
        "EPERM from unshare: a macvtap can be made by root only"
    )
    assert report.state("privilege.net-admin") == "absent"
    assert report.fact("privilege.net-admin").detail == "CapEff lacks 12"


@needs_tun
def test_an_unprivileged_user_makes_a_tap_in_namespaces_of_its_own(
    catalogue: pa.FileCatalogue, python: str
) -> None:
    """Where /dev/net/tun is everybody's, as distributions have it, all of tun's facts are found."""
    everybodys = _in_private_mounts(
        "mount -t tmpfs tmpfs /mnt",
        "mknod -m 666 /mnt/tun c 10 200",
        "mount --bind /mnt/tun /dev/net/tun",
    )
    able = [*NOBODY, "unshare", "--user", "--net", "true"]
    if subprocess.run(able, check=False, capture_output=True).returncode != 0:
        pytest.skip("another user cannot make namespaces here")
    report = probed_under(*everybodys, *NOBODY, python=python)
    roots = probe(catalogue.capabilities())
    for name, fact in roots.facts.items():
        if name.startswith("tun."):
            assert report.facts[name] == fact, name
    assert report.state("macvtap.uso") == "unknown"


def test_the_group_that_may_is_named(catalogue: pa.FileCatalogue, python: str) -> None:
    """A node of a group's own is unknown to others, and the detail says whom it belongs to."""
    node = "/dev/kvm"
    if not Path(node).exists():
        pytest.skip(f"no {node}")
    groups = _in_private_mounts(
        "mount -t tmpfs tmpfs /mnt",
        "printf 'root:x:0:\\nvirt:x:4242:somebody\\n' > /mnt/group",
        "mount --bind /mnt/group /etc/group",
        "mknod -m 660 /mnt/kvm c 10 232",
        "chown 0:4242 /mnt/kvm",
        f"mount --bind /mnt/kvm {node}",
    )
    report = probed_under(*groups, *NOBODY, python=python)
    assert _about(catalogue, report, node) == {("unknown", f"{node}: EACCES, group virt may")}


def test_missing_nodes_are_absent(catalogue: pa.FileCatalogue) -> None:
    """Without /dev/kvm and /dev/net/tun all that they would say is absent."""
    report = probed_under(
        *_in_private_mounts("mount -t tmpfs tmpfs /dev", "mknod -m 666 /dev/null c 1 3")
    )
    for node in ("/dev/kvm", "/dev/net/tun"):
        found = _about(catalogue, report, node)
        assert {state for state, _ in found} == {"absent"}
        assert all(detail.startswith(f"{node}: ENOENT") for _, detail in found)
    assert report.fact("macvtap.csum").detail == "ENOENT from opening /dev/net/tun"
    assert report.state("macvtap.csum") == "unknown"
    assert not report.masks
    assert not report.sets


@pytest.mark.skipif(Path("/dev/vhost-net").exists(), reason="this host has a /dev/vhost-net")
def test_a_module_that_waits_to_be_loaded_is_named() -> None:
    """A missing node whose module the index of modules lists is absent, and says why."""
    folder = f"/mnt/modules/{os.uname().release}"
    lines = {
        "modules.dep": "kernel/drivers/vhost/vhost_net.ko.xz: kernel/drivers/vhost/vhost.ko.xz\\n"
        "kernel/drivers/vhost/vhost-scsi.ko:",
        "modules.devname": "# Device nodes\\nvhost_net vhost-net c10:238",
    }
    report = probed_under(
        *_in_private_mounts(
            "mount -t tmpfs tmpfs /mnt",
            f"mkdir -p {folder}",
            *(f"printf '{text}\\n' > {folder}/{name}" for name, text in lines.items()),
            # The host's own folder may be missing, and nothing can be made in it.
            "mount -t overlay overlay -o lowerdir=/mnt:/lib /lib",
        )
    )
    vhost = report.fact("vhost-net")
    assert vhost.detail == "/dev/vhost-net: ENOENT; module vhost_net is not loaded"
    assert vhost.state == "absent"
    assert report.fact("vhost-scsi").detail.endswith("; module vhost_scsi is not loaded")
    assert report.fact("vhost-vsock").detail == "/dev/vhost-vsock: ENOENT"


def test_privileges_of_a_user_namespace_are_unknown(catalogue: pa.FileCatalogue) -> None:
    """Root of a user namespace has every capability there, which proves nothing outside of it."""
    report = probed_under("unshare", "--user", "--map-root-user")
    assert report.fact("privilege.net-admin").detail == "CapEff has 12, in a user namespace only"
    assert report.state("privilege.net-admin") == "unknown"
    assert catalogue.capabilities()["privilege.net-admin"].probe is not None


def test_cap_sys_admin_may_do_what_was_carved_out_of_it() -> None:
    """Without CAP_BPF, CAP_SYS_ADMIN still loads programs (bpf_capable); with neither, nobody."""
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv on PATH")
    without_bpf = probed_under("setpriv", "--bounding-set=-bpf", "--inh-caps=-bpf")
    assert without_bpf.state("privilege.bpf") == "present"
    neither = "-bpf,-sys_admin"
    report = probed_under("setpriv", f"--bounding-set={neither}", f"--inh-caps={neither}")
    if report.values["unprivileged-bpf-disabled"] == "0":
        assert report.state("privilege.bpf") == "present"
    else:
        assert report.fact("privilege.bpf").detail == "CapEff lacks 39"
        assert report.state("privilege.bpf") == "absent"
