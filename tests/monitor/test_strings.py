"""Strings of QEMU's JSON: what RFC 8259 and Python make of them is what QEMU does."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.monitor.strings import decoded, plain, shown, standard, string_fault
from tests.monitor.streams import spelled, texts, values


@given(values.flatmap(lambda value: st.tuples(st.just(value), spelled(value))))
def test_qemus_spelling_says_what_the_usual_one_does(case: tuple[Any, str]) -> None:
    """Single quotes and the other liberties become RFC 8259, of the same value."""
    value, text = case
    assert value == decoded(text.encode())
    assert value == json.loads(standard(text.encode()))


@given(values)
def test_what_is_usual_json_already_stays_as_it_is(value: Any) -> None:
    """Not one byte changes, whatever quotes stand in its strings."""
    text = json.dumps(value).encode()
    assert text == standard(text)


@given(texts.flatmap(lambda text: st.tuples(st.just(text), spelled(text))))
def test_a_valid_string_is_found_valid_and_says_its_text(case: tuple[str, str]) -> None:
    """Two keys are the same where their texts are, whatever their quotes and escapes."""
    text, token = case
    assert string_fault(token.encode()) is None
    assert text.encode() == plain(token.encode())


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        (b"""{'a"b': "c'd"}""", b"""{"a\\"b": "c'd"}"""),
        (b"""["\\'", '\\'', '\\"', "\\\\'"]""", b"""["'", "'", "\\"", "\\\\'"]"""),
        (b"['\xc0\x80']", b'["\\u0000"]'),
    ],
)
def test_the_liberties_of_qemu(text: bytes, usual: bytes) -> None:
    """Quotes of both kinds in strings of both kinds, and NUL."""
    assert usual == standard(text)


def test_numbers_that_python_refuses_are_what_qemu_makes_of_them() -> None:
    """More digits than Python converts are a double; QEMU makes one of all beyond 64 bits."""
    assert float("inf") == decoded(b"9" * 5000)
    assert 10**40 == decoded(b"1" + b"0" * 40)


def test_escapes_cost_no_memory() -> None:
    """A quarter of a megabyte of them takes a few times that, and no record of each."""
    text = b"'" + b"\\'" * (1 << 17) + b"'"
    tracemalloc.start()
    try:
        assert b'"' + b"'" * (1 << 17) + b'"' == standard(text)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_what_an_error_shows_is_a_c_string() -> None:
    """Up to NUL; what is no character is U+FFFD."""
    assert "ab" == shown(b"ab\0c")
    assert "\ufffd!" == shown(b"\xed\xa0\x80!")
    assert "\ufffd" == shown("\uffff".encode())
