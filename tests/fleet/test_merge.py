"""Many reports as one: a meet, whatever the order and however often."""

from __future__ import annotations

import random

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.fleet.merge import merge_reports
from platform_abi.model.host import NOT_ASKED, Fact, HostReport, State
from platform_abi.model.reported import ReportedQemu
from platform_abi.testing import host_reports
from tests.compat.strategies import full_report, variants, without

SOME = st.lists(host_reports(), min_size=1, max_size=5)

#: How much a proven state is worth.
ORDER: tuple[State, ...] = ("absent", "unknown", "present")


@given(SOME, st.integers())
def test_merging_is_commutative(reports: list[HostReport], seed: int) -> None:
    """The order of the reports changes nothing, not even the text of the evidence."""
    shuffled = reports[:]
    random.Random(seed).shuffle(shuffled)

    assert merge_reports(reports) == merge_reports(shuffled)


@given(SOME, st.data())
def test_merging_is_associative(reports: list[HostReport], data: st.DataObject) -> None:
    """A fleet may be merged in parts, and the parts merged."""
    at = data.draw(st.integers(1, len(reports)))
    parts = [part for part in (reports[:at], reports[at:]) if part]

    assert merge_reports(reports) == merge_reports(merge_reports(part) for part in parts)


@given(SOME)
def test_merging_is_idempotent(reports: list[HostReport]) -> None:
    """A report merged with itself is itself, and a merged one with any that it is made of too."""
    merged = merge_reports(reports)

    assert merged == merge_reports([merged, merged])
    assert reports[0] == merge_reports([reports[0]] * 3)
    assert merged == merge_reports([merged, *reports])


@given(SOME)
def test_what_is_merged_offers_what_each_does_and_no_more(reports: list[HostReport]) -> None:
    """A capability is proven of all exactly where it is of each; one absent makes it absent."""
    merged = merge_reports(reports)
    for name in {name for report in reports for name in report.facts}:
        states = [report.state(name) for report in reports]
        assert min(states, key=ORDER.index) == merged.state(name)
        # The evidence is that of one of them: nothing is made up.
        assert merged.fact(name) in [report.fact(name) for report in reports]
    for name, mask in merged.masks.items():
        assert all(mask & report.masks[name] == mask for report in reports)
    for name, items in merged.sets.items():
        assert all(set(items) <= set(report.sets[name]) for report in reports)
    for name, number in merged.numbers.items():
        assert number in [report.numbers[name] for report in reports]
        assert all(number <= report.numbers[name] for report in reports)


@given(SOME)
def test_nothing_common_is_lost(reports: list[HostReport]) -> None:
    """What every report has an entry for has one in what is merged."""
    merged = merge_reports(reports)
    for table in ("numbers", "masks", "sets"):
        tables = [set(getattr(report, table)) for report in reports]
        assert set.intersection(*tables) == set(getattr(merged, table))
    for table in ("values", "config"):
        items = [set(getattr(report, table).items()) for report in reports]
        assert set.intersection(*items) == set(getattr(merged, table).items())
    for text in ("name", "system", "release", "arch", "distribution", "distribution_version"):
        words = {getattr(report, text) for report in reports}
        assert (words.pop() if len(words) == 1 else "") == getattr(merged, text)


@pytest.mark.parametrize(
    ("first", "second", "weaker"),
    [
        (Fact(state="absent", source="ioctl"), Fact(state="absent", source="inferred"), 0),
        (Fact(state="absent", source="inferred"), Fact(state="unknown"), 0),
        (Fact(state="unknown"), Fact(state="present", source="inferred"), 0),
        (Fact(state="present", source="inferred"), Fact(state="present", source="file"), 0),
        (Fact(state="present", source="file"), Fact(state="absent", source="none"), 1),
        (NOT_ASKED, Fact(state="unknown", source="inferred"), 1),
        (
            Fact(state="absent", source="ioctl", detail="EINVAL"),
            Fact(state="absent", source="file", detail="no node"),
            1,
        ),
        (
            Fact(state="absent", source="ioctl", detail="b"),
            Fact(state="absent", source="ioctl", detail="a"),
            1,
        ),
    ],
)
def test_the_weakest_fact_is_kept(first: Fact, second: Fact, weaker: int) -> None:
    """Absent, absent by prediction, unknown, present by prediction, present; then by the text."""
    reports = [HostReport(facts={"a": fact}) for fact in (first, second)]

    assert (first, second)[weaker] == merge_reports(reports).fact("a")


def test_what_one_report_does_not_mention_is_unknown() -> None:
    """A host that was not asked is not taken to have it."""
    has = HostReport(facts={"a": Fact(state="present", source="ioctl")})

    assert NOT_ASKED == merge_reports([has, HostReport()]).facts["a"]


def test_every_part_of_a_report_is_merged() -> None:
    """A field that a later version adds to reports cannot be forgotten here."""
    one = HostReport(
        facts={"a": Fact(state="present", source="ioctl")},
        system="linux",
        release="6.9",
        arch="x86_64",
        distribution="rhel",
        distribution_version="9.5",
        distribution_like=("fedora",),
        name="one",
        numbers={"n": 1},
        masks={"m": 1},
        sets={"s": ("x",)},
        values={"v": "w"},
        config={"KVM": "m"},
        qemus=(ReportedQemu(arch="x86_64", version="10.0.2", path="/usr/bin/qemu"),),
    )
    empty = HostReport()

    assert all(getattr(one, f.name) != getattr(empty, f.name) for f in fields(HostReport))
    assert one == merge_reports([one, one])
    assert evolve(empty, facts={"a": NOT_ASKED}) == merge_reports([one, empty])


def test_no_reports_are_an_error() -> None:
    """Nothing is not what every host offers."""
    with pytest.raises(pa.UsageError) as caught:
        merge_reports([])
    assert "no-reports" == caught.value.code


def test_real_reports(catalogue: pa.FileCatalogue) -> None:
    """What one of two hundred hosts lacks is what all of them lack together."""
    full = full_report(catalogue)
    hosts = variants(full, 200)
    merged = merge_reports(hosts)

    lost = {name for host in hosts for name in host.facts if host.state(name) == "absent"}
    assert lost == {name for name in merged.facts if merged.state(name) != "present"}
    assert "" == merged.release
    assert "linux" == merged.system
    assert full.facts == merge_reports([full, full]).facts
    assert "absent" == merge_reports([full, without(full, "tun.uso")]).state("tun.uso")
