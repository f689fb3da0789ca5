"""What follows from what a QEMU granted and refused, and no more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.host.conclude import Observation, conclude, unsettled
from platform_abi.model.capability import Capability

#: Names, and the kernel that each came with; some came together, one with none.
_SINCE = {
    "a": "2.6.27",
    "b": "2.6.27",
    "c": "4.15",
    "d": "6.2",
    "e": "6.17",
    "f": None,
    "g": "never",
}
CAPABILITIES = {
    name: Capability(id=name, title=name, subsystem="s", since=since)
    for name, since in _SINCE.items()
}

_NEEDS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=4, unique=True).map(tuple)


def _newest(needs: tuple[str, ...]) -> str | None:
    """Return the one of *needs* that came after all others, spelled out by hand."""
    order = {"a": 0, "b": 0, "c": 1, "d": 2, "e": 3, "g": 4}
    if len(needs) == 1:
        return needs[0]
    if "f" in needs:
        return None
    last = max(order[name] for name in needs)
    found = [name for name in needs if order[name] == last]
    return found[0] if len(found) == 1 else None


@st.composite
def _host_and_qemu(
    draw: st.DrawFn,
) -> tuple[frozenset[str], list[Observation]]:
    """Return what a host has, and what a QEMU shows that asks it at least for the newest."""
    there = draw(st.frozensets(st.sampled_from("abcdefg")))
    seen = []
    for needs in draw(st.lists(_NEEDS, max_size=8)):
        newest = _newest(needs)
        asked = draw(st.sets(st.sampled_from(needs))) | ({newest} if newest else set())
        seen.append(Observation(needs=needs, granted=asked <= there, detail=f"{needs}"))
    return there, seen


@given(_host_and_qemu())
def test_nothing_is_concluded_that_is_not_so(
    case: tuple[frozenset[str], list[Observation]],
) -> None:
    """Whatever a QEMU takes for granted, each fact that it proves is true of the host."""
    there, seen = case
    for name, fact in conclude(CAPABILITIES, seen).items():
        assert fact.source == "oracle"
        assert fact.state in ("unknown", "present" if name in there else "absent"), (name, fact)


@given(_host_and_qemu(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_no_state(
    case: tuple[frozenset[str], list[Observation]], random: object
) -> None:
    """Evidence is a set: asked twice or in another order, a QEMU proves the same."""
    _, seen = case
    shuffled = seen + seen
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    states = {n: f.state for n, f in conclude(CAPABILITIES, seen).items()}
    assert states == {n: f.state for n, f in conclude(CAPABILITIES, shuffled).items()}


@given(st.lists(_NEEDS, max_size=8), st.booleans())
def test_only_what_was_asked_about_has_a_fact(needs: list[tuple[str, ...]], granted: bool) -> None:
    """A refusal says something of everything it may be due to; nothing is said of anything else."""
    seen = [Observation(needs=n, granted=granted, detail="") for n in needs]
    facts = conclude(CAPABILITIES, seen)
    about = {name for n in needs for name in n}
    assert facts.keys() <= about
    if not granted:
        assert facts.keys() == about


def test_the_newest_is_proven_and_what_came_with_it_is_not() -> None:
    """QEMU asks for UDP segmentation, and takes TUN_F_CSUM for granted with the vnet header."""
    uso = Observation(needs=("a", "d"), granted=True, detail="offers uso")
    csum = Observation(needs=("a", "b"), granted=True, detail="offers csum")
    facts = conclude(CAPABILITIES, [uso, csum])
    assert facts.keys() == {"d"}
    assert (facts["d"].state, facts["d"].detail) == ("present", "offers uso")


def test_a_refusal_names_what_is_not_proven_present() -> None:
    """With all else proven it is the one; with two in question both are unknown, and it says so."""
    other = Observation(needs=("a",), granted=True, detail="offers a")
    refused = Observation(needs=("a", "d"), granted=False, detail="lacks d")
    assert conclude(CAPABILITIES, [other, refused])["d"].state == "absent"

    alone = conclude(CAPABILITIES, [refused])
    assert {alone["a"].state, alone["d"].state} == {"unknown"}
    assert alone["d"].detail == "lacks d, for want of one or more of: a, d"


def test_one_cause_is_enough_for_many_refusals() -> None:
    """Without a vnet header nothing is offered, and that alone proves nothing of the rest."""
    refused = [
        Observation(needs=needs, granted=False, detail="lacks it")
        for needs in (("a",), ("a", "c"), ("a", "d"))
    ]
    facts = conclude(CAPABILITIES, refused)
    assert {name: fact.state for name, fact in facts.items()} == {
        "a": "absent",
        "c": "unknown",
        "d": "unknown",
    }
    assert "another missing capability explains" in facts["d"].detail


def test_a_refusal_outweighs_what_was_granted() -> None:
    """A QEMU that refuses for want of one thing has asked; one that grants may not have."""
    granted = Observation(needs=("a",), granted=True, detail="offers x")
    refused = Observation(needs=("a",), granted=False, detail="lacks y")
    for seen in ([granted, refused], [refused, granted]):
        assert conclude(CAPABILITIES, seen)["a"].state == "absent"


@given(st.text(max_size=5000))
def test_no_detail_is_too_long_for_a_report_or_steers_a_terminal(words: str) -> None:
    """QEMU's own words end up in facts: cut, and printable."""
    (fact,) = unsettled(["a"], words).values()
    assert fact.state == "unknown"
    assert len(fact.detail) <= 400
    assert fact.detail.isprintable()
