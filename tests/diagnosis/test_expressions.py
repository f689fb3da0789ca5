"""Texts of messages as expressions: they read what they say, broken anywhere, in linear time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.diagnosis.expressions import cleaned, expression, trigger
from platform_abi.model.message import pieces
from tests.conftest import DEFINITIONS

TEXTS = [
    text.text
    for message in pa.FileCatalogue([DEFINITIONS]).messages().messages
    for text in message.text
]

#: A value of each kind, none of which can be the beginning of any words.
VALUES = {
    "hex": "1c0",
    "number": "17",
    "signed": "-1",
    "name": "kvm-pv",
    "word": "0000:00:05.0/x",
    "text": "some words",
    "line": "some words",
    "list": "a,b-c,d",
    "names": "a b",
}


def _filled(text: str) -> tuple[str, dict[str, str]]:
    """Return *text* as it is printed with a value in each field, and the fields."""
    fields = {piece.text: VALUES[piece.kind] for piece in pieces(text) if piece.kind}
    said = "".join(VALUES[p.kind] if p.kind else p.text for p in pieces(text))
    return said, fields


def lists_of(text: str) -> set[str]:
    """Return the fields of *text* that are lists."""
    return {piece.text for piece in pieces(text) if piece.kind == "list"}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_reads_what_is_printed_by_it(text: str) -> None:
    """Filled in, each text is found whole, with every field as it was."""
    said, fields = _filled(text)
    match = expression(text).match(said)

    assert match is not None
    assert said == match[0]
    assert fields == cleaned(match, lists_of(text))
    assert said.startswith(trigger(text))


#: Kinds of fields that end with their line.
ONE_LINE = {"line", "names"}


@given(st.sampled_from(TEXTS), st.data())
def test_a_text_broken_between_words_is_the_same(text: str, data: st.DataObject) -> None:
    """Mail and terminals break lines at spaces and behind commas, indent and quote them."""
    said, fields = _filled(text)
    gaps = st.sampled_from([" ", "\n", "\n> ", "\n> > ", "\n      ", "\r\n\t", "  "])
    for value in {p.kind: VALUES[p.kind] for p in pieces(text) if p.kind in ONE_LINE}.values():
        said = said.replace(value, value.replace(" ", "\0"))
    broken = "".join(data.draw(gaps) if c == " " else c for c in said).replace("\0", " ")
    broken = broken.replace(VALUES["list"], VALUES["list"].replace(",", "," + data.draw(gaps)))
    match = expression(text).match(broken)

    assert match is not None
    assert fields == cleaned(match, lists_of(text))


@pytest.mark.parametrize("text", TEXTS)
def test_a_field_can_end_in_one_place_only(text: str) -> None:
    """A field holds nothing that the words behind it begin with, so that nothing is tried twice.

    What would make a reader go back is in every field here, where its kind allows it.
    """
    parts = list(pieces(text))
    said = ""
    for piece, behind in zip(parts, [*parts[1:], None], strict=True):
        words = "" if behind is None else behind.text
        said += VALUES[piece.kind] + words + VALUES[piece.kind] if piece.kind else piece.text
    match = expression(text).match(said)
    if match is None:
        return
    for piece, behind in pairwise(parts):
        if piece.kind:
            assert not match[piece.text].startswith(behind.text)
            assert behind.text not in match[piece.text]


def test_a_list_goes_on_behind_a_comma_and_ends_with_its_line() -> None:
    """Broken lines belong to it, one behind its last word does not."""
    text = "missing features: {flags:list}"
    for said, flags in (
        ("missing features: a,b,\n  c\nerror", "a,b,c"),
        ("missing features: a, b\nerror", "a,b"),
        ("missing features: vmx-\n> exit,b', more", "vmx-exit,b"),
        ("missing features: a,\n\n", "a"),
    ):
        match = expression(text).match(said)
        assert match is not None
        assert {"flags": flags} == cleaned(match, {"flags"})
