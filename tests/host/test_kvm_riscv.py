"""How KVM on RISC-V is asked, request by request, and what is made of its answers."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.document import read_report, report_line
from platform_abi.model.host import HostReport
from tests.host.recorded import RecordedHosts, asked_of, build_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that answers."""
    return build_library(tmp_path_factory.mktemp("riscv"))


@pytest.fixture
def hosts(
    library: Path,
    catalogue: pa.FileCatalogue,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> RecordedHosts:
    """Return hosts that answer from files."""
    monkeypatch.setenv("LD_PRELOAD", str(library))
    return RecordedHosts(
        patch=monkeypatch,
        asked=asked_of(catalogue, "riscv64"),
        replies=Path(__file__).with_name("kvm_riscv"),
        folder=tmp_path,
    )


def _present(report: HostReport) -> set[str]:
    return {
        name.removeprefix("kvm.riscv.") for name in report.facts if report.state(name) == "present"
    }


_ISA = ("i", "m", "a", "f", "d", "c", "v", "sstc", "svinval", "zicbom", "zicboz", "zba", "zbb")


def test_each_request_is_as_the_kernels_headers_have_it(hosts: RecordedHosts) -> None:
    """To the byte: none is left that no line of the server's answers is about."""
    report = hosts.host("server")
    assert hosts.unknown_requests("server") == set()
    assert {fact.state for fact in report.facts.values()} == {"present", "absent"}


def test_what_guests_have_is_present_and_all_else_absent(hosts: RecordedHosts) -> None:
    """A register of 0 is an extension of the host alone, as the hypervisor's is."""
    report = hosts.host("server")
    expected = {"register-list", "aia", "sbi-console", *(f"isa.{name}" for name in _ISA)}
    assert _present(report) == expected


def test_a_report_holds_numbers_and_what_can_be_switched_off(hosts: RecordedHosts) -> None:
    """Identities as the processor has them, vectors in bits; of registers those of extensions."""
    report = hosts.host("server")
    assert {key: n for key, n in report.numbers.items() if key.startswith("kvm.riscv.")} == {
        "kvm.riscv.cbom-block-size": 64,
        "kvm.riscv.cboz-block-size": 64,
        "kvm.riscv.mvendorid": 0x710,
        "kvm.riscv.marchid": 0x8000000058000001,
        "kvm.riscv.mimpid": 0x1000000049772200,
        "kvm.riscv.satp-mode": 9,
        "kvm.riscv.timer-frequency": 24_000_000,
        "kvm.riscv.vector-bits": 256,
    }
    values = {key for key in report.values if key.startswith("kvm.riscv.register.")}
    assert len(values) == 14 + 10
    assert report.values["kvm.riscv.register.8030000007000004"] == "0x0"
    assert report.values["kvm.riscv.register.8030000008000009"] == "0x0"
    off = {key for key in report.values if key.startswith("kvm.riscv.writable.")}
    assert off == {f"kvm.riscv.writable.80300000070000{n:02x}" for n in (2, 3, 11, 12, 15)}
    assert read_report(report_line(report), "report") == report


def test_a_processor_without_vectors_has_0_bits_of_them(hosts: RecordedHosts) -> None:
    """That is known, and alike on two such hosts; only an error of another kind is not."""
    vlenb = "4010aeab 0400000900003080"
    assert hosts.host("server", vlenb).numbers["kvm.riscv.vector-bits"] == 0
    text = "4010aeab 0400000900003080................ -5\n"
    text += (hosts.replies / "server.txt").read_text()
    assert "kvm.riscv.vector-bits" not in hosts.host_of("broken", text).numbers


def test_without_a_vcpu_what_it_shows_is_unknown_and_the_rest_is_not(hosts: RecordedHosts) -> None:
    """A KVM that makes no vCPU says nothing of one."""
    report = hosts.host("server", "ae41")
    for name in ("register-list", "isa.v", "sbi-console"):
        fact = report.fact(f"kvm.riscv.{name}")
        assert (fact.state, fact.detail) == ("unknown", "ENOTTY from KVM_CREATE_VCPU"), name
    assert report.state("kvm.riscv.aia") == "present"
    assert "kvm.riscv.registers" not in report.sets


def test_an_old_kernel_has_no_list_and_says_so_of_extensions(hosts: RecordedHosts) -> None:
    """Before Linux 6.6: what is asked one by one is answered, and no two hosts can be compared."""
    text = (hosts.replies / "server.txt").read_text().replace("c008aeb0", "# ")
    report = hosts.host_of("old", "c008aeb0 * -22\n" + text)
    assert report.state("kvm.riscv.register-list") == "absent"
    assert report.state("kvm.riscv.isa.zba") == "present"
    assert "kvm.riscv.registers" not in report.sets
