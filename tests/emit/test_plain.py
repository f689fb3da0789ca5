"""Values as plain data: one rule, and shapes where a document says it otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.emit.plain import plain, to_json
from platform_abi.model.value import frozen


def test_json_is_ascii_with_a_newline() -> None:
    """No locale or encoding can change a document's bytes."""
    text = to_json({"ä": "\ud800\u2028"})

    assert text.isascii()
    assert text.endswith("}\n")


@frozen(kw_only=True)
class _Inner:
    name: str
    number: int


@frozen(kw_only=True)
class _Outer:
    text: str
    inner: _Inner | None
    rows: tuple[_Inner, ...]
    table: Mapping[str, int]


_INNER = st.builds(_Inner, name=st.text(max_size=3), number=st.integers())
_OUTER = st.builds(
    _Outer,
    text=st.text(max_size=3),
    inner=st.none() | _INNER,
    rows=st.lists(_INNER, max_size=3).map(tuple),
    table=st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
)


@given(value=_OUTER)
def test_without_a_shape_a_value_has_its_fields(value: _Outer) -> None:
    """In their order, with everything in them, and nothing that JSON does not hold."""
    found = plain(value, {})
    assert list(found) == ["text", "inner", "rows", "table"]
    assert found["rows"] == [{"name": row.name, "number": row.number} for row in value.rows]
    assert json.loads(to_json(found)) == found


@given(value=_OUTER)
def test_a_shape_says_keys_and_where_their_values_are(value: _Outer) -> None:
    """Another name, an inner value or null for none, null for what is empty, and a function's."""
    shape = ("said:text", "text?", "inner_name:inner.name", ("count", lambda it: len(it.rows)))
    assert plain(value, {_Outer: shape}) == {
        "said": value.text,
        "text": value.text or None,
        "inner_name": None if value.inner is None else value.inner.name,
        "count": len(value.rows),
    }


def test_what_is_no_json_is_an_error() -> None:
    """A set has no order that a document could have."""
    with pytest.raises(TypeError):
        plain(frozenset({"x"}), {})
