"""XML as a tree with places: what is written is what is found, and no trap is stepped into."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.xml_tree import Element, read_xml

_NAMES = st.text("abcXYZ", min_size=1, max_size=4)
_TEXTS = st.text(st.characters(exclude_categories=["C"]), max_size=8).map(str.strip)
_ATTRIBUTES = st.dictionaries(_NAMES, _TEXTS, max_size=3)

#: A name, attributes, a text and children.
_TREES = st.recursive(
    st.tuples(_NAMES, _ATTRIBUTES, _TEXTS, st.just(())),
    lambda inner: st.tuples(_NAMES, _ATTRIBUTES, _TEXTS, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=8,
)
_Tree = tuple[str, dict[str, str], str, tuple["_Tree", ...]]


def _written(tree: _Tree) -> str:
    name, attributes, text, children = tree
    said = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    inside = escape(text) + "\n<!-- > -->".join(["", *map(_written, children)])
    return f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>"


def _read(element: Element) -> _Tree:
    children = tuple(map(_read, element.children))
    return element.name, dict(element.attributes), element.text, children


@given(tree=_TREES)
def test_what_is_written_is_what_is_found(tree: _Tree) -> None:
    """Names, attributes, text and children in their order; comments are nothing."""
    assert tree == _read(read_xml(_written(tree), "a"))


@given(tree=_TREES)
def test_every_element_knows_its_own_text(tree: _Tree) -> None:
    """What stands between its offsets is the element again, wherever it is in the document."""
    data = ("\n<!-- ä -->\n" + _written(tree)).encode()

    def check(element: Element) -> None:
        own = data[element.start : element.end]
        assert _read(read_xml(own, "own")) == _read(element)
        assert 1 + data[: element.start].count(b"\n") == element.line
        for child in element.children:
            check(child)

    check(read_xml(data, "a"))


def test_a_path_leads_to_an_element_an_attribute_or_a_text() -> None:
    """What is not there is None, and what says nothing is empty."""
    root = read_xml("<a x='1'><b><c y='2'>t</c></b><b/></a>", "a")
    assert ("1", "2", "t", "") == tuple(map(root.get, ("@x", "b/c/@y", "b/c", "b")))
    assert (None, None, None) == tuple(map(root.get, ("@y", "b/c/@x", "d/e")))
    assert root == root.first("")
    assert 2 == len([*root.named("b")])


def test_a_prefix_is_its_namespace() -> None:
    """Whatever prefix somebody chose, and whichever attribute has one."""
    for prefix in ("qemu", "q"):
        text = f"<a xmlns:{prefix}='http://x/1'><{prefix}:b {prefix}:c='1' d='2'/></a>"
        child = read_xml(text, "a").children[0]
        assert "{http://x/1}b" == child.name
        assert {"{http://x/1}c": "1", "d": "2"} == child.attributes


_BOMB = "<!DOCTYPE a [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><a>&b;</a>"
_FETCH = "<!DOCTYPE a [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><a>&a;</a>"


@pytest.mark.parametrize("text", [_BOMB, _FETCH, "<!DOCTYPE a SYSTEM 'http://x/a.dtd'><a/>"])
def test_no_entity_is_defined_and_nothing_is_fetched(text: str) -> None:
    """A document type is refused by its line, whatever is in it."""
    with pytest.raises(pa.UsageError) as caught:
        read_xml("\n" + text, "vm.xml")
    assert ("xml-refused", True) == (caught.value.code, "vm.xml:2:" in caught.value.message)
    assert "root:" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a>\n<b></a>", "vm.xml:2:6: not XML: mismatched tag"),
        ("", "vm.xml:1:1: not XML: no element found"),
        ("<a>&nbsp;</a>", "vm.xml:1:4: not XML: undefined entity"),
        ("<x:a/>", "vm.xml:1:1: not XML: unbound prefix"),
        ("<?xml version='1.0' encoding='nobody'?><a/>", "not XML"),
        ("<a>\0</a>", "not XML"),
        (b"<a>\xff</a>", "not XML"),
        ("<a>\udcff</a>", "not XML"),
    ],
)
def test_what_is_no_xml_is_said_with_its_place(text: str | bytes, said: str) -> None:
    """The line and column that expat stopped at, counted from one."""
    with pytest.raises(pa.UsageError) as caught:
        read_xml(text.encode() if "encoding" in str(text) else text, "vm.xml")  # type: ignore[union-attr]
    assert "xml-syntax" == caught.value.code
    assert said in caught.value.message


def test_what_is_nested_without_end_is_refused() -> None:
    """Sixty-four elements inside of each other are read, one more is not."""
    assert "a" == read_xml("<a>" * 64 + "</a>" * 64, "vm.xml").name
    with pytest.raises(pa.UsageError) as caught:
        read_xml("<a>" * 65, "vm.xml")
    assert "xml-refused" == caught.value.code
