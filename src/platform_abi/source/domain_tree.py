"""A domain XML that remembers what of it was read: what was not is said, never dropped."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from types import MappingProxyType

from platform_abi.errors import UsageError, printable
from platform_abi.model.value import define, field
from platform_abi.model.xml_tree import Element
from platform_abi.source.reading import Unread

#: One step of a path: a name, and perhaps an attribute that the element has to have.
_STEP = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<key>[\w-]+)=(?P<value>[^\]]+)\])?")

#: What is read of an element that is neither an attribute's name.
_TEXT, _ITSELF = "#text", "#itself"

#: How libvirt says what QEMU's booleans are called.
_BOOLEANS = {"yes": "on", "no": "off"}
_WORDS = {"on": "yes", "off": "no"}

#: How a size is written: in how many bytes, and what follows.
_SIZES = {"size": (1, ""), "K": (1024, "K"), "k": (1024, "k")}

_HEX = re.compile(r"0[xX][0-9a-fA-F]+")

_NONE: Mapping[str, str] = MappingProxyType({})

#: libvirt's units of memory in bytes (src/util/virutil.c, virScaleInteger).
_UNITS = {
    "b": 1, "bytes": 1, "KB": 10**3, "k": 2**10, "KiB": 2**10, "MB": 10**6, "M": 2**20,
    "MiB": 2**20, "GB": 10**9, "G": 2**30, "GiB": 2**30, "TB": 10**12, "T": 2**40, "TiB": 2**40,
}  # fmt: skip


@define(kw_only=True, eq=False, repr=False)
class DomainTree:
    """A document, and which pieces of it were read so far."""

    root: Element
    name: str
    _read: set[tuple[int, str]] = field(factory=set)

    def find(self, element: Element, path: str) -> Element | None:
        """Return the first element at *path* below *element*: it and those above it are read."""
        here = element
        for step in _steps(path):
            found = _child(here, step)
            if found is None:
                return None
            here = found
            self.mark(here, _ITSELF)
            if step["key"] is not None:
                self.mark(here, step["key"])
        return here

    def get(self, element: Element, path: str) -> str | None:
        """Return what *path* says below *element*, an attribute or a text; None where nothing is.

        What says it is read. ``yes`` and ``no`` are on and off.
        """
        place, at, attribute = path.rpartition("@")
        found = self.find(element, place.rstrip("/") if at else path)
        if found is None or (at and attribute not in found.attributes):
            return None
        self.mark(found, _ITSELF)
        self.mark(found, attribute if at else _TEXT)
        text = found.attributes[attribute] if at else found.text
        return _BOOLEANS.get(text, text)

    def told(self, element: Element, said: str, values: Mapping[str, str] = _NONE) -> str | None:
        """Return what QEMU is told of what *said* says below *element*; None where nothing is.

        *said* is a path, and perhaps how its text is written otherwise, behind a bar. Of *values*
        it has to be one: another is not read.
        """
        path, _, how = said.partition("|")
        text = self.get(element, path)
        if text is None:
            return None
        if not values:
            place = path.rpartition("@")[0].rstrip("/") if "@" in path else path
            return self._written(text, how, self.find(element, place))
        value = values.get(text, values.get(_WORDS.get(text, "")))
        if value is None:
            self.unread_again(element, path)
        return value

    def _written(self, text: str, how: str, element: Element | None) -> str:
        if how == "there":
            return "on"
        if how in _SIZES and element is not None:
            step, ending = _SIZES[how]
            return f"{self.size(element) // step}{ending}"
        try:
            return _number(text, how)
        except ValueError:  # for libvirt to judge
            return text

    def size(self, element: Element) -> int:
        """Return what a size in *element* is in bytes: KiB where it names no unit.

        Raises UsageError (``domain-invalid``) for what is none.
        """
        return self.bytes_of(element, self.get(element, "") or "", self.get(element, "@unit"))

    def bytes_of(self, element: Element, text: str, unit: str | None) -> int:
        """Return what a size that *element* says is in bytes; raises UsageError for none."""
        unit = unit or "KiB"
        if not (text.isdecimal() and text.isascii() and unit in _UNITS):
            raise UsageError(
                f"{self.name}:{element.line}: expected a size, found '{printable(text[:20])}"
                f" {printable(unit[:8])}'",
                code="domain-invalid",
                help=f"a whole number, with unit= one of {', '.join(_UNITS)}",
            )
        return int(text) * _UNITS[unit]

    def unread_again(self, element: Element, path: str) -> None:
        """Note that what *path* says below *element* is not read after all."""
        place, at, attribute = path.rpartition("@")
        found = self.find(element, place.rstrip("/") if at else path)
        if found is not None:
            self.unmark(found, attribute if at else "")

    def peek(self, element: Element, path: str) -> str:
        """Return what ``get`` does and leave it unread; empty where nothing is."""
        place, at, attribute = path.rpartition("@")
        here: Element | None = element
        for step in _steps(place.rstrip("/") if at else path):
            here = None if here is None else _child(here, step)
        if here is None:
            return ""
        text = here.attributes.get(attribute, "") if at else here.text
        return _BOOLEANS.get(text, text)

    def fits(self, element: Element, when: Mapping[str, str]) -> bool:
        """Return whether every path of *when* says what it has to, be it nothing."""
        said = ((self.peek(element, path), wanted) for path, wanted in when.items())
        return all(
            bool(text) == bool(wanted) and fnmatchcase(text, wanted) for text, wanted in said
        )

    def mark(self, element: Element, what: str = _ITSELF) -> None:
        """Note that a piece of an element is read."""
        self._read.add((element.start, what))

    def unmark(self, element: Element, attribute: str) -> None:
        """Note that an attribute, or a text for an empty name, is not read after all."""
        self._read.discard((element.start, attribute or _TEXT))

    def take_whole(self, element: Element) -> None:
        """Note that an element is read with all that is in it."""
        self.mark(element)
        self.mark(element, _TEXT)
        for key in element.attributes:
            self.mark(element, key)
        for child in element.children:
            self.take_whole(child)

    def unread(self, unseen: Sequence[str], containers: Container[str]) -> Iterator[Unread]:
        """Yield what was not read, but for paths of *unseen*: what only the host can tell.

        *containers* are elements that say nothing by themselves.
        """
        self.mark(self.root)
        yield from self._of(self.root, "", _any_of(tuple(unseen)), containers)

    def _of(
        self, element: Element, path: str, unseen: re.Pattern[str], containers: Container[str]
    ) -> Iterator[Unread]:
        if path and unseen.fullmatch(path):
            return
        place = f"line {element.line}"
        if (element.start, _ITSELF) not in self._read and path not in containers:
            reason = "is unknown here, and so is what it is to the guest"
            yield Unread(what=_below(path), place=place, reason=reason)
            return
        for key in element.attributes:
            called = f"{path}/@{key}".lstrip("/")
            if (element.start, key) not in self._read and not unseen.fullmatch(called):
                yield Unread(what=_below(called), place=place, reason="is not read")
        if element.text and not element.children and (element.start, _TEXT) not in self._read:
            yield Unread(what=_below(path), place=place, reason="what it says is not read")
        for child in element.children:
            yield from self._of(child, f"{path}/{child.name}".lstrip("/"), unseen, containers)


def _below(path: str) -> str:
    """Return what a piece is called: a name alone would not tell that it is a path."""
    return path if "/" in path else f"domain/{path}"


def _number(text: str, how: str) -> str:
    """Return a number written otherwise; raises ValueError for what is none."""
    if how == "base16":
        return str(int(text, 16))
    if how == "0x":
        return f"{int(text, 0):#x}"
    if how:
        number = int(text, 0)
        return str(number * int(how[1:]) if how[0] == "*" else number // int(how[1:]))
    return str(int(text, 16)) if _HEX.fullmatch(text) else text


@lru_cache(maxsize=8)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[re.Match[str], ...]:
    """Return the steps of a path of the table, or of this code."""
    return tuple(match for step in path.split("/") if (match := _STEP.fullmatch(step)) is not None)


def _child(element: Element, match: re.Match[str]) -> Element | None:
    for child in element.named(match["name"]):
        if match["key"] is None or child.attributes.get(match["key"]) == match["value"]:
            return child
    return None
