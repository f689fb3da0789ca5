"""What is known besides the probe by mere prediction."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given

import platform_abi as pa
from platform_abi.compat.evidence import predict
from platform_abi.compat.supported import query_platforms
from platform_abi.testing import Scenario, host_reports, scenarios


def _linux(release: str, distribution: str = "", version: str = "") -> pa.HostReport:
    return pa.HostReport(
        system="linux",
        release=release,
        arch="x86_64",
        distribution=distribution,
        distribution_version=version,
    )


# --- laws ----------------------------------------------------------------------------------------


@given(scenarios(), host_reports())
def test_a_prediction_changes_no_verdict(scenario: Scenario, report: pa.HostReport) -> None:
    """What a release predicts is never believed: no platform is supported by it, nor refused."""
    predicted = predict(scenario.catalogue, report)
    before = query_platforms(scenario.catalogue, report)
    after = query_platforms(scenario.catalogue, predicted)
    assert [v.supported for v in before] == [v.supported for v in after]


@given(scenarios(), host_reports())
def test_a_prediction_touches_only_what_is_unknown(
    scenario: Scenario, report: pa.HostReport
) -> None:
    """Facts that a probe found stay, and each new one says that it is inferred."""
    predicted = predict(scenario.catalogue, report)
    for name, fact in predicted.facts.items():
        if fact != report.fact(name):
            assert (report.fact(name).state, fact.source) == ("unknown", "inferred")


# --- examples ------------------------------------------------------------------------------------


def test_an_upstream_release_predicts_by_its_number(catalogue: pa.FileCatalogue) -> None:
    """Linux 6.9 is predicted to have USO, which came in 6.2, and no UDP tunnels."""
    report = predict(catalogue, _linux("6.9.3-arch1-1", "arch"))
    assert ("present", "Linux 6.9; since Linux 6.2") == (
        report.fact("tun.uso").state,
        report.fact("tun.uso").detail,
    )
    assert "absent" == report.fact("tun.udp-tunnel-gso").state
    assert "absent" == report.fact("tun.hash-report").state
    assert "unknown" == report.state("tun.uso")
    assert "unknown" == report.fact("privilege.bpf").state


def test_a_vendors_kernel_predicts_by_its_levels(catalogue: pa.FileCatalogue) -> None:
    """RHEL 9.5 runs a 5.14 whose KVM is that of 6.9: its tun has no USO, its KVM what 6.9 has."""
    report = predict(catalogue, _linux("5.14.0-503.11.1.el9_5.x86_64", "rhel", "9.5"))
    assert "absent" == report.fact("tun.uso").state
    assert "linux-rhel-9.5; since Linux 6.2" == report.fact("tun.uso").detail
    assert "present" == report.fact("kvm.guest-memfd").state


def test_another_kernel_than_the_distributions_own_is_not_its_platform(
    catalogue: pa.FileCatalogue,
) -> None:
    """Debian 12 with a kernel of 6.12 is judged by 6.12: linux-debian-12 means 6.1."""
    report = predict(catalogue, _linux("6.12.38+deb12-amd64", "debian", "12"))
    assert "Linux 6.12; since Linux 6.2" == report.fact("tun.uso").detail


def test_nothing_is_predicted_of_what_is_not_linux(catalogue: pa.FileCatalogue) -> None:
    """A release of another system, or no release at all, predicts nothing."""
    for report in (evolve(_linux("14.1-RELEASE"), system="freebsd"), _linux("custom")):
        assert report == predict(catalogue, report)
