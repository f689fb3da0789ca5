"""How KVM on s390x is asked, request by request, and what is made of its answers.

No host that runs these tests is one: a library in front of ioctl() answers from a file
(``recorded_ioctl.c``), in bytes as that machine has them. What only a real KVM could show is not
shown here.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.host.document import read_report, report_line
from platform_abi.host.probe import probe
from platform_abi.model.capability import Capability
from platform_abi.model.host import HostReport

_REPLIES = Path(__file__).with_name("kvm_s390")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that answers."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) on PATH, to build recorded_ioctl.c")
    built = tmp_path_factory.mktemp("s390") / "recorded_ioctl.so"
    source = Path(__file__).with_name("recorded_ioctl.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", built, source],
        check=True,
        timeout=60,
    )
    return built


@pytest.fixture(scope="module")
def asked(catalogue: pa.FileCatalogue) -> dict[str, Capability]:
    """Return what is asked of KVM on s390x, as if this host were one."""
    return {
        name: evolve(known, arch=())
        for name, known in catalogue.capabilities().items()
        if known.arch == ("s390x",)
    }


@pytest.fixture
def preloaded(library: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Put the library in front of whatever a test starts."""
    monkeypatch.setenv("LD_PRELOAD", str(library))
    return monkeypatch


def _host(
    preloaded: pytest.MonkeyPatch,
    asked: dict[str, Capability],
    folder: Path,
    name: str,
    *without: str,
) -> HostReport:
    """Return what is found of the host in a file, *without* lines that begin so."""
    text = (_REPLIES / f"{name}.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(without or ("\0",))]
    (folder / name).write_text("\n".join(lines) + "\n")
    preloaded.setenv("RECORDED_IOCTL", str(folder / name))
    return probe(asked)


def _present(report: HostReport) -> set[str]:
    return {
        name.removeprefix("kvm.s390.") for name in report.facts if report.state(name) == "present"
    }


@pytest.mark.parametrize("name", ["server", "old"])
def test_each_request_is_as_the_kernels_headers_have_it(
    name: str, preloaded: pytest.MonkeyPatch, asked: dict[str, Capability], tmp_path: Path
) -> None:
    """To the byte: none is left that no line of the answers is about."""
    report = _host(preloaded, asked, tmp_path, name)
    unknown = tmp_path / f"{name}.unknown"
    assert not unknown.exists(), unknown.read_text()
    assert {fact.state for fact in report.facts.values()} == {"present", "absent"}


def test_what_a_server_has_is_present_and_all_else_absent(
    preloaded: pytest.MonkeyPatch, asked: dict[str, Capability], tmp_path: Path
) -> None:
    """Its kernel has neither huge pages for guests nor what came in 7.2."""
    report = _host(preloaded, asked, tmp_path, "server")
    absent = {"astfleie2", "hpage-1m", "hpage-2g"}
    assert _present(report) == {n.removeprefix("kvm.s390.") for n in asked} - absent


def test_an_old_host_has_what_it_has(
    preloaded: pytest.MonkeyPatch, asked: dict[str, Capability], tmp_path: Path
) -> None:
    """ENXIO is an attribute that is not there, and what cannot be enabled ends nothing."""
    report = _host(preloaded, asked, tmp_path, "old")
    assert _present(report) == {
        "async-pf", "device-ctrl", "sync-regs", "cow", "flic", "cpu-models", "cmma-migration",
        "aes-key-wrap", "dea-key-wrap", "hpage-1m",
    }  # fmt: skip
    assert report.masks["kvm.s390.attribute.0"] == 0
    assert report.masks["kvm.s390.attribute.2"] == 0b11
    assert report.masks["kvm.s390.uv.0"] == 0


def _bits(report: HostReport, name: str) -> set[int]:
    """Return the numbers of bits that are set in all masks of *name*."""
    return {
        64 * int(key.rpartition(".")[2]) + bit
        for key, mask in report.masks.items()
        if key.rpartition(".")[0] == f"kvm.s390.{name}"
        for bit in range(64)
        if mask >> bit & 1
    }


def test_a_bit_has_the_number_that_ibm_gives_it(
    preloaded: pytest.MonkeyPatch, asked: dict[str, Capability], tmp_path: Path
) -> None:
    """From the left, over doublewords, with each block where its structure has it."""
    report = _host(preloaded, asked, tmp_path, "server")
    assert _bits(report, "stfle") == {
        0, 1, 3, 7, 11, 17, 50, 64, 72, 73, 82, 129, 133, 139, 155, 165,
    }  # fmt: skip
    found = {
        name: _bits(report, name)
        for name in ("plo", "ptff", "kmac", "km", "pcc", "kdsa", "sortl", "dfltcc", "pfcr")
    }
    assert found == {
        "plo": {23}, "ptff": {1, 77}, "kmac": {20}, "km": {92}, "pcc": {60}, "kdsa": {52},
        "sortl": {192}, "dfltcc": {192}, "pfcr": set(),
    }  # fmt: skip
    assert _bits(report, "feature") == {0, 2, 10, 13}
    assert _bits(report, "uv") == {4}
    assert _bits(report, "extension") == {152, 180, 186, 222}
    # A z16 at its first step is 0x061, counted from the 10th; what is older it can be as well.
    assert _bits(report, "generation") == set(range(8 * 16 + 1 + 1))
    assert (report.values["kvm.s390.cpu-type"], report.values["kvm.s390.ibc"]) == (
        "0x3931", "0x00410061",
    )  # fmt: skip
    assert read_report(report_line(report), "report") == report


def test_without_cpu_models_what_they_would_show_is_not_there(
    preloaded: pytest.MonkeyPatch, asked: dict[str, Capability], tmp_path: Path
) -> None:
    """ENOTTY is a kernel without the request; no mask is made up."""
    report = _host(preloaded, asked, tmp_path, "server", "4018aee2")
    assert report.state("kvm.s390.cpu-models") == "absent"
    assert report.state("kvm.s390.flic") == "present"
    assert not any(name.startswith("kvm.s390.stfle") for name in report.masks)


def test_adapter_interrupts_are_suppressed_only_where_that_can_be_handed_over(
    preloaded: pytest.MonkeyPatch, asked: dict[str, Capability], tmp_path: Path
) -> None:
    """QEMU enables it only then; a host that refuses to is asked no more."""
    _host(preloaded, asked, tmp_path, "old", "ae03 =150")
    assert not (tmp_path / "old.unknown").exists()
    # Of a server, which has both, the line that enables it is wanted.
    _host(preloaded, asked, tmp_path, "server", "4068aea3 8d000000")
    assert "4068aea3 8d000000" in (tmp_path / "server.unknown").read_text()
