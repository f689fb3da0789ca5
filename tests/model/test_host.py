"""What a report proves: what was found, and never what was only predicted."""

from __future__ import annotations

from hypothesis import given

import platform_abi as pa
from platform_abi.testing import CAPABILITIES, facts, host_reports


@given(facts())
def test_a_prediction_proves_nothing(fact: pa.Fact) -> None:
    """Whatever its state; every other source proves what it says."""
    assert ("unknown" if fact.source == "inferred" else fact.state) == fact.proven


@given(host_reports())
def test_what_was_not_asked_is_unknown(report: pa.HostReport) -> None:
    """Of every capability something is known, if only that nobody asked."""
    for name in (*CAPABILITIES, "no.such"):
        if name in report.facts:
            assert report.facts[name] is report.fact(name)
        else:
            assert ("unknown", "none", "not in this report") == (
                report.fact(name).state,
                report.fact(name).source,
                report.fact(name).detail,
            )
        assert report.fact(name).proven == report.state(name)
