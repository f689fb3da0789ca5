"""QOM types: what -global reaches, and what a type has from its parents."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.machine import TypeTable

_NAMES = st.sampled_from("abcdef")
#: Any parents, circles and parents that nobody knows included.
_TABLES = st.builds(
    TypeTable,
    parents=st.dictionaries(_NAMES, _NAMES | st.just("")),
    own_properties=st.dictionaries(_NAMES, st.lists(st.sampled_from("xyz")).map(tuple)),
    aliases=st.dictionaries(st.sampled_from("ag"), _NAMES),
)


@given(_TABLES, _NAMES)
def test_a_line_of_parents_ends(table: TypeTable, name: str) -> None:
    """It begins with the type itself, each is the parent of the one before, and none comes twice.

    But in a circle, which no build has: even that ends.
    """
    line = list(table.ancestry(name))
    assert name == line[0]
    assert len(line) <= len(table.parents) + 1
    assert all(table.parents[one] == other for one, other in pairwise(line))
    if len(set(line)) == len(line):
        assert not table.parents.get(line[-1])


@given(_TABLES, _NAMES, _NAMES)
def test_what_a_parent_has_its_children_have(table: TypeTable, name: str, other: str) -> None:
    """All of it and their own; a global on the parent reaches them."""
    assert table.is_a(name, name)
    if table.is_a(name, other):
        assert table.properties(other) <= table.properties(name)
        assert all(table.is_a(name, above) for above in table.ancestry(other))
    own = {p for step in table.ancestry(name) for p in table.own_properties.get(step, ())}
    assert own == table.properties(name)


@given(_TABLES)
def test_a_table_has_what_it_knows(table: TypeTable) -> None:
    """An alias is another name and no type; a table of nothing is none."""
    assert bool(table) is bool(table.parents)
    for name in "abcdefg":
        assert (name in table) is (name in table.parents)
        assert table.aliases.get(name, name) == table.canonical(name)
