"""Two probes of one host: where they contradict each other, and where they do not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.compat.agreement import Disagreement, compare_probes
from platform_abi.model.host import SOURCES, Fact, HostReport

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
