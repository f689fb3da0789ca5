"""Attributes and elements put into the text of an XML document, all the rest to the byte as it was.

Nothing is parsed and written again: only what is new is inserted, indented as its neighbours are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from platform_abi.errors import UsageError, printable
from platform_abi.model.value import define, field
from platform_abi.model.xml_tree import Element

#: A start tag, up to where another attribute can stand; then its end.
_TAG = re.compile(
    rb"""<[^\s/>]+(?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*(?P<end>\s*/?>)""", re.DOTALL
)

_NAMESPACE = re.compile(rb"""\sxmlns:(?P<prefix>[^\s=]+)\s*=\s*(?P<name>"[^"]*"|'[^']*')""")

#: What an attribute of the document is quoted with.
_QUOTE = re.compile(rb"=\s*([\"'])")

#: By how much the first indented line is.
_STEP = re.compile(rb"\n([ \t]+)<")

#: What XML 1.0 cannot hold, escaped or not (section 2.2, Char).
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@define(kw_only=True, eq=False)
class Wanted:
    """An element that is to be there: *by* tells which one, *attributes* is what it is to have.

    *name* is as in ``Element``, ``{namespace}name``. *after* are the names of those that it stands
    behind where it is made, else the last. What is *fresh* is made even where its like is.
    """

    name: str
    by: Mapping[str, str] = field(factory=dict)
    attributes: dict[str, str] = field(factory=dict)
    children: list[Wanted] = field(factory=list)
    after: tuple[str, ...] = ()
    fresh: bool = False

    def child(self, name: str, by: Mapping[str, str], after: tuple[str, ...] = ()) -> Wanted:
        """Return the wanted child called *name* that is told by *by*, a new one if need be."""
        for child in self.children:
            if child.name == name and child.by == by and not child.fresh:
                return child
        self.children.append(Wanted(name=name, by=by, after=after))
        return self.children[-1]

    def is_wanted(self, element: Element) -> bool:
        """Return whether *element* is the one."""
        return element.name == self.name and self.by.items() <= element.attributes.items()


class _Edit(NamedTuple):
    """What stands from *start* to *end* becomes *text*."""

    start: int
    end: int
    text: bytes


def edited(
    data: bytes, wanted: Iterable[tuple[Element, Wanted]], prefixes: Mapping[str, str]
) -> bytes:
    """Return the document *data* in which each element has what is *wanted* of it.

    The elements are those of ``read_xml`` of *data*. *prefixes* are those of namespaces. Whoever
    wants an attribute that an element has already, with another value, gets another value.

    Raises UsageError (``xml-character``) for a value that XML cannot hold.
    """
    editor = _Editor(data=data, prefixes=prefixes)
    edits = [edit for element, want in wanted for edit in editor.edits(element, want)]
    out, position = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        out += [data[position : edit.start], edit.text]
        position = edit.end
    return b"".join([*out, data[position:]])


def namespaces(data: bytes, element: Element) -> dict[str, str]:
    """Return the namespaces that *element* of *data* declares, by their prefixes."""
    found = _NAMESPACE.finditer(_tag(data, element).group())
    return {mark["prefix"].decode(): mark["name"][1:-1].decode() for mark in found}


def _tag(data: bytes, element: Element) -> re.Match[bytes]:
    """Return the start tag of an element of *data*."""
    tag = _TAG.match(data, element.start)
    assert tag is not None  # noqa: S101 - expat has read it
    return tag


@define(kw_only=True, eq=False)
class _Editor:
    """A document that edits are worked out for."""

    data: bytes
    prefixes: Mapping[str, str]
    #: What the document quotes its attributes with, as libvirt does where it has none.
    quote: str = field(init=False)
    #: By how much it indents.
    step: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        used = [mark.group(1) for mark in _QUOTE.finditer(self.data)]
        self.quote = '"' if used.count(b'"') > used.count(b"'") else "'"
        indented = _STEP.search(self.data)
        self.step = b"  " if indented is None else indented.group(1)

    def edits(self, element: Element, want: Wanted) -> Iterator[_Edit]:
        """Yield what gives *element* what *want* says."""
        tag = _tag(self.data, element)
        yield from self._attributes(element, want, tag)
        made: dict[int, list[Wanted]] = {}
        for child in want.children:
            there = None if child.fresh else next(filter(child.is_wanted, element.children), None)
            if there is not None:
                yield from self.edits(there, child)
            else:
                made.setdefault(self._behind(element, child), []).append(child)
        if element.children:
            for position, children in made.items():
                yield self._beside(element.children[position], children)
        elif made:
            yield self._inside(
                element, want, tag, [child for each in made.values() for child in each]
            )

    def _attributes(self, element: Element, want: Wanted, tag: re.Match[bytes]) -> Iterator[_Edit]:
        new = {k: v for k, v in want.attributes.items() if element.attributes.get(k) != v}
        for name in [name for name in new if name in element.attributes]:
            written = re.compile(rb"\s" + name.encode() + rb"\s*=\s*(\"[^\"]*\"|'[^']*')")
            old = written.search(self.data, element.start, tag.start("end"))
            assert old is not None  # noqa: S101 - the element has it
            yield _Edit(old.start(1), old.end(1), self._quoted(new.pop(name)))
        yield _Edit(tag.start("end"), tag.start("end"), self._written(new))

    def _behind(self, element: Element, child: Wanted) -> int:
        """Return behind which of the children of *element* a new one stands."""
        places = [i for i, each in enumerate(element.children) if each.name in child.after]
        return places[-1] if places else len(element.children) - 1

    def _beside(self, neighbour: Element, children: Iterable[Wanted]) -> _Edit:
        indent = self._indent(neighbour)
        texts = [self._text(child, indent) for child in children]
        lead = b"" if indent is None else b"\n" + indent
        return _Edit(neighbour.end, neighbour.end, b"".join(lead + text for text in texts))

    def _inside(
        self, element: Element, want: Wanted, tag: re.Match[bytes], children: Iterable[Wanted]
    ) -> _Edit:
        """Return what puts *children* into an *element* that has none."""
        text = self._content(children, self._indent(element))
        if tag.group("end").endswith(b"/>"):
            close = b"</" + self._name(want.name, element) + b">"
            return _Edit(tag.start("end"), tag.end(), b">" + text + close)
        content = self.data[tag.end() : element.end].rpartition(b"</")[0]
        # Blanks alone go, as they indented nothing.
        start = tag.end() if not content.strip() else tag.end() + len(content)
        return _Edit(start, tag.end() + len(content), text)

    def _text(self, want: Wanted, indent: bytes | None) -> bytes:
        """Return a new element, whose first line has its *indent* already; None: all in one."""
        name = self._name(want.name)
        start = b"<" + name + self._written({**want.by, **want.attributes})
        if not want.children:
            return start + b"/>"
        return start + b">" + self._content(want.children, indent) + b"</" + name + b">"

    def _content(self, children: Iterable[Wanted], indent: bytes | None) -> bytes:
        """Return new children of an element that has *indent*, up to its end tag."""
        if indent is None:
            return b"".join(self._text(child, None) for child in children)
        inner = indent + self.step
        lines = [inner + self._text(child, inner) for child in children]
        return b"\n" + b"\n".join([*lines, indent])

    def _name(self, name: str, element: Element | None = None) -> bytes:
        if element is not None:  # as it calls itself
            return re.split(rb"[\s/>]", self.data[element.start + 1 : element.end], maxsplit=1)[0]
        namespace, _, local = name.rpartition("}")
        return (f"{self.prefixes[namespace[1:]]}:{local}" if namespace else local).encode()

    def _written(self, attributes: Mapping[str, str]) -> bytes:
        return b"".join(
            b" " + name.encode() + b"=" + self._quoted(value) for name, value in attributes.items()
        )

    def _quoted(self, value: str) -> bytes:
        if _IMPOSSIBLE.search(value):
            raise UsageError(
                f"XML cannot hold this value: {printable(repr(value))}", code="xml-character"
            )
        quote = self.quote
        escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "&#10;")
        escaped = escaped.replace("\t", "&#9;").replace("\r", "&#13;")
        escaped = escaped.replace(quote, "&quot;" if quote == '"' else "&apos;")
        return f"{quote}{escaped}{quote}".encode()

    def _indent(self, element: Element) -> bytes | None:
        """Return what stands before *element* on its line; None where that is no blank alone."""
        before = self.data[self.data.rfind(b"\n", 0, element.start) + 1 : element.start]
        return None if before.strip(b" \t") else before
