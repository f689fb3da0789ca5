"""What mail, web pages, YAML, JSON and logs make of a message, undone.

Whatever is undone keeps each line's end, so that a place in the text has the line that it had.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

#: Typographic quotes, and spaces that do not break.
_CHARACTERS = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u2032": "'", "\u00b4": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u201f": '"', "\u2033": '"', "\u00ab": '"',
        "\u00bb": '"', "\u00a0": " ", "\u202f": " ", "\u2007": " ", "\u2010": "-", "\u2011": "-",
        "\u200b": None, "\u200c": None, "\u200d": None, "\u00ad": None, "\ufeff": None,
    }
)  # fmt: skip

#: Strings in JSON and in Python, also one inside another; and what syslog daemons escape.
_ESCAPED = re.compile(
    r"\\{1,8}(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrt'\"/]))|#0(1[0-57]|09|33)"
)

#: Quoted-printable: what is not ASCII, and the sign that it escapes with.
_QUOTED_PRINTABLE = re.compile(r"=3D|=20(?=\r?\n)|(?:=[89A-F][0-9A-F]){2,4}")

_SOFT_BREAK = re.compile(r"(?<!=)=\r?\n")

_ENTITY = re.compile(r"&(?:#[0-9]{1,6}|#[xX][0-9a-fA-F]{1,5}|[a-z]{2,6});")

#: Marks of a web page around words; what they say is nothing.
_TAG = re.compile(r"</?(?:p|br|code|pre|span|div|b|i|em|strong|li|ul|tt|a)(?: [^<>\n]{0,200})?/?>")

#: What the journal and syslog put before a line, unless it is QEMU's own name.
_JOURNAL = re.compile(
    r"^[>| \t]{0,40}"
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,16}) "
    r"[^\s:]{1,64} (?!qemu|kvm)[^\s:\[\]]{1,64}(?:\[\d{1,9}\])?: ",
    re.MULTILINE,
)

#: What is cut off at once, in characters, at a line's end where there is one.
_PIECE = 1 << 18


def restored(texts: Iterable[str]) -> Iterator[str]:
    """Yield what *texts* are pieces of, with messages as they were printed, in other pieces."""
    held = ""
    for text in texts:
        for at in range(0, len(text), _PIECE):
            held += text[at : at + _PIECE]
            if len(held) >= _PIECE:
                end = _end_of_lines(held)
                yield _restored(held[:end])
                held = held[end:]
    yield _restored(held)


def _end_of_lines(text: str) -> int:
    """Return where *text* can be cut: behind a line that is whole, else anywhere."""
    end = text.rfind("\n") + 1
    while end and text.endswith(("=\n", "=\r\n"), 0, end):
        end = text.rfind("\n", 0, end - 1) + 1
    return end or len(text)


def _restored(text: str) -> str:
    if "=" in text:
        text = _unbroken(text)
        text = _QUOTED_PRINTABLE.sub(_from_quoted_printable, text)
    if "&" in text:
        # Web pages escape what is escaped already.
        text = _ENTITY.sub(_from_entity, _ENTITY.sub(_from_entity, text))
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "\\" in text or "#0" in text:
        text = _ESCAPED.sub(_from_escape, text)
    if not text.isascii():
        text = text.translate(_CHARACTERS)
    # YAML and SQL double a quote that they quote.
    return _JOURNAL.sub("", text.replace("''", "'"))


def _unbroken(text: str) -> str:
    """Undo quoted-printable's soft breaks: the broken word ends on the line on which it began."""
    first, *others = _SOFT_BREAK.split(text)
    parts = [first]
    ends = 0
    for other in others:
        ends += 1
        word = _WORD.match(other)
        head = len(other) if word is None else word.end()
        parts.append(other[:head])
        if head < len(other):
            parts += ["\n" * ends, other[head:]]
            ends = 0
    return "".join([*parts, "\n" * ends])


_WORD = re.compile(r"\S*")


def _from_quoted_printable(match: re.Match[str]) -> str:
    data = bytes.fromhex(match[0].replace("=", ""))
    return data.decode("utf-8", "replace")


def _from_entity(match: re.Match[str]) -> str:
    return _in_line(html.unescape(match[0]))


def _from_escape(match: re.Match[str]) -> str:
    wide, narrow, letter, octal = match.groups()
    if letter is not None:
        return " " if letter in "nrt" else letter
    return _in_line(chr(int(octal, 8) if octal else int(wide or narrow, 16)))


def _in_line(character: str) -> str:
    """Return *character*, a space for one that would end a line or is no character."""
    return character if character.isprintable() else " "
