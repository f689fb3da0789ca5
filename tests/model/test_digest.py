"""A digest is of what a value says, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.digest import canonical_digest

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _reordered(value: Any) -> Any:
    """Return the same with the keys of every mapping the other way round."""
    if isinstance(value, dict):
        return {key: _reordered(value[key]) for key in reversed(value)}
    return [_reordered(each) for each in value] if isinstance(value, list) else value


@given(_VALUES, _VALUES)
def test_equal_values_have_equal_digests_and_no_others(one: Any, other: Any) -> None:
    """The order of keys says nothing; that of a list, a type and each character do."""
    assert canonical_digest(one) == canonical_digest(_reordered(one))
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert same is (canonical_digest(one) == canonical_digest(other))


def test_a_digest_is_the_same_for_ever() -> None:
    """Lockfiles have it: text as UTF-8, keys sorted, no spaces; a lone surrogate is a text too."""
    empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert empty == canonical_digest({})
    assert canonical_digest("\\udcff") != canonical_digest("\udcff")
    assert canonical_digest(["é", {"b": 1, "a": 2}]) == (
        "sha256:" + hashlib.sha256('["é",{"a":2,"b":1}]'.encode()).hexdigest()
    )
