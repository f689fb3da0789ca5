"""How KVM on Arm is asked, request by request, and what is made of its answers.

No host that runs these tests is Arm's: a library in front of ioctl() answers from a file.
"""

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
    return build_library(tmp_path_factory.mktemp("arm"))


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
        asked=asked_of(catalogue, "aarch64"),
        replies=Path(__file__).with_name("kvm_arm"),
        folder=tmp_path,
    )


def test_each_request_is_as_the_kernels_headers_have_it(hosts: RecordedHosts) -> None:
    """To the byte: none is left that no line of the server's answers is about."""
    report = hosts.host("server")
    assert hosts.unknown_requests("server") == set()
    assert {fact.state for fact in report.facts.values()} == {"present", "absent"}


def test_what_a_server_has_is_present_and_all_else_absent(hosts: RecordedHosts) -> None:
    """An extension that says 0, a device that is ENODEV and a length that is no bit are absent."""
    report = hosts.host("server")
    present = {name.removeprefix("kvm.arm64.") for name in report.facts if _has(report, name)}
    assert present == {
        "register-list", "writable-masks", "steal-time", "pmuv3", "sve", "sve-128", "sve-256",
        "pauth-address", "pauth-generic", "psci-1.0", "psci-1.1", "vgic-v3", "vgic-v3-state",
        "vgic-its", "vgic-its-state", "ipa-40",
    }  # fmt: skip
    assert report.numbers["kvm.ipa-bits"] == 48
    assert report.sets["kvm.arm64.sve-lengths"] == ("128", "256")


def _has(report: HostReport, name: str) -> bool:
    return report.state(name) == "present"


def test_a_report_holds_what_describes_a_vcpu_and_nothing_that_runs(hosts: RecordedHosts) -> None:
    """Of all registers the number, of those that identify, firmware's and PMCR_EL0 the value."""
    report = hosts.host("server")
    assert len(report.sets["kvm.arm64.registers"]) == 11
    values = {
        name.removeprefix("kvm.arm64.register."): value
        for name, value in report.values.items()
        if name.startswith("kvm.arm64.register.")
    }
    assert values == {
        "603000000013c000": "0x410fd401",
        "603000000013c020": "0x1101000110111112",
        "603000000013c030": "0x21110110212120",
        "603000000013c038": "0x101125",
        "603000000013dce0": "0x41413000",
        "6030000000140000": "0x10001",
        "6030000000140001": "0x1",
        "6030000000160000": "0x1",
    }
    assert report.values["kvm.arm64.writable.603000000013c020"] == "0xff000000f0000000"
    assert report.values["kvm.arm64.writable.603000000013c030"] == "0xffffffffffffffff"
    assert read_report(report_line(report), "report") == report


def test_an_old_board_has_what_it_has(hosts: RecordedHosts) -> None:
    """40 address bits where nobody says how many, no list of what can be written, no vectors."""
    report = hosts.host("board")
    assert hosts.unknown_requests("board") == set()
    present = {name.removeprefix("kvm.arm64.") for name in report.facts if _has(report, name)}
    assert present == {"register-list", "psci-1.0", "vgic-v2", "el1-32bit", "ipa-40"}
    assert report.numbers["kvm.ipa-bits"] == 40
    assert report.sets["kvm.arm64.sve-lengths"] == ()
    assert not any("writable" in name for name in report.values)


def test_without_a_vcpu_what_it_shows_is_unknown_and_the_rest_is_not(hosts: RecordedHosts) -> None:
    """EINVAL of KVM_ARM_VCPU_INIT is no answer to what a vCPU has."""
    report = hosts.host("server", "4020aeae")
    for name in ("register-list", "psci-1.1", "sve-128", "vgic-v3-state"):
        fact = report.fact(f"kvm.arm64.{name}")
        assert (fact.state, fact.detail) == ("unknown", "ENOTTY from KVM_ARM_VCPU_INIT"), name
    assert report.state("kvm.arm64.vgic-v3") == "present"
    assert "kvm.arm64.registers" not in report.sets


def test_a_processor_with_fewer_address_bits_is_asked_with_its_own(hosts: RecordedHosts) -> None:
    """KVM_CREATE_VM of the usual type, which has 40, is EINVAL there."""
    text = (hosts.replies / "board.txt").read_text()
    small = text.replace("ae01 =0 fd", "ae01 =0 -22\nae01 =36 fd\nae03 =165 36")
    report = hosts.host_of("small", small)
    assert report.state("kvm.arm64.ipa-40") == "absent"
    assert report.numbers["kvm.ipa-bits"] == 36
    assert report.state("kvm.arm64.vgic-v2") == "present"
