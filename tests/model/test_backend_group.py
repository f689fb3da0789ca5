"""Groups of backends: what each member needs follows from what the first one does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.backend_group import BackendGroup, GroupMember

NAMES = st.sampled_from(["tun.a", "tun.b", "tunnel.a", "vhost-net", "vhost-net.a", "backend"])
NEEDS = st.lists(NAMES, max_size=4, unique=True).map(tuple)


@given(NEEDS, NEEDS)
def test_what_a_kind_adds_comes_behind_and_once(
    needs: tuple[str, ...], adds: tuple[str, ...]
) -> None:
    """Nothing that the group needs is lost, and nothing is asked for twice."""
    found = GroupMember(backend="x", adds=adds).needs(needs)
    assert needs == found[: len(needs)]
    assert {*needs, *adds} == {*found}
    assert len(found) == len({*found})


@given(NEEDS)
def test_a_word_is_that_before_the_dot_and_no_part_of_it(needs: tuple[str, ...]) -> None:
    """``tun.a`` is ``macvtap.a``; ``tunnel.a`` and what has no dot are what they were."""
    found = GroupMember(backend="x", instead={"tun": "macvtap", "backend": "y"}).needs(needs)
    assert len(needs) == len(found)
    for before, after in zip(needs, found, strict=True):
        word, _, rest = before.partition(".")
        assert after == (f"macvtap.{rest}" if word == "tun" else before)


@given(NEEDS)
def test_a_group_says_it_of_each_member(needs: tuple[str, ...]) -> None:
    """The first one as it is written, each other as its own kind has it."""
    members = (GroupMember(backend="tap"), GroupMember(backend="tap+vhost", adds=("vhost-net",)))
    found = BackendGroup(name="any-tap", member=members).needs(needs)
    assert ["tap", "tap+vhost"] == [*found]
    assert needs == found["tap"]
    assert {*needs, "vhost-net"} == {*found["tap+vhost"]}
