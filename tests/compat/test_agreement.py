"""Two reports: of one host, where they contradict each other; of two hosts, where they agree."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.compat.agreement import (
    Agreement,
    Disagreement,
    agree,
    compare_probes,
    diff_hosts,
)
from platform_abi.model.feature import Feature
from platform_abi.model.host import SOURCES, Fact, HostReport
from platform_abi.testing import host_reports

_PRESENT = Fact(state="present", source="ioctl")

_FACTS = st.builds(
    Fact,
    state=st.sampled_from(["present", "absent", "unknown"]),
    source=st.sampled_from(SOURCES),
    detail=st.text(max_size=3),
)
_REPORTS = st.builds(
    HostReport, facts=st.dictionaries(st.sampled_from(["tun.uso", "kvm.smm", "vhost-net"]), _FACTS)
)


@given(_REPORTS)
def test_a_probe_agrees_with_itself(report: HostReport) -> None:
    """One report says one thing of each capability."""
    assert compare_probes(report, report) == ()


@given(_REPORTS, _REPORTS)
def test_disagreement_is_mutual(first: HostReport, second: HostReport) -> None:
    """Which of two probes is named first changes nothing but the sides."""
    swapped = [
        Disagreement(capability=d.capability, first=d.second, second=d.first)
        for d in compare_probes(second, first)
    ]
    assert compare_probes(first, second) == tuple(swapped)


@given(_REPORTS, _REPORTS)
def test_only_proven_opposites_disagree(first: HostReport, second: HostReport) -> None:
    """Neither what is unknown nor what was only predicted contradicts anything."""
    found = compare_probes(first, second)
    names = [d.capability for d in found]
    assert names == sorted(
        name
        for name in ("tun.uso", "kvm.smm", "vhost-net")
        if "unknown" not in (first.state(name), second.state(name))
        and first.state(name) != second.state(name)
    )
    assert all(
        (d.first, d.second) == (first.facts[n], second.facts[n])
        for d, n in zip(found, names, strict=True)
    )


# --- what is left to two hosts -------------------------------------------------------------------

_NAMES = ("cpu.vendor", "cpu.model", "phys-bits", "msr", "msr.1", "tun.uso", "kvm.smm")
_SAID = st.builds(
    HostReport,
    values=st.dictionaries(st.sampled_from(_NAMES[:2]), st.sampled_from(["a", "b"])),
    numbers=st.dictionaries(st.just(_NAMES[2]), st.integers(1, 2)),
    masks=st.dictionaries(st.just(_NAMES[3]), st.integers(14, 15)),
    sets=st.dictionaries(st.just(_NAMES[4]), st.sampled_from([(), ("x",), ("x", "y")])),
    facts=st.dictionaries(st.sampled_from(_NAMES[5:]), _FACTS),
)
_DECIDED = st.lists(
    st.sampled_from([*_NAMES, "cpu.*", "msr*", "nothing", "no.*"]), unique=True, max_size=3
).map(tuple)


def _word(report: HostReport, name: str) -> str:
    """Return what *report* says of *name*, nothing where that is not known."""
    members = report.sets.get(name)
    return (
        report.values.get(name)
        or (str(report.numbers[name]) if name in report.numbers else "")
        or (hex(report.masks[name]) if name in report.masks else "")
        or (" ".join(members) or "none" if members is not None else "")
        or report.state(name).replace("unknown", "")
    )


def _feature(*decided_by: str, **requires: tuple[str, ...]) -> Feature:
    return Feature(
        id="x.y", title="", edition="2026.1", decided_by=decided_by, requires={"": (), **requires}
    )


@given(_SAID, _SAID, _DECIDED)
def test_hosts_agree_on_what_both_say_alike(
    first: HostReport, second: HostReport, decided: tuple[str, ...]
) -> None:
    """Known where each report says all that decides it, of every pattern at least one thing."""
    found = agree(_feature(*decided), first, second)
    said = {
        name: (_word(first, name), _word(second, name))
        for name in _NAMES
        if any(fnmatchcase(name, pattern) for pattern in decided)
        and (_word(first, name) or _word(second, name))
    }
    covered = all(any(fnmatchcase(name, pattern) for name in said) for pattern in decided)
    assert found.known is (
        bool(said) and covered and all(one and two for one, two in said.values())
    )
    assert found.differ == tuple(
        f"{name} ({one} and {two})"
        for name, (one, two) in sorted(said.items())
        if one and two and one != two
    )
    assert found.on == decided


@given(_SAID, _SAID, _DECIDED)
def test_agreement_is_mutual(
    first: HostReport, second: HostReport, decided: tuple[str, ...]
) -> None:
    """And no host disagrees with itself."""
    there, back = (agree(_feature(*decided), *p) for p in ((first, second), (second, first)))
    assert (there.known, len(there.differ)) == (back.known, len(back.differ))
    assert () == agree(_feature(*decided), first, first).differ


def test_without_values_the_needs_decide() -> None:
    """Each capability once, of all backends; what only the feature's own values decide is that."""
    both = HostReport(facts={"a": _PRESENT, "b": _PRESENT})
    feature = _feature(tap=("a", "b"), vhost=("b",))
    assert Agreement(known=True, on=("a", "b")) == agree(feature, both, both)
    lacking = evolve(both, facts={"a": _PRESENT, "b": evolve(_PRESENT, state="absent")})
    assert ("b (present and absent)",) == agree(feature, both, lacking).differ
    assert not agree(feature, both, HostReport(facts={"a": _PRESENT})).known
    assert not agree(_feature("cpu.vendor", tap=("a",)), both, both).known


def test_of_nothing_that_is_known_nobody_agrees() -> None:
    """A feature that these definitions do not have, and one that nothing decides."""
    assert Agreement(known=False) == agree(None, HostReport(), HostReport())
    assert Agreement(known=False) == agree(_feature(), HostReport(), HostReport())


@given(_SAID, _SAID)
def test_a_host_agrees_with_itself_on_everything(first: HostReport, second: HostReport) -> None:
    """Two reports of one name that say the same are of one host; without a name nobody knows."""
    named = evolve(first, name="alpha")
    assert agree(None, named, named).known
    assert agree(_feature("nothing"), named, named).known
    assert not agree(None, first, first).known
    assert not agree(None, named, evolve(second, name="beta")).known


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_settled_bits_decide_nothing(one: int, two: int, settled: int) -> None:
    """Of a register, whether it stands among masks or, in hexadecimal, among values."""
    feature = _feature("eax")
    for reports in (
        (HostReport(masks={"eax": one}), HostReport(masks={"eax": two})),
        (HostReport(values={"eax": hex(one)}), HostReport(values={"eax": hex(two)})),
    ):
        found = agree(feature, *reports, {"eax": settled, "ebx": 255})
        assert found.known
        assert bool(found.differ) is (one & ~settled != two & ~settled)
        assert agree(feature, *reports, {"ebx": 255}) == agree(feature, *reports)


# --- what differs --------------------------------------------------------------------------------


@given(host_reports(), host_reports())
def test_a_difference_is_what_two_reports_say_otherwise(
    before: HostReport, after: HostReport
) -> None:
    """Turned round with its sides, sorted, none of a host with itself; evidence does not count."""
    rows = diff_hosts(before, after)
    back = diff_hosts(after, before)
    assert [(r.kind, r.what, r.after, r.before) for r in rows] == [
        (r.kind, r.what, r.before, r.after) for r in back
    ]
    assert sorted((r.kind, r.what) for r in rows) == [(r.kind, r.what) for r in rows]
    assert all(row.before != row.after for row in rows)
    renamed = evolve(
        before,
        name="other",
        facts={n: evolve(f, detail=f"{f.detail}!") for n, f in before.facts.items()},
    )
    assert [] == diff_hosts(before, renamed)


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"release": "6.10"}, ("host", "release", "6.9", "6.10")),
        ({"system": "freebsd"}, ("host", "system", "linux", "freebsd")),
        ({"arch": "aarch64"}, ("host", "arch", "", "aarch64")),
        ({"distribution": "rhel"}, ("host", "distribution", "", "rhel")),
        ({"distribution_version": "9"}, ("host", "distribution_version", "", "9")),
        ({"distribution_like": ("a", "b")}, ("host", "distribution_like", "", "a b")),
        ({"facts": {}}, ("fact", "tun.uso", "present", None)),
        (
            {"facts": {"tun.uso": Fact(state="present", source="inferred")}},
            ("fact", "tun.uso", "present", "present (inferred)"),
        ),
        ({"numbers": {"n": 1}}, ("number", "n", None, "1")),
        ({"masks": {"m": 255}}, ("mask", "m", None, "0xff")),
        ({"values": {"v": "w"}}, ("value", "v", None, "w")),
        ({"config": {"TUN": "m"}}, ("config", "TUN", None, "m")),
        ({"sets": {"s": ("x",)}}, ("set", "s x", None, "there")),
    ],
    ids=str,
)
def test_each_kind_of_difference_is_one_row(
    change: dict[str, Any], row: tuple[str, str, str | None, str | None]
) -> None:
    """By kind and name, None where one report does not say it."""
    here = HostReport(system="linux", release="6.9", facts={"tun.uso": _PRESENT})
    (found,) = diff_hosts(here, evolve(here, **change))
    assert row == (found.kind, found.what, found.before, found.after)
