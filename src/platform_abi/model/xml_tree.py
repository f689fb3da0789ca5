"""An XML document as a tree in which every element knows its place in the text.

Read by expat alone, and without a document type: no entity is defined or fetched, so that a small
text stays small, and no file is opened but the one that somebody named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers import expat

from platform_abi.errors import UsageError, printable
from platform_abi.model.value import define, field, frozen

#: No document that people have is as deep.
_DEEPEST = 64

#: What expat puts between a namespace and a name of it.
_SEPARATOR = "\n"


@frozen(kw_only=True)
class Element:
    """One element: what it says, and where it stands.

    *name* is as it is without a prefix; one of a namespace is ``{namespace}name``, as is that of an
    attribute. *text* is what stands directly in it, without the space around. *line* counts from 1;
    *start* and *end* are offsets in bytes, of its ``<`` and behind its last ``>``.
    """

    name: str
    line: int
    start: int
    end: int
    attributes: Mapping[str, str] = field(factory=dict)
    children: tuple[Element, ...] = ()
    text: str = ""

    def named(self, name: str) -> Iterator[Element]:
        """Yield the children called *name*."""
        return (child for child in self.children if child.name == name)

    def first(self, path: str) -> Element | None:
        """Return the first element at *path*, names with slashes between them; None: there is none.

        An empty path is this one.
        """
        here: Element | None = self
        for name in filter(None, path.split("/")):
            here = None if here is None else next(here.named(name), None)
        return here

    def get(self, path: str) -> str | None:
        """Return what *path* says: ``os/type/@arch`` an attribute, ``name`` an element's text."""
        places, at, attribute = path.rpartition("@")
        found = self.first(places if at else path)
        if found is None:
            return None
        return found.attributes.get(attribute) if at else found.text


def read_xml(text: str | bytes, name: str) -> Element:
    """Return the root of the XML document *text*, which errors call *name*.

    Raises UsageError (``xml-syntax``) where it is none, with the place, and (``xml-refused``) for a
    document type, which entities are defined in, and for one that is nested too deeply.
    """
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    if b"\0" in data:  # nor is it in an encoding in which a tag is more than its ASCII
        raise UsageError(f"{printable(name)}: not XML: NUL in it", code="xml-syntax")
    reading = _Reading(data=data, name=name, encoding="utf-8" if isinstance(text, str) else None)
    return reading.root()


@define(kw_only=True, eq=False, repr=False)
class _Open:
    name: str
    line: int
    start: int
    attributes: dict[str, str]
    children: list[Element] = field(factory=list)
    text: list[str] = field(factory=list)


@define(kw_only=True, eq=False, repr=False)
class _Reading:
    """A document that is being read."""

    data: bytes
    name: str
    encoding: str | None
    open: list[_Open] = field(factory=list)
    done: Element | None = None
    parser: Any = None

    def root(self) -> Element:
        self.parser = expat.ParserCreate(self.encoding, namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse
        try:
            self.parser.Parse(self.data, True)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code)
            place = f"{printable(self.name)}:{error.lineno}:{error.offset + 1}"
            raise UsageError(f"{place}: not XML: {said}", code="xml-syntax") from None
        except UsageError:
            raise
        except (LookupError, ValueError) as error:  # an encoding that nobody knows
            message = f"{printable(self.name)}: not XML: {error}"
            raise UsageError(message, code="xml-syntax") from None
        assert self.done is not None  # noqa: S101 - expat refuses a document without a root
        return self.done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) == _DEEPEST:
            raise self._refused(f"more than {_DEEPEST} elements inside of each other")
        self.open.append(
            _Open(
                name=_named(name),
                line=self.parser.CurrentLineNumber,
                start=self.parser.CurrentByteIndex,
                attributes={_named(key): value for key, value in attributes.items()},
            )
        )

    def _end(self, _name: str) -> None:
        one = self.open.pop()
        element = Element(
            name=one.name,
            line=one.line,
            start=one.start,
            end=self._behind(one.start),
            attributes=one.attributes,
            children=tuple(one.children),
            text="".join(one.text).strip(),
        )
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.done = element

    def _characters(self, text: str) -> None:
        if self.open:
            self.open[-1].text.append(text)

    def _behind(self, start: int) -> int:
        """Return the offset behind the element that begins at *start* and ends here."""
        opened = self._behind_tag(start)
        if self.data[start:opened].endswith(b"/>"):
            return opened
        return self._behind_tag(self.parser.CurrentByteIndex)

    def _behind_tag(self, at: int) -> int:
        """Return the offset behind the tag that begins at *at*: a ``>`` may stand in quotes."""
        quote = 0
        while at < len(self.data):
            byte = self.data[at]
            at += 1
            if quote:
                quote = 0 if byte == quote else quote
            elif byte in b"\"'":
                quote = byte
            elif byte == ord(">"):
                break
        return at

    def _refuse(self, *_: object) -> None:
        raise self._refused("it has a document type, which could define entities")

    def _refused(self, reason: str) -> UsageError:
        return UsageError(
            f"{printable(self.name)}:{self.parser.CurrentLineNumber}: refused: {reason}",
            code="xml-refused",
            help="take the document as libvirt writes it: virsh dumpxml NAME",
        )


def _named(name: str) -> str:
    """Return a name as expat tells it, as ``{namespace}name``."""
    namespace, separator, local = name.rpartition(_SEPARATOR)
    return f"{{{namespace}}}{local}" if separator else name
