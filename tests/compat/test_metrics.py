"""Metrics: what Prometheus reads is what was found."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

import platform_abi as pa
from platform_abi.compat.metrics import prometheus_text
from platform_abi.model.host import Fact, HostReport, State
from tests.compat.strategies import full_report, without

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=9)


def _samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return what Prometheus' own parser reads, by metric."""
    found = {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }
    assert len(found) == text.count("# TYPE")
    return found


@given(st.dictionaries(NAMES, st.sampled_from(["present", "absent", "unknown"])), NAMES)
def test_whatever_a_report_says_is_read_back(states: dict[str, State], release: str) -> None:
    """Names with quotes, backslashes and line breaks come out as they went in; one state is 1."""
    facts = {name: Fact(state=state, source="ioctl") for name, state in states.items()}
    report = HostReport(release=release, facts=facts)
    found = _samples(prometheus_text(report, (), None, asked=1.5))
    assert [({}, 1.5)] == found["platform_abi_report_timestamp_seconds"]
    assert release == found["platform_abi_host_info"][0][0]["release"]
    rows = found["platform_abi_capability_state"]
    assert 3 * len(states) == len(rows)
    assert states == {row["capability"]: row["state"] for row, value in rows if value == 1}


def test_platforms_are_those_of_the_host(catalogue: pa.FileCatalogue) -> None:
    """Each platform has one answer, the newest is named, and a prediction is no proof."""
    report = without(full_report(catalogue), "tun.uso")
    verdicts = pa.query_platforms(catalogue, report)
    newest = pa.newest(verdicts, report)
    assert newest is not None
    found = _samples(prometheus_text(report, verdicts, newest, asked=1_800_000_000.25))
    assert [({}, 1_800_000_000.25)] == found["platform_abi_report_timestamp_seconds"]
    ((chosen, one),) = found["platform_abi_newest_platform_info"]
    assert (newest.platform, 1.0) == (chosen["platform"], one)
    rows = found["platform_abi_platform_supported"]
    said = {row["platform"]: row["supported"] for row, value in rows if value == 1}
    assert {verdict.platform: verdict.supported for verdict in verdicts} == said
    assert {3} == {*Counter(row["platform"] for row, _ in rows).values()}
    guessed = HostReport(facts={"tun.uso": Fact(state="present", source="inferred")})
    rows = _samples(prometheus_text(guessed, (), None, asked=0))["platform_abi_capability_state"]
    assert [{"capability": "tun.uso", "state": "unknown"}] == [row for row, v in rows if v == 1]
