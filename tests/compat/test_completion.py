"""What else is proven of a host: by another probe, and by the configuration of its kernel."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.completion import complete, from_configuration
from platform_abi.model.host import Fact
from platform_abi.testing import Scenario, host_reports, scenarios


@given(host_reports(), host_reports())
def test_a_second_report_adds_or_disputes(first: pa.HostReport, second: pa.HostReport) -> None:
    """What one leaves open the other settles; a contradiction leaves nothing proven."""
    both = complete(first, second)
    for name in first.facts.keys() | second.facts.keys():
        states = {first.state(name), second.state(name)}
        if states == {"present", "absent"}:
            assert "unknown" == both.fact(name).state
            assert first.fact(name).source in both.fact(name).detail
        elif first.fact(name).state == "unknown" and name in second.facts:
            assert second.fact(name) == both.fact(name)
        else:
            assert first.fact(name) == both.fact(name)
    assert both.numbers == {**second.numbers, **first.numbers}


@given(scenarios(), host_reports(), st.sampled_from(["y", "m", "n"]))
def test_a_configuration_only_ever_proves_absence(
    scenario: Scenario, report: pa.HostReport, value: str
) -> None:
    """What is built in may still not work; only what is left out, and was unknown, is settled."""
    settled = from_configuration(scenario.catalogue, evolve(report, config={"TUN": value}))
    for name, fact in settled.facts.items():
        if fact != report.fact(name):
            assert (report.fact(name).state, fact.state) == ("unknown", "absent")
            assert value == "n"


def test_a_kernel_without_the_option_lacks_the_capability(catalogue: pa.FileCatalogue) -> None:
    """CONFIG_VHOST_NET=n settles /dev/vhost-net without anybody opening it."""
    host = pa.HostReport(system="linux", release="6.18.1", config={"VHOST_NET": "n", "TUN": "m"})
    report = from_configuration(catalogue, host)
    assert report.fact("vhost-net") == Fact(
        state="absent", source="file", detail="CONFIG_VHOST_NET is not set"
    )
    assert "unknown" == report.state("tun.uso")
