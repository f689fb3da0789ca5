"""How KVM on LoongArch is asked, request by request, and what is made of its answers."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from tests.host.recorded import RecordedHosts, asked_of, build_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that answers."""
    return build_library(tmp_path_factory.mktemp("loongarch"))


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
        asked=asked_of(catalogue, "loongarch64"),
        replies=Path(__file__).with_name("kvm_loongarch"),
        folder=tmp_path,
    )


def _present(report: pa.HostReport) -> set[str]:
    return {
        name.removeprefix("kvm.loongarch.")
        for name in report.facts
        if report.state(name) == "present"
    }


def test_each_request_is_as_the_kernels_headers_have_it(hosts: RecordedHosts) -> None:
    """To the byte: none is left that no line of the server's answers is about."""
    report = hosts.host("server")
    assert hosts.unknown_requests("server") == set()
    assert {fact.state for fact in report.facts.values()} == {"present", "absent"}
    assert _present(report) == {
        "lsx", "lasx", "lbt", "pmu", "pv-ipi", "steal-time", "cpucfg", "ipi", "eiointc", "pch-pic",
    }  # fmt: skip


def test_a_report_holds_what_cpucfg_can_have(hosts: RecordedHosts) -> None:
    """Of the words that KVM holds against the processor."""
    assert {
        key: word
        for key, word in hosts.host("server").values.items()
        if key.startswith("kvm.loongarch.")
    } == {
        "kvm.loongarch.cpucfg.2": "0x60c3cf",
        "kvm.loongarch.cpucfg.3": "0xfff",
        "kvm.loongarch.cpucfg.6": "0x7fff",
    }


@pytest.mark.parametrize("attribute", [2, 3, 4])
def test_binary_translation_is_of_all_three(hosts: RecordedHosts, attribute: int) -> None:
    """QEMU wants those of x86, Arm and MIPS, or none (kvm_feature_supported)."""
    one = f"4018aee3 {'00' * 8}{attribute:02x}"
    report = hosts.host("server", one)
    assert (report.state("kvm.loongarch.lbt"), report.state("kvm.loongarch.lsx")) == (
        "absent",
        "present",
    )


def test_an_older_kernel_has_no_such_group(hosts: RecordedHosts) -> None:
    """Before 6.12 every feature of the virtual machine is ENXIO or ENOTTY."""
    report = hosts.host("server", "4018aee3")
    assert _present(report) == {"cpucfg", "ipi", "eiointc", "pch-pic"}
