"""The tokens of QEMU's JSON, read from a stream as it comes (``qobject/json-lexer.c``).

No pattern here repeats a group or is possessive: the former costs memory for each repetition, the
latter matches what it should not before CPython 3.11.5.
"""

from __future__ import annotations

import re
from typing import Final

_SPACE = re.compile(rb"[ \t\r\n]*")

#: The usual tokens whole, with what shows that a word or a number has ended.
_TOKEN = re.compile(
    rb"[{}\[\],:]"
    rb'|"[^"\\\x00-\x1f\xfe\xff]*"'
    rb"|(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|[a-z]+)(?=[\s,:\]}])"
)

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset(b"-0123456789")
_BACKSLASH: Final = ord("\\")

#: What decides how a string goes on, by its quote: the end, an escape, or what may not be in it.
_STOPS: dict[int, re.Pattern[bytes]] = {
    ord('"'): re.compile(rb'["\\\x00-\x1f\xfe\xff]'),
    ord("'"): re.compile(rb"['\\\x00-\x1f\xfe\xff]"),
}

#: The same after a backslash: what it may not escape.
_NO_ESCAPE = re.compile(rb"[\x00-\x1f\xfe\xff]")

#: What has begun and may go on in what is not read yet.
_RUNS: dict[int, re.Pattern[bytes]] = {
    **dict.fromkeys(_DIGITS, re.compile(rb"[-+.0-9eE]*")),
    **dict.fromkeys(_LETTERS, re.compile(rb"[a-z]*")),
}

#: RFC 8259's, but that an exponent may not follow a bare zero.
_NUMBER = re.compile(
    rb"-?(?:0(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?)?|[1-9][0-9]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"
)

#: Where QEMU's automaton leaves a number for an error, the offending byte included.
_BAD_NUMBER = re.compile(
    rb"-[^0-9]|-?0[0-9]|-?(?:0|[1-9][0-9]*)\.[^0-9]"
    rb"|-?(?:0\.[0-9]+|[1-9][0-9]*(?:\.[0-9]+)?)[eE](?:[-+][^0-9]|[^-+0-9])",
    re.DOTALL,
)

#: What is passed over after an error: up to a structural or control character, or FE or FF.
_RECOVERY = re.compile(rb"[^\x00-\x08\x0a-\x1f{}\[\],:\xfe\xff]*")

#: Where a token begins and ends, and its kind: the structural character itself, ``"`` for a string,
#: ``0`` for a number, ``a`` for a word, and nothing for what is no token.
Token = tuple[int, int, bytes]

_KINDS: dict[int, bytes] = {
    **{byte: bytes((byte,)) for byte in b"{}[],:"},
    **dict.fromkeys(_STOPS, b'"'),
    **dict.fromkeys(_DIGITS, b"0"),
    **dict.fromkeys(_LETTERS, b"a"),
}


class Lexer:
    """A stream and how far it was read; the same tokens however it is cut.

    What is longer than *longest* bytes and has no end yet is no token.
    """

    def __init__(self, longest: int) -> None:
        self.data = bytearray()
        #: Up to where tokens were read.
        self.at = 0
        self._longest = longest
        #: Up to where one that has begun was looked at: a string may come in many pieces.
        self._seen = 0
        self._recovering = False

    def forget(self, count: int) -> None:
        """Drop the first *count* bytes, none of which is needed any more."""
        del self.data[:count]
        self.at -= count
        self._seen = max(self._seen - count, 0)

    def next(self) -> Token | None:
        """Return the next token, or None where it is not all there."""
        data = self.data
        if self._recovering:
            self.at = _end(_RECOVERY, data, self.at)
            if self.at == len(data):
                return None
            self._recovering = False
        if not self._seen:
            begin = self.at = _end(_SPACE, data, self.at)
            usual = _TOKEN.match(data, begin)
            if usual is not None:
                self.at = usual.end()
                return begin, self.at, _KINDS[data[begin]]
            if begin == len(data):
                return None
        return self._unusual()

    def _unusual(self) -> Token | None:
        """Return a token that stands at the end of what is there, or is none, or is rare."""
        data, begin = self.data, self.at
        first = data[begin]
        if first in _STOPS:
            return self._string(_STOPS[first])
        run = _RUNS.get(first)
        if run is None:
            return self._no_token(begin + 1)
        end = _end(run, data, max(self._seen, begin + 1))
        if end == len(data):
            return self._unfinished(end)
        if first in _DIGITS:
            bad = _BAD_NUMBER.match(data, begin)
            if bad is not None:
                return self._no_token(bad.end())
            end = _end(_NUMBER, data, begin)
        return self._took(end)

    def _string(self, stops: re.Pattern[bytes]) -> Token | None:
        data, begin = self.data, self.at
        at = max(self._seen, begin + 1)
        while (stop := stops.search(data, at)) is not None:
            at = stop.end()
            if data[at - 1] == data[begin]:
                return self._took(at)
            if data[at - 1] != _BACKSLASH:
                return self._no_token(at)
            if at == len(data):
                return self._unfinished(at - 1)
            at += 1
            if _NO_ESCAPE.match(data, at - 1):
                return self._no_token(at)
        return self._unfinished(len(data))

    def _unfinished(self, seen: int) -> Token | None:
        self._seen = seen
        return self._no_token(seen) if seen - self.at > self._longest else None

    def _took(self, end: int) -> Token:
        begin, self.at, self._seen = self.at, end, 0
        return begin, end, _KINDS[self.data[begin]]

    def _no_token(self, end: int) -> Token:
        begin, self.at, self._seen = self.at, end, 0
        self._recovering = True
        return begin, end, b""


def _end(pattern: re.Pattern[bytes], data: bytearray, at: int) -> int:
    """Return where *pattern*, which matches nothing as well, ends that is matched at *at*."""
    match = pattern.match(data, at)
    assert match is not None  # noqa: S101 - it matches nothing as well
    return match.end()
