"""Only what is new is put into a document, where it belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.xml_edit import Wanted, edited, namespaces
from platform_abi.model.xml_tree import Element, read_xml

_NAMES = st.sampled_from(["a", "b", "c", "driver"])
_VALUES = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), include_characters="\t\n\r"
    ),
    max_size=8,
)
_BLANKS = st.sampled_from(["", " ", "\n", "\n  ", "\n    ", "<!-- c > -->", "<?p q?>", "\r\n"])


@st.composite
def _documents(draw: st.DrawFn, depth: int = 3) -> str:
    name, quote = draw(_NAMES), draw(st.sampled_from("'\""))
    keys = draw(st.lists(st.sampled_from(["x", "y", "x-y"]), unique=True, max_size=2))
    attributes = "".join(
        f" {key}{draw(st.sampled_from(['=', ' = ']))}{quote}{draw(st.sampled_from(['', '1', '>']))}"
        f"{quote}"
        for key in keys
    )
    inner = draw(st.lists(_documents(depth=depth - 1), max_size=2)) if depth else []
    if not inner and draw(st.booleans()):
        return f"<{name}{attributes}{draw(st.sampled_from(['', ' ', chr(10)]))}/>"
    blanks = [draw(_BLANKS) for _ in range(len(inner) + 1)]
    body = "".join(b + each for b, each in zip(blanks, inner, strict=False)) + blanks[-1]
    return f"<{name}{attributes}>{body}</{name}>"


@st.composite
def _wanted(draw: st.DrawFn, name: str, depth: int = 2) -> Wanted:
    keys = st.dictionaries(st.sampled_from(["x", "y", "z"]), _VALUES, max_size=2)
    wanted = Wanted(name=name, attributes=draw(keys))
    for _ in range(draw(st.integers(0, 2)) if depth else 0):
        of = draw(_NAMES)
        by = {"name": draw(_VALUES)} if of == "driver" else {}
        child = wanted.child(of, by, draw(st.sampled_from([(), ("a", "b")])))
        made = draw(_wanted(of, depth - 1))
        child.attributes |= made.attributes
        child.children += [each for each in made.children if not child.children]
    return wanted


def _missing(element: Element, wanted: Wanted) -> Iterator[str]:
    for key, value in wanted.attributes.items():
        if element.attributes.get(key) != value:
            yield f"{element.name}@{key}"
    for child in wanted.children:
        there = next(filter(child.is_wanted, element.children), None)
        if there is None:
            yield child.name
        else:
            yield from _missing(there, child)


@given(data=st.data())
def test_what_is_wanted_is_there_and_the_rest_as_it_was(data: st.DataObject) -> None:
    """Whatever the document, its blanks and quotes; a second time nothing is left to be done."""
    text = data.draw(_documents())
    root = read_xml(text, "x")
    wanted = data.draw(_wanted(root.name))
    before = text.encode()
    after = edited(before, [(root, wanted)], {})
    again = read_xml(after, "x")
    assert [] == list(_missing(again, wanted))
    assert after == edited(after, [(again, wanted)], {})
    # Comments and instructions are all there, in their order.
    kept = rb"<!--.*?-->|<\?.*?\?>"
    assert re.findall(kept, before) == re.findall(kept, after)


_DOMAIN = """\
<domain>
  <a/>
  <b x='1'>
    <c/> <!-- c -->
  </b>
</domain>
"""


def test_what_is_new_is_indented_as_its_neighbours_are() -> None:
    """An element of its own line each, behind those that it belongs behind."""
    root = read_xml(_DOMAIN, "x")
    wanted = Wanted(name="domain")
    wanted.child("b", {}).child("d", {}).attributes["y"] = "it's"
    wanted.child("a", {}).child("e", {"name": "n"})
    wanted.child("f", {}, ("a",))
    wanted.child("g", {}).child("h", {})
    assert (
        edited(_DOMAIN.encode(), [(root, wanted)], {}).decode()
        == """\
<domain>
  <a>
    <e name='n'/>
  </a>
  <f/>
  <b x='1'>
    <c/>
    <d y='it&apos;s'/> <!-- c -->
  </b>
  <g>
    <h/>
  </g>
</domain>
"""
    )


def test_a_document_of_one_line_stays_one() -> None:
    """And keeps its quotes."""
    text = '<domain><a x="1"/></domain>'
    root = read_xml(text, "x")
    wanted = Wanted(name="domain")
    wanted.child("a", {}).attributes["y"] = "<&"
    wanted.child("{urn:q}b", {}).child("{urn:q}c", {})
    made = edited(text.encode(), [(root, wanted)], {"urn:q": "q"})
    assert b'<domain><a x="1" y="&lt;&amp;"/><q:b><q:c/></q:b></domain>' == made


def test_an_element_in_the_middle_of_a_line_is_filled_there() -> None:
    """Whether it is empty, or has a text, or only blanks."""
    wanted = Wanted(name="d")
    for name in ("a", "b", "c"):
        wanted.child(name, {}).child("x", {}).child("y", {})
    text = "<d><a/><b>text</b><c> \n </c></d>"
    made = edited(text.encode(), [(read_xml(text, "x"), wanted)], {}).decode()
    filled = "<x><y/></x>"
    assert f"<d><a>{filled}</a><b>text{filled}</b><c>{filled}</c></d>" == made


def test_an_element_closes_by_the_name_that_it_has() -> None:
    """Whatever prefix its document has for the namespace, or none."""
    for text, name, closed in (
        ("<o:d xmlns:o='urn:q'/>", "{urn:q}d", "<o:d xmlns:o='urn:q'>\n  <q:c/>\n</o:d>"),
        ("<d xmlns='urn:q'/>", "{urn:q}d", "<d xmlns='urn:q'>\n  <q:c/>\n</d>"),
    ):
        wanted = Wanted(name=name)
        wanted.child("{urn:q}c", {})
        made = edited(text.encode(), [(read_xml(text, "x"), wanted)], {"urn:q": "q"})
        assert closed == made.decode()


def test_what_says_it_already_stays_as_it_is_written() -> None:
    """Its quotes too, which need not be those that most of its document has."""
    text = "<a x=\"1\" y='2' z='3'/>"
    wanted = Wanted(name="a", attributes={"x": "1", "y": "4"})
    assert b"<a x=\"1\" y='4' z='3'/>" == edited(text.encode(), [(read_xml(text, "x"), wanted)], {})


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("<a/>", '"&apos;'),
        ("<a x='1'/>", '"&apos;'),
        ('<a x="1"/>', "&quot;'"),
        ("<a x='1' y=\"2\"/>", '"&apos;'),
    ],
)
def test_a_value_is_quoted_as_most_of_its_document_are(text: str, quoted: str) -> None:
    """By apostrophes as libvirt does where neither is used more; the other needs no escape."""
    wanted = Wanted(name="a", attributes={"z": "\"'&<>\n\t\r"})
    made = edited(text.encode(), [(read_xml(text, "x"), wanted)], {})
    quote = '"' if quoted.startswith("&") else "'"
    assert f" z={quote}{quoted}&amp;&lt;>&#10;&#9;&#13;{quote}/>" in made.decode()
    assert "\"'&<>\n\t\r" == read_xml(made, "x").attributes["z"]


def test_a_wanted_child_is_told_by_its_name_and_by_what_tells_it() -> None:
    """The same is one, another is another; one that is made anyway is nobody's like."""
    wanted = Wanted(name="d")
    first = wanted.child("a", {"name": "x"})
    assert first is wanted.child("a", {"name": "x"})
    assert first is not wanted.child("a", {"name": "y"})
    assert first is not wanted.child("b", {"name": "x"})
    fresh = Wanted(name="c", by={"name": "x"}, fresh=True)
    wanted.children.append(fresh)
    assert fresh is not wanted.child("c", {"name": "x"})


def test_what_is_fresh_is_made_even_where_its_like_is() -> None:
    """Arguments of a command line: each counts, in its order."""
    text = "<d><a v='1'/></d>"
    wanted = Wanted(name="d", children=[Wanted(name="a", by={"v": "1"}, fresh=True)] * 2)
    made = edited(text.encode(), [(read_xml(text, "x"), wanted)], {})
    assert b"<d><a v='1'/><a v='1'/><a v='1'/></d>" == made


def test_what_a_document_calls_a_namespace_is_known() -> None:
    """By its prefix, in either quote."""
    text = b"<d xmlns:a='urn:a' xmlns:b = \"urn:b\" xmlnsc='no'/>"
    assert {"a": "urn:a", "b": "urn:b"} == namespaces(text, read_xml(text, "x"))


def test_what_xml_cannot_hold_is_refused() -> None:
    """A control character has no escape there."""
    root = read_xml("<a/>", "x")
    with pytest.raises(pa.UsageError, match="XML cannot hold") as caught:
        edited(b"<a/>", [(root, Wanted(name="a", attributes={"x": "\x01"}))], {})
    assert "xml-character" == caught.value.code
