"""What is remembered is what was worked out, whoever asks and however often."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.memo import Memo, forget, remembered, remembered_of_same


@attrs.define(kw_only=True, eq=False)
class _About:
    """Something that is asked about, and counts how often it was looked at."""

    base: int
    looked: list[tuple[int, int]] = attrs.field(factory=list)
    memo: Memo = attrs.field(factory=dict)


@remembered(3)
def _sum(about: _About, first: int, second: int) -> int:
    """Add up; odd numbers are refused."""
    about.looked.append((first, second))
    if first % 2:
        raise KeyError(first)
    return about.base + first + second


@remembered()
def _none(about: _About) -> None:
    about.looked.append((0, 0))


numbers = st.lists(st.tuples(st.integers(0, 3).map(lambda n: n * 2), st.integers(0, 3)))


@given(numbers, st.integers(0, 3))
def test_remembering_changes_no_answer(questions: Sequence[tuple[int, int]], base: int) -> None:
    """Every answer is that of the plain function; nothing is worked out twice in a row."""
    about, other = _About(base=base), _About(base=base + 1)
    for first, second in questions:
        assert _sum(about, first, second) == _sum(about, first, second) == base + first + second
        assert _sum(other, first, second) == base + 1 + first + second
    assert len(about.looked) <= len(questions)
    assert sum(len(answers) for answers in about.memo.values()) <= 3


@given(numbers)
def test_what_fits_is_worked_out_once(questions: Sequence[tuple[int, int]]) -> None:
    """As long as there is room, and again when it was forgotten."""
    about = _About(base=0)
    few = list(dict.fromkeys(questions))[:3]
    for question in (*few, *few):
        _sum(about, *question)
    assert about.looked == few
    forget(about)
    for question in few:
        _sum(about, *question)
    assert about.looked == [*few, *few]


def test_nothing_is_an_answer_too() -> None:
    """None is remembered like anything else."""
    about = _About(base=0)
    _none(about)
    _none(about)
    assert about.looked == [(0, 0)]


def test_a_refusal_is_raised_each_time_and_by_itself() -> None:
    """It is no answer, and no other error stands behind it."""
    about = _About(base=0)
    for _ in range(2):
        with pytest.raises(KeyError) as caught:
            _sum(about, 1, 0)
        assert caught.value.__context__ is None
    assert about.looked == [(1, 0), (1, 0)]


def test_the_very_same_object_is_looked_at_once() -> None:
    """An equal one is another, and one that is gone is taken for no other: it is held."""
    looked: list[tuple[int, ...]] = []

    @remembered_of_same(4)
    def length(value: tuple[int, ...]) -> int:
        looked.append(value)
        return len(value)

    one = tuple(range(3))
    assert [length(one), length(one)] == [3, 3]
    assert looked == [one]
    assert length(tuple(range(3))) == 3
    assert len(looked) == 2
    for size in range(100):  # as many objects, each in the place of the one before
        assert length(tuple(range(size))) == size


class _Held:
    """An object that can be seen to go."""


def test_no_more_objects_are_held_than_may_be() -> None:
    """Where there would be more, all are let go."""
    held = [_Held() for _ in range(5)]
    gone = [weakref.ref(each) for each in held]

    @remembered_of_same(4)
    def name(value: _Held) -> int:
        return id(value)

    for each in held:
        assert name(each) == id(each)
    del each
    held.clear()
    assert [ref() is None for ref in gone] == [True, True, True, True, False]
