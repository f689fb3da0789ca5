"""Who is to blame is told for any list of devices, by no more moves than it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.rehearsal.culprits import culprit, culprits

_ITEMS = st.integers(1, 40).map(lambda count: [*range(count)])


@st.composite
def _blamed(draw: st.DrawFn, most: int = 3) -> tuple[list[int], list[int]]:
    items = draw(_ITEMS)
    part = draw(st.lists(st.sampled_from(items), max_size=most, unique=True))
    return items, sorted(part)


class _Failing:
    """What fails with everything that has one of its parts, and how often it was asked."""

    def __init__(self, *parts: Sequence[int]) -> None:
        self.parts = [frozenset(part) for part in parts]
        self.asked: set[frozenset[int]] = set()

    def __call__(self, items: Sequence[int]) -> bool:
        assert [*items] == sorted(items), "a command line is not shuffled"
        self.asked.add(frozenset(items))
        return any(part <= frozenset(items) for part in self.parts)


def _without(items: Sequence[int], part: Sequence[int]) -> list[int]:
    return [item for item in items if item not in part]


@given(_blamed(), st.data())
def test_the_one_part_that_it_fails_by_is_named(
    drawn: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    """In any list, wherever its items are; a guess that is wrong changes nothing."""
    items, part = drawn
    likely = data.draw(st.lists(st.sampled_from(items), max_size=2))
    assert part == culprit(items, _Failing(part), likely)


@given(_blamed())
def test_it_takes_few_moves(drawn: tuple[list[int], list[int]]) -> None:
    """For k of n devices k * (log2 n + 2) and one more; for a device that is named, two."""
    items, part = drawn
    fails = _Failing(part)
    culprit(items, fails)
    assert len(fails.asked) <= len(part) * (math.ceil(math.log2(len(items))) + 2) + 1
    if len(part) == 1:
        named = _Failing(part)
        culprit(items, named, part)
        assert len(named.asked) == 2


@given(
    _ITEMS, st.lists(st.sets(st.integers(0, 39), min_size=1, max_size=3), min_size=1, max_size=3)
)
def test_what_is_named_is_smallest(items: list[int], parts: list[set[int]]) -> None:
    """With it, it fails; without any one of its items, it does not: whatever else there is."""
    inside = [part & {*items} for part in parts]
    fails = _Failing(*(sorted(part) for part in inside if part))
    if not fails.parts or not fails(items):
        return
    found = culprit(items, fails)
    assert found
    assert fails(found)
    assert not any(fails(_without(found, [item])) for item in found)


@given(_ITEMS, st.lists(st.sets(st.integers(0, 39), min_size=1, max_size=2), max_size=4))
def test_what_is_left_passes(items: list[int], parts: list[set[int]]) -> None:
    """Once every part that is named is away it no longer fails, and no part shares an item."""
    fails = _Failing(*(sorted(part) for part in parts if part <= {*items}))
    found, whole = culprits(items, fails, _without)
    assert whole
    named = [item for part in found for item in part]
    assert len(named) == len({*named})
    assert not fails(_without(items, named))
    assert bool(found) == bool(fails.parts)


@given(_ITEMS)
def test_what_fails_with_no_device_is_the_machine(items: list[int]) -> None:
    """It is said once, and nobody looks any further."""
    fails = _Failing([])
    assert ([[]], True) == culprits(items, fails, _without)
    assert len(fails.asked) <= 2


@given(_ITEMS)
def test_what_failed_once_and_no_more_is_told(items: list[int]) -> None:
    """A failure that does not come back has nobody to blame."""
    assert culprit(items, lambda _part: False) is None
    first = iter([True])
    assert ([], False) == culprits(items, lambda _part: next(first, False), _without)
