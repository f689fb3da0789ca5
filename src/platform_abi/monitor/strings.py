r"""Strings of QEMU's JSON: what is one, and the same text as RFC 8259 has it.

QEMU reads more than RFC 8259: strings in single quotes, ``\'`` in both kinds, and NUL as the bytes
C0 80. It reads less: no lone surrogate and no noncharacter (``qobject/json-parser.c``,
``parse_string``, and ``util/unicode.c``, ``is_valid_codepoint``).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

#: NUL in the modified UTF-8 that QEMU reads and writes.
_NUL = b"\xc0\x80"

_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_SIMPLE = frozenset(b"\"'\\/bfnrt")
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_LEADING, _TRAILING, _PAST_SURROGATES = 0xD800, 0xDC00, 0xE000

#: U+FDD0 to U+FDEF, and the last two of every plane.
_NONCHARACTERS = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)


def string_fault(token: bytes) -> str | None:
    """Return in QEMU's words what is first wrong in *token*, quotes included, or None."""
    wrong = _escape_fault(token) if b"\\" in token else None
    before = token if wrong is None else token[: wrong[0]]
    if not before.isascii() and not _is_text(before):
        return "invalid UTF-8 sequence in string"
    return None if wrong is None else wrong[1]


def _is_text(said: bytes) -> bool:
    try:
        return not _NONCHARACTERS.search(said.replace(_NUL, b"\0").decode())
    except UnicodeDecodeError:
        return False


def _escape_fault(token: bytes) -> tuple[int, str] | None:
    """Return where the first escape is that is wrong, and what QEMU says of it."""
    at = 0
    while escape := _ESCAPE.search(token, at):
        at = escape.end()
        if escape[1] != b"u":
            if escape[1][0] not in _SIMPLE:
                return escape.start(), "invalid escape sequence in string"
            continue
        begin = escape.start()
        at = begin + 6
        point = _unit(token, begin)
        if _LEADING <= point < _TRAILING and token[at : at + 2] == b"\\u":
            low = _unit(token, at)
            point = -1
            if _TRAILING <= low < _PAST_SURROGATES:
                point = 0x10000 + ((_unit(token, begin) & 0x3FF) << 10 | (low & 0x3FF))
                at += 6
        surrogate = _LEADING <= point < _PAST_SURROGATES
        if point < 0 or surrogate or _NONCHARACTERS.match(chr(point)):
            said = token[begin:at].decode("utf-8", "replace")
            return begin, f"{said} is not a valid Unicode character"
    return None


def _unit(token: bytes, at: int) -> int:
    r"""Return the number of the ``\uXXXX`` at *at*, or -1 where there are no four digits."""
    digits = _HEX.match(token, at + 2)
    return int(digits[0], 16) if digits else -1


def shown(token: bytes) -> str:
    """Return bytes as QEMU shows them in an error, as far as a C string goes.

    What is no character becomes U+FFFD (``mod_utf8_codepoint`` in ``util/unicode.c``).
    """
    said = token.partition(b"\0")[0].replace(_NUL, b"\0")
    text = _SURROGATE.sub(_REPLACEMENT, said).decode("utf-8", "replace")
    return _NONCHARACTERS.sub("\ufffd", text)


#: What would be one if UTF-8 had them: three bytes that QEMU takes together.
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_REPLACEMENT = "\ufffd".encode()


def plain(token: bytes) -> bytes:
    """Return what the valid string *token* says, in UTF-8: what two keys are compared by."""
    if b"\\" not in token:
        return token[1:-1].replace(_NUL, b"\0")
    said: str = json.loads(standard(token))
    return said.encode()


def standard(text: bytes) -> bytes:
    """Return valid JSON of QEMU's as RFC 8259 has it, byte for byte the same where it is that."""
    if b"'" not in text and _NUL not in text:
        return text
    opened = b""

    def part(match: re.Match[bytes]) -> bytes:
        nonlocal opened
        said = match[0]
        if said not in _QUOTES:
            return _OTHERWISE.get(said, said)
        if opened and said != opened:
            return b'\\"' if said == b'"' else said
        opened = b"" if opened else said
        return b'"'

    return _PARTS.sub(part, text)


#: What may have to be said otherwise: an escape, NUL, and quotes.
_PARTS = re.compile(rb"\\.|\xc0\x80|[\"']", re.DOTALL)
_OTHERWISE = {_NUL: b"\\u0000", b"\\'": b"'"}
_QUOTES = frozenset((b'"', b"'"))


def decoded(text: bytes) -> Any:
    """Return the value of valid JSON of QEMU's as plain data.

    Raises RecursionError for what is nested deeper than Python's own reader goes.
    """
    return json.loads(standard(text), parse_int=_integer)


def _integer(digits: str) -> int | float:
    """Return the number, as a double, like QEMU, where Python may refuse so many digits."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


#: Shorter than any limit that sys.set_int_max_str_digits takes.
_LONGEST_INTEGER: Final = 640
