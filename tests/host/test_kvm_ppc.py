"""How a POWER host is asked, request by request, and what is made of its answers.

No host that runs these tests is one: a library answers from files for its kernel, uname(2), its
files in /proc and its size of pages (``recorded_ioctl.c``), for the whole program, as it runs
there. What is asked is compared to the byte, by POWER's own numbers. What only a real KVM could
show is not shown here, nor an interpreter whose words have their highest byte first.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from platform_abi.host.document import read_report
from platform_abi.host.requests import request_of
from platform_abi.model.host import HostReport
from tests.definitions.site import DEFINITIONS
from tests.host.recorded import build_library

_REPLIES = Path(__file__).with_name("kvm_ppc")

_PROBE = (
    "import sys; from pathlib import Path; import platform_abi as pa;"
    "from platform_abi.host.document import report_line;"
    "from platform_abi.host.probe import probe;"
    "print(report_line(probe(pa.FileCatalogue([Path(sys.argv[1])]).capabilities())))"
)


@pytest.mark.parametrize("machine", ["ppc64", "ppc64le", "ppc"])
@pytest.mark.parametrize(
    ("generic", "power"),
    [
        (0xAE03, 0x2000AE03),  # KVM_CHECK_EXTENSION
        (0x400454D0, 0x800454D0),  # TUNSETOFFLOAD
        (0x800454CF, 0x400454CF),  # TUNGETFEATURES
        (0x8008AF00, 0x4008AF00),  # VHOST_GET_FEATURES
        (0x4010AEAB, 0x8010AEAB),  # KVM_GET_ONE_REG
        (0x8020AEB1, 0x4020AEB1),  # KVM_PPC_GET_CPU_CHAR
        (0xC00CAEE0, 0xC00CAEE0),  # KVM_CREATE_DEVICE
        (0x8250AEA6, 0x4250AEA6),  # KVM_PPC_GET_SMMU_INFO
        (0xC0101282, 0xC0101282),  # BLKREPORTZONE
    ],
)
def test_a_number_is_the_one_of_the_machine(machine: str, generic: int, power: int) -> None:
    """Three bits say the direction and thirteen the size; everywhere else it is as on x86."""
    assert request_of(machine, generic) == power
    assert request_of("x86_64", generic) == request_of("riscv64", generic) == generic


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that answers."""
    return build_library(tmp_path_factory.mktemp("power"))


def _host(library: Path, folder: Path, name: str, pvr: str, pages: int = 65536) -> HostReport:
    """Return what is found of the host whose KVM is in a file, by a program that runs on it."""
    replies = folder / "replies"
    replies.write_bytes((_REPLIES / f"{name}.txt").read_bytes())
    proc = folder / "root/proc"
    cpu = proc / "device-tree/cpus/PowerPC,POWER@8"
    cpu.mkdir(parents=True)
    (proc / "device-tree/cpus/l2-cache@20").mkdir()
    if name != "power8":
        (cpu / "ibm,dec-bits").write_bytes(struct.pack(">I", 56))
    (proc / "self").mkdir()
    hwcap = 0x480 if name != "power8" else 0x80
    (proc / "self/auxv").write_bytes(struct.pack("@6L", 6, pages, 16, hwcap, 0, 0))
    one = f"processor\t: 8\ncpu\t\t: POWER, altivec supported\nrevision\t: 2.3 (pvr {pvr})\n\n"
    tail = "timebase\t: 512000000\nplatform\t: PowerNV\n"
    (proc / "cpuinfo").write_text(one * 160 + tail)
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "RECORDED_IOCTL": str(replies),
        "RECORDED_MACHINE": "ppc64le",
        "RECORDED_ROOT": str(folder / "root"),
        "RECORDED_PAGE_SIZE": str(pages),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(DEFINITIONS)],
        env=environment, capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not Path(f"{replies}.unknown").exists(), Path(f"{replies}.unknown").read_text()
    return read_report(done.stdout, "report")


def _states(report: HostReport, state: str) -> set[str]:
    return {
        name.removeprefix("kvm.ppc.").removeprefix("cpu.power.")
        for name, fact in report.facts.items()
        if fact.state == state and name.startswith(("kvm.ppc.", "cpu.power."))
    }


_SINCE_POWER9 = {"large-decr", "irq-xive", "own-large-decr", "ail-mode-3", "rpt-invalidate"}
_BOTH = {
    "hv", "7", "8", "vsx", "resize-hpt", "fwnmi", "fixup-hcall", "irq-xics", "smt-2", "smt-4",
    "smt-8", "cfpc-workaround", "ibs-workaround", "htm", "own-dawr1", "own-large-decr",
    "own-irq-xive",
}  # fmt: skip


def test_a_power9_is_asked_by_its_own_numbers(library: Path, tmp_path: Path) -> None:
    """To the byte, none that no line is about; and what it has is present, all else absent."""
    report = _host(library, tmp_path, "power9", "004e 1203")
    assert report.arch == "ppc64"
    # This kernel knows POWER's numbers of a tap as little as KVM's own.
    assert "requests have other numbers" not in {fact.detail for fact in report.facts.values()}
    assert _states(report, "unknown") == set()
    assert _states(report, "present") == _BOTH | _SINCE_POWER9 | {
        "9", "is-9", "dfp", "hash-64k", "mmu-radix", "mmu-hash-v3", "hwrng", "nested-hv",
        "sbbc-workaround", "ibs-fixed-ibs", "ibs-fixed-ccd", "ccf-assist",
    }  # fmt: skip
    assert report.values["cpu.pvr"] == "004e1203"
    assert report.numbers["cpu.timebase"] == 512_000_000
    assert report.numbers["cpu.power"] == 9
    assert report.numbers["page-size"] == 65536
    assert report.values["kvm.ppc.radix-pages"] == "12 16 21 30"
    assert report.values["kvm.ppc.character"] == "0xb900000000000000"
    assert report.values["kvm.ppc.behaviour"] == "0x6000000000000000"


def test_a_power8_is_not_asked_for_what_came_after_it(library: Path, tmp_path: Path) -> None:
    """Neither a second watchpoint nor the large decrementer; of HV and PR, HV is asked."""
    report = _host(library, tmp_path, "power8", "004d 0200", pages=4096)
    assert _states(report, "unknown") == set()
    assert _states(report, "present") == _BOTH | {"is-8", "pr"}
    assert report.values["kvm.ppc.radix-pages"] == "none"


def test_a_processor_that_nobody_knows_is_unknown(library: Path, tmp_path: Path) -> None:
    """A later PVR is no reason to say that something is not there."""
    report = _host(library, tmp_path, "power9", "0099 0100")
    levels = {str(n) for n in range(7, 12)} | {f"is-{n}" for n in range(8, 12)}
    assert _states(report, "unknown") == levels | {"own-dawr1", "own-large-decr", "own-irq-xive"}
