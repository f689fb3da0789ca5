"""Tokens of QEMU's JSON: the same whatever the pieces, and whichever Python reads them."""

from __future__ import annotations

import json
import random
import re
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi
from platform_abi.monitor.lexer import Lexer

LONGEST = 1 << 18


def _tokens(*pieces: bytes) -> list[tuple[bytes, str]]:
    """Return the tokens and their kinds, a kind for what is no token being ``!``."""
    lexer, tokens = Lexer(LONGEST), []
    for piece in pieces:
        lexer.data += piece
        while (token := lexer.next()) is not None:
            begin, end, kind = token
            tokens.append((bytes(lexer.data[begin:end]), kind.decode() or "!"))
    return tokens


@pytest.mark.parametrize(
    ("number", "tokens"),
    [
        (b"0.}", [(b"0.}", "!")]),
        (b"-0.5e}", [(b"-0.5e}", "!")]),
        (b"1.e5 ", [(b"1.e", "!")]),
        (b"12.5,", [(b"12.5", "0"), (b",", ",")]),
        (b"-0 ", [(b"-0", "0")]),
        (b"0e1 ", [(b"0", "0"), (b"e", "a"), (b"1", "0")]),
        (b"1e+7]", [(b"1e+7", "0"), (b"]", "]")]),
        (b"1e+]", [(b"1e+]", "!")]),
    ],
)
def test_a_number_ends_where_qemus_automaton_ends_it(
    number: bytes, tokens: list[tuple[bytes, str]]
) -> None:
    """A point or an exponent without digits is no number, on every Python."""
    assert tokens == _tokens(number)


@given(st.from_regex(rb"-?[0-9.eE+-]{1,8}", fullmatch=True))
def test_what_is_taken_for_a_number_is_one(text: bytes) -> None:
    """What is one token is JSON's number: RFC 8259's grammar takes it too."""
    for token, kind in _tokens(text + b" "):
        if kind == "0":
            assert isinstance(json.loads(token), int | float)


@given(st.text().map(json.dumps), st.sampled_from([b" ", b"}", b"x"]))
def test_a_string_is_one_token_with_all_its_escapes(text: str, after: bytes) -> None:
    """Whatever is escaped in it, and wherever it was cut."""
    data = text.encode()
    assert (data, '"') == _tokens(data + after)[0]
    assert _tokens(data + after) == _tokens(*(bytes((byte,)) for byte in data + after))


@pytest.mark.parametrize(
    ("text", "token"),
    [
        (b'"a\nb" ', b'"a\n'),
        (b'"a\\\x01b" ', b'"a\\\x01'),
        (b'"a\\\\\xff" ', b'"a\\\\\xff'),
        (b"'a\\'\x00' ", b"'a\\'\x00"),
    ],
)
def test_a_string_with_what_may_not_be_in_it_is_none(text: bytes, token: bytes) -> None:
    """It ends with the offending byte, escaped or not."""
    assert (token, "!") == _tokens(text)[0]


def test_no_pattern_of_this_project_is_possessive() -> None:
    """CPython 3.11.2, Debian 12's own, matches possessive and atomic groups wrongly."""
    source = Path(platform_abi.__file__).parent
    possessive = re.compile(r"""(?<!\\)[*+?}]\+[^=+ ]|\(\?>""")
    for path in source.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for pattern in re.findall(r"""\br?b?r?(?:"[^"\n]*"|'[^'\n]*')""", text):
            if re.match("r|br", pattern):
                outside = re.sub(r"\\.|\[(?:\\.|[^]\\])*\]", "x", pattern)
                assert not possessive.search(outside), f"{path.name}: {pattern}"


def test_strings_of_escapes_cost_neither_time_nor_memory() -> None:
    """A quarter of a megabyte of escapes, in pieces, is one token; nothing is kept beside it."""
    dice = random.Random(11)
    body = b"".join(dice.choice((b'\\"', b"\\\\", b"\\n")) for _ in range(LONGEST // 2 - 2))
    lexer, begin = Lexer(LONGEST), time.process_time()
    lexer.data += b'"'
    tracemalloc.start()
    try:
        for at in range(0, len(body), 4096):
            lexer.data += body[at : at + 4096]
            assert lexer.next() is None
        lexer.data += b'"'
        assert (0, len(body) + 2, b'"') == lexer.next()
        assert tracemalloc.get_traced_memory()[1] < 4 * LONGEST
    finally:
        tracemalloc.stop()
    assert time.process_time() - begin < 20


def test_what_has_no_end_is_given_up() -> None:
    """A string or word longer than may be is no token, and reading goes on after it."""
    for first in (b'"', b"'", b"a", b"1"):
        tokens = _tokens(first, first.replace(b'"', b"x").replace(b"'", b"x") * (LONGEST + 1))
        assert ["!"] == [kind for _, kind in tokens]
