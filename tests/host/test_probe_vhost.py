"""How vhost's answers are read.

All of them are constructed: the hosts that run these tests have no vhost device, so a library in
front of open() and ioctl() (``fake_vhost.c``) answers as the drivers' source says that they do.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.host.probe import probe
from platform_abi.model.capability import Capability
from platform_abi.model.host import HostReport

#: VHOST_FEATURES and what drivers/vhost/net.c adds, as Linux 6.1 and 6.17 have them.
LINUX_6_1 = "0x33d008000"
LINUX_6_17 = "0x10b3d008000"


@pytest.fixture(scope="module")
def vhost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """Put the library in front of whatever this module starts, and return where to set it up."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) on PATH, to build fake_vhost.c")
    library = tmp_path_factory.mktemp("vhost") / "fake_vhost.so"
    source = Path(__file__).with_name("fake_vhost.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source],
        check=True,
        timeout=60,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(library))
        yield patch


@pytest.fixture(scope="module")
def asked(catalogue: pa.FileCatalogue) -> dict[str, Capability]:
    """Return the capabilities of vhost's nodes."""
    return {
        name: c
        for name, c in catalogue.capabilities().items()
        if c.probe is not None and c.probe.node.startswith("/dev/vhost-")
    }


def _found(
    vhost: pytest.MonkeyPatch, asked: dict[str, Capability], timeout: float = 5.0, **said: str
) -> HostReport:
    with vhost.context() as patch:
        for name, value in said.items():
            patch.setenv(f"FAKE_VHOST_{name}", value)
        return probe(asked, timeout=timeout)


@settings(max_examples=15)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_feature_is_present_where_all_its_bits_are(
    vhost: pytest.MonkeyPatch, asked: dict[str, Capability], first: int, second: int
) -> None:
    """Bits 0 to 63 are VHOST_GET_FEATURES', those above VHOST_GET_FEATURES_ARRAY's second word."""
    report = _found(vhost, asked, FEATURES=hex(first), ARRAY=hex(second))
    words = {"vhost-features": first, "vhost-features-array": second}
    checked = 0
    for name, known in asked.items():
        assert known.probe is not None
        if known.probe.method in words and "*" not in known.probe.node:
            bits = known.probe.argument
            expected = "present" if words[known.probe.method] & bits == bits else "absent"
            assert report.state(name) == expected, name
            checked += 1
    assert checked > 20


def test_a_kernel_of_6_1(vhost: pytest.MonkeyPatch, asked: dict[str, Capability]) -> None:
    """No ring reset; and EPERM, of a descriptor without an owner, is how it says "not known"."""
    report = _found(vhost, asked, FEATURES=LINUX_6_1)
    assert report.fact("vhost-net.version-1").detail == "VHOST_GET_FEATURES 0x100000000"
    assert report.state("vhost-net.version-1") == "present"
    assert report.state("vhost-net.ring-reset") == "absent"
    for name, detail in {
        "vhost-net.features-array": "EPERM from VHOST_GET_FEATURES_ARRAY",
        "vhost-net.udp-tunnel-gso": "EPERM from VHOST_GET_FEATURES_ARRAY",
        "vhost.worker-ioctls": "EPERM from VHOST_NEW_WORKER 0x0",
        "vhost.fork-from-owner": "EPERM from VHOST_SET_FORK_FROM_OWNER 0x1",
    }.items():
        assert (report.state(name), report.fact(name).detail) == ("absent", detail)


def test_a_kernel_of_6_17(vhost: pytest.MonkeyPatch, asked: dict[str, Capability]) -> None:
    """Ring reset, tunnels above bit 63, and requests that are known by their EINVAL."""
    report = _found(vhost, asked, FEATURES=LINUX_6_17, ARRAY="0xa", KNOWS="1")
    for name in (
        *("vhost-net", "vhost-net.ring-reset", "vhost-net.in-order"),
        *("vhost-net.features-array", "vhost-net.udp-tunnel-gso"),
        *("vhost.worker-ioctls", "vhost.fork-from-owner", "vhost-vsock", "vhost-scsi"),
    ):
        assert report.state(name) == "present", name
    assert report.fact("vhost.worker-ioctls").detail == "EINVAL from VHOST_NEW_WORKER 0x0"
    assert report.state("vhost-net.packed") == "absent"


def test_a_device_that_answers_nothing_proves_nothing(
    vhost: pytest.MonkeyPatch, asked: dict[str, Capability]
) -> None:
    """Where even VHOST_GET_FEATURES is refused, EPERM may be a filter's: features are unknown."""
    report = _found(vhost, asked)
    assert report.state("vhost-net") == "present"
    features = {n for n in asked if n.startswith("vhost-net.")}
    assert {report.state(name) for name in features} == {"unknown"}
    assert report.state("vhost.fork-from-owner") == "unknown"


def test_backend_features_are_a_request_of_their_own(vhost: pytest.MonkeyPatch) -> None:
    """VHOST_GET_BACKEND_FEATURES has its own bits; a kernel without it says EPERM."""
    from tests.host.probing import capability, catalogued

    request = 0x8008AF26
    known = catalogued(
        capability("suspend", "vhost-backend-features", "/dev/vhost-net", request, 0x10),
        capability("asid", "vhost-backend-features", "/dev/vhost-net", request, 0x8),
    )
    found = _found(vhost, known, FEATURES=LINUX_6_17, BACKEND="0x1a")
    assert {n: f.state for n, f in found.facts.items()} == {"asid": "present", "suspend": "present"}
    found = _found(vhost, known, FEATURES=LINUX_6_17, BACKEND="0x2")
    assert {n: f.state for n, f in found.facts.items()} == {"asid": "absent", "suspend": "absent"}
    found = _found(vhost, known, FEATURES=LINUX_6_1)
    assert found.fact("asid").detail == "EPERM from VHOST_GET_BACKEND_FEATURES"
    assert found.state("asid") == "absent"


def test_a_node_that_hangs_or_is_busy_concerns_itself_only(
    vhost: pytest.MonkeyPatch, asked: dict[str, Capability]
) -> None:
    """vhost-vsock hangs and vhost-scsi is in use: both are unknown, and vhost-net is as ever."""
    report = _found(vhost, asked, timeout=0.5, FEATURES=LINUX_6_1, HANGS="1", BUSY="1")
    assert report.state("vhost-net.version-1") == "present"
    for name in asked:
        if name.startswith("vhost-vsock"):
            assert report.fact(name).detail == "no answer in 0.5 s"
        if name.startswith("vhost-scsi"):
            assert report.fact(name).detail == "/dev/vhost-scsi: EBUSY, in use"
            assert report.state(name) == "unknown"


def test_a_vdpa_device_is_never_opened(
    vhost: pytest.MonkeyPatch, asked: dict[str, Capability]
) -> None:
    """Opening one resets it: every question about it stays open, whatever it would answer."""
    report = _found(vhost, asked, FEATURES=LINUX_6_17, BACKEND="0xff")
    names = [name for name in asked if name.startswith("vhost-vdpa")]
    assert {report.fact(name).detail for name in names} == {"/dev/vhost-vdpa-*: may be in use"}
