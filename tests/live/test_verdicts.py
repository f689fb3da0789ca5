"""From the probe to the guest: what this host is said to support is what a real QEMU then offers.

The whole path in the words of a user, on this kernel and on older ones: the command line probes the
host, names the newest upstream platform and judges a virtual machine; QEMU, started on the same
host with the resolved arguments, offers exactly the predicted bits. An older kernel is this one
behind ``old_kernel.c``, for the probe and for QEMU alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.qemu.qtest import QUIET, Qtest
from tests.live.conftest import BUILD_OF
from tests.live.pci_bus import PciBus

pytestmark = pytest.mark.live

#: Kernels, by the TUN_F_* bits that they do not know, and the newest platform that is told apart.
KERNELS = {
    "5.14": ("0x1e0", "linux-6.1"),
    "6.9": ("0x180", "linux-6.16"),
    "this-one": ("", ""),
}
_ALL_OFFLOADS = 0x1FF & ~0x10
_NIC = ("--device", "virtio-net-pci,netdev=n0,id=net0,addr=4", "--netdev", "tap,id=n0")
_TAP = "tap,id=n0,script=no,downscript=no"


def _environment(library: Path, mask: str) -> dict[str, str]:
    return {"LD_PRELOAD": str(library), "OLD_KERNEL_TUN_MASK": mask}


def _ask(environment: dict[str, str], *words: str) -> tuple[int, Any]:
    """Return the exit code and the JSON document of one command on a host of *environment*."""
    done = subprocess.run(
        [sys.executable, "-m", "platform_abi", *words, "--json"],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(params=sorted(KERNELS))
def kernel(
    request: pytest.FixtureRequest, old_kernel: Path, require_tap_offloads: Callable[[int], None]
) -> tuple[dict[str, str], str]:
    """Return the environment of a process on one of the kernels, and what it should support."""
    require_tap_offloads(_ALL_OFFLOADS)
    mask, expected = KERNELS[request.param]
    return _environment(old_kernel, mask), expected


def _newest_upstream(document: Any) -> str:
    """Return the newest supported upstream platform: newest first within each lineage."""
    names: list[str] = [
        entry["name"]
        for entry in document["platforms"]
        if entry["lineage"] == "linux" and entry["supported"] is True
    ]
    return names[0]


def test_the_newest_supported_platform_gives_the_predicted_guest(
    catalogue: pa.FileCatalogue, qemu: Path, kernel: tuple[dict[str, str], str]
) -> None:
    """The probe names the platform, and QEMU on that very host offers what it predicts."""
    environment, expected = kernel
    scope = ("--accel", "tcg", "--backend", "tap")
    code, document = _ask(environment, "platforms", "--host", "this", *scope)
    assert 0 == code
    platform = _newest_upstream(document)
    if expected:
        assert expected == platform
    else:
        assert "linux-6.17" in {v["name"] for v in document["platforms"] if v["supported"] is True}

    for machine in ("pc-q35-7.2", "pc-q35-9.1", "pc-q35-11.1"):
        if not _has(catalogue, qemu, machine):
            continue
        vm = pa.virtual_machine(
            catalogue.devices(), machine, accelerator="tcg", devices=[_NIC[1]], netdevs=[_TAP]
        )
        abi = pa.resolve(catalogue, vm, platform)
        arguments = ["-netdev", _TAP, *pa.arguments(abi), *QUIET]
        if _NIC[1] not in arguments:
            arguments += ["-device", _NIC[1]]
        with Qtest(str(qemu), arguments, environment=environment) as qtest:
            offered = PciBus(qtest).offered(4).features
        assert hex(pa.offered_bits(catalogue, abi, "net0")) == hex(offered), machine


def _has(catalogue: pa.FileCatalogue, qemu: Path, machine: str) -> bool:
    version = qemu.name.rpartition("-")[2]
    build = BUILD_OF[version]
    return machine in catalogue.build(build, "x86_64").machines


def test_a_platform_beyond_the_kernel_is_refused_before_qemu_drops_it_silently(
    qemu: Path, kernel: tuple[dict[str, str], str]
) -> None:
    """What ``check`` blocks is what QEMU would start without a word, and without the bits."""
    environment, expected = kernel
    vm = ("--machine", "pc-q35-9.1", "--accel", "tcg", "--platform", "linux-6.17", *_NIC)
    code, verdict = _ask({**environment, "PLATFORM_ABI_QEMU": str(qemu)}, "check", *vm)
    lacking = {f["capability"] for f in verdict["findings"] if f["severity"] == "blocked"}
    assert (expected == "linux-6.1") == ("tun.uso" in lacking)
    assert bool(lacking) == (code == 1)


def test_two_hosts_of_which_one_is_older(
    catalogue: pa.FileCatalogue,
    tmp_path: Path,
    old_kernel: Path,
    qemu: Path,
    require_tap_offloads: Callable[[int], None],
) -> None:
    """Of an older and a newer kernel one direction is refused, and the common platform works.

    Unless their QEMU does not have the machine type: then both are.
    """
    has = _has(catalogue, qemu, "pc-q35-9.1")
    require_tap_offloads(_ALL_OFFLOADS)
    reports = {}
    for name, mask in (("old", "0x1e0"), ("new", "")):
        reports[name] = str(tmp_path / f"{name}.json")
        environment = {**_environment(old_kernel, mask), "PLATFORM_ABI_QEMU": str(qemu)}
        subprocess.run(
            [sys.executable, "-m", "platform_abi", "host", "-o", reports[name]],
            env={**os.environ, **environment},
            timeout=120,
            check=True,
        )
    vm = ("--machine", "pc-q35-9.1", "--accel", "tcg", *_NIC)
    ends = ("--from", reports["new"], "--to", reports["old"])
    code, verdict = _ask({}, "check", *vm, "--platform", "linux-6.9", *ends)
    back = verdict["back"]
    assert (1, "blocked") == (code, verdict["forward"]["status"])
    assert ("ok" if has else "blocked") == back["status"]
    assert has != ("machine-missing" in {finding["code"] for finding in back["findings"]})
    code, common = _ask({}, "baseline", *reports.values(), "--accel", "tcg", "--backend", "tap")
    assert 0 == code
    upstream = next(entry for entry in common["common"] if entry["lineage"] == "linux")
    code, verdict = _ask({}, "check", *vm, "--platform", upstream["platform"], *ends)
    assert ((0, "ok") if has else (1, "blocked")) == (code, verdict["status"])
