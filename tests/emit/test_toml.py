"""TOML that a terminal shows as it is, and that says what it was made of."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.emit.toml import toml_text

#: Everything but halves of surrogate pairs, which no file can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXTS | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES))
def test_what_is_written_is_read(document: dict[str, object]) -> None:
    """Any keys and values come back, and no character of them steers a terminal."""
    text = toml_text(document)
    assert document == tomllib.loads(text)
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    ("char", "escape"),
    [("\u202e", "\\u202e"), ("\U000e0041", "\\U000e0041"), ("\x7f", "\\u007f"), ("\t", "\\u0009")],
)
def test_an_escape_is_that_of_toml(char: str, escape: str) -> None:
    """Of the first plane four digits, of others eight."""
    assert f'a = "{escape}"\n' == toml_text({"a": char})


def test_what_no_file_can_hold_stays() -> None:
    """Half a pair is left for whoever writes the file to refuse."""
    assert 'a = "\udc80\\u202e"\n' == toml_text({"a": "\udc80\u202e"})
