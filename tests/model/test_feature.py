"""Features: which values they have, and what they need behind a backend."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.feature import ANY_BACKEND, NEVER, UNDECIDED, Feature

TYPES = ("bool", "enum", "int", "size", "string")
requirements = st.dictionaries(
    st.sampled_from(["tap", "user", ANY_BACKEND]),
    st.lists(st.sampled_from(["tun.a", "tun.b", NEVER]), max_size=2).map(tuple),
)


def _feature(**keys: Any) -> Feature:
    return Feature(id="net.x", title="x", edition="2026.1", **keys)


# --- laws ----------------------------------------------------------------------------------------


@given(st.sampled_from(TYPES), st.sampled_from(sorted(UNDECIDED)))
def test_what_leaves_the_choice_to_the_host_is_a_value_of_no_type(kind: str, value: str) -> None:
    """Not even where an enum lists it."""
    problem = _feature(type=kind, values=(value, "a")).problem(value)
    assert problem is not None
    assert "leaves the value to the host" in problem


@given(st.text(max_size=3), st.text(max_size=3))
def test_no_value_has_control_characters(before: str, after: str) -> None:
    """A line end or a NUL would end a value before QEMU reads the rest."""
    for char in [*map(chr, range(32)), "\x7f"]:
        value = before + char + after
        for kind in TYPES:
            assert _feature(type=kind, values=(value,)).problem(value) is not None


@given(st.lists(st.text("abc-", min_size=1), min_size=1), st.text("abc-", min_size=1))
def test_an_enum_has_the_values_that_it_lists(values: list[str], value: str) -> None:
    """And says which they are."""
    problem = _feature(type="enum", values=tuple(values)).problem(value)
    assert (problem is None) == (value in values)
    if problem is not None:
        assert all(word in problem for word in values)


@given(st.integers(0, 10**30))
def test_numbers_are_decimal_digits(number: int) -> None:
    """Without a sign, a unit, a space or the digits of another script."""
    for kind in ("int", "size"):
        assert _feature(type=kind).problem(str(number)) is None
        for spelled in (f"-{number}", f"+{number}", f" {number}", f"{number}k", hex(number)):
            assert _feature(type=kind).problem(spelled) is not None
        arabic = "".join(chr(0x660 + int(digit)) for digit in str(number))
        assert _feature(type=kind).problem(arabic) is not None


@given(requirements, st.sampled_from(["tap", "user", "socket"]))
def test_needs_are_those_of_the_backend_or_of_any(
    requires: dict[str, tuple[str, ...]], backend: str
) -> None:
    """A backend's own entry counts alone; never, or no entry, means that it cannot carry it."""
    found = _feature(requires=requires).needs(backend)
    entry = requires[backend] if backend in requires else requires.get(ANY_BACKEND)
    if entry is None or NEVER in entry:
        assert found is None
    else:
        assert found == entry


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("bool", ["on", "off"], ["yes", "true", "1", "On", "on "]),
        ("enum", ["a", "b"], ["c", "A", "a,b"]),
        ("int", ["0", "256"], ["1.5", "x", "٣", "²"]),
        ("size", ["4096"], ["4k", "0x10"]),
        ("string", ["x", "a,b=c", "é"], ["a\nb", "a\0"]),
    ],
)
def test_values_by_type(kind: str, good: list[str], bad: list[str]) -> None:
    """Only concrete values in QEMU's canonical spelling."""
    feature = _feature(type=kind, values=("a", "b"))
    assert [feature.problem(value) for value in good] == [None] * len(good)
    for value in bad:
        assert feature.problem(value)


def test_a_feature_asks_for_nothing_unless_it_says_so() -> None:
    """Any backend carries what requires nothing."""
    assert _feature().needs("tap") == ()
    assert _feature(requires={}).needs("tap") is None


def test_an_entry_of_its_own_beats_any() -> None:
    """Also where it says never."""
    feature = _feature(requires={"tap": (NEVER,), "user": ("a",), ANY_BACKEND: ()})
    assert [feature.needs(name) for name in ("tap", "user", "socket")] == [None, ("a",), ()]


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        ({}, "on", True),
        ({}, "off", False),
        ({"fallback": "on"}, "on", True),
        ({"fallback": "on"}, "off", False),
        ({"type": "int", "fallback": "256"}, "256", False),
        ({"type": "int", "fallback": "256"}, "512", True),
        ({"type": "enum", "values": ("a", "b"), "fallback": "a"}, "b", True),
    ],
)
def test_which_values_ask_something_of_a_host(
    keys: dict[str, Any], value: str, expected: bool
) -> None:
    """On of a switch, anything but the fallback of the rest."""
    assert _feature(**keys).demands(value) == expected
