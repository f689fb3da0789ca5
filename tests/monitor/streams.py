"""What QMP clients may send, for Hypothesis: JSON in every spelling that QEMU reads."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

#: Text that QEMU takes: no surrogates, no noncharacters (util/unicode.c).
texts = st.text(
    st.characters(exclude_categories=["Cs"]).filter(
        lambda c: not 0xFDD0 <= ord(c) <= 0xFDEF and ord(c) & 0xFFFE != 0xFFFE
    ),
    max_size=8,
)
spaces = st.text(" \t\r\n", max_size=3)
integers = st.integers() | st.integers(2**62, 2**70) | st.just(10**40)
floats = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | integers | floats | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """Return *value* in a spelling of QEMU's JSON, with white space anywhere it may be."""
    if isinstance(value, dict):
        parts = [
            f"{draw(spelled(k))}{draw(spaces)}:{draw(spaces)}{draw(spelled(v))}"
            for k, v in value.items()
        ]
        inner = f"{draw(spaces)},{draw(spaces)}".join(parts)
        return f"{{{draw(spaces)}{inner}{draw(spaces)}}}"
    if isinstance(value, list):
        inner = f"{draw(spaces)},{draw(spaces)}".join(draw(spelled(item)) for item in value)
        return f"[{draw(spaces)}{inner}{draw(spaces)}]"
    if isinstance(value, str):
        return _string(value, draw(st.sampled_from("\"'")), ascii_only=draw(st.booleans()))
    return json.dumps(value)


def _string(text: str, quote: str, *, ascii_only: bool) -> str:
    body = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    if quote == "'":
        body = body.replace('\\"', '"').replace("'", "\\'")
    return quote + body + quote


#: Names of commands that nothing answers by itself.
names = st.from_regex(r"[a-z]{1,6}-[a-z0-9]{1,6}", fullmatch=True)


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Return a command of a client's in some spelling, and what it says."""
    said: dict[str, Any] = {"execute": draw(names)}
    if draw(st.booleans()):
        said["arguments"] = draw(st.dictionaries(texts, values, max_size=4))
    if draw(st.booleans()):
        said["id"] = draw(values)
    order = draw(st.permutations(list(said)))
    said = {key: said[key] for key in order}
    return draw(spelled(said)), said


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Return *data* in pieces."""
    places = draw(st.lists(st.integers(0, len(data)), max_size=12))
    bounds = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]
