"""Texts of messages: words and fields, and nothing of them lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.message import KINDS, Piece, pieces

_FIELDS = st.builds(
    Piece, text=st.sampled_from(["a", "requested", "of_all"]), kind=st.sampled_from(sorted(KINDS))
)
_WORDS = st.builds(Piece, text=st.text(min_size=1).filter(lambda t: not {"{", "}"} & set(t)))


@given(st.lists(_FIELDS | _WORDS))
def test_a_text_is_its_pieces(parts: list[Piece]) -> None:
    """Written one behind the other they are the text, fields by their kind."""
    text = "".join(f"{{{p.text}:{p.kind}}}" if p.kind else p.text for p in parts)
    joined: list[Piece] = []
    for part in parts:
        if joined and not part.kind and not joined[-1].kind:
            joined[-1] = Piece(text=joined[-1].text + part.text)
        else:
            joined.append(part)
    assert joined == list(pieces(text))


@pytest.mark.parametrize("text", ["{}", "{a}", "{a:}", "{a:no}", "{A:hex}", "{1:hex}", "{a b:hex}"])
def test_a_field_has_a_name_and_a_kind(text: str) -> None:
    """What is none is refused with the kinds that there are."""
    with pytest.raises(ValueError, match="of a kind of hex, number") as refused:
        list(pieces(f"before {text} behind"))
    assert text in str(refused.value)
