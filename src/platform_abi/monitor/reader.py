"""JSON as QEMU reads it from a QMP client: a stream without any framing but its own braces.

A message ends with the brace that closes it; a newline is not needed. What is no JSON is answered
by an error, and reading goes on at the next structural or control character, so that a client can
bring a monitor back into a known state with a byte FF (docs/interop/qmp-spec.rst). Where messages
begin and end, what is refused and how much is too much are QEMU's own rules: the grammar from
``qobject/json-parser.c``, limits from ``json-streamer.c``. The words of errors are those of
QEMU 11.1, without the position in its stream.

Nothing is decoded here: a message is its bytes, with the place of each of its members.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from platform_abi.model.value import frozen
from platform_abi.monitor.lexer import Lexer
from platform_abi.monitor.strings import plain, shown, string_fault


@frozen(kw_only=True)
class Limits:
    """What is taken in one message: bytes, tokens, and how deep it may nest."""

    size: int
    tokens: int
    nesting: int


#: QEMU's own (``qobject/json-streamer.c``).
QEMU_LIMITS: Final = Limits(size=64 << 20, tokens=2 << 20, nesting=1 << 10)

#: A client's. QEMU reads its monitor byte by byte, 3 to 6 us each, and hears nobody else meanwhile.
CLIENT_LIMITS: Final = Limits(size=256 << 10, tokens=32 << 10, nesting=1 << 10)


@frozen(kw_only=True)
class Message:
    """One JSON value of a stream: its bytes, and of an object where the value of each member is."""

    text: bytes
    #: By key, as UTF-8; None where the value is no object.
    members: Mapping[bytes, tuple[int, int]] | None

    def member(self, key: bytes) -> bytes | None:
        """Return the bytes of the value of member *key*, or None where there is none."""
        place = None if self.members is None else self.members.get(key)
        return None if place is None else self.text[place[0] : place[1]]


@frozen(kw_only=True)
class Fault:
    """What stands in a stream and QEMU would not take, in its words."""

    desc: str


_TOO_LARGE: Final = "JSON token size limit exceeded"
_KEYWORDS = frozenset((b"true", b"false", b"null"))
_NO_VALUE = frozenset((b"}", b"]", b",", b":"))

#: What may come next, by its place among the methods that take it.
_VALUE, _VALUE_OR_END, _KEY, _KEY_OR_END, _COLON, _NEXT_IN_DICT, _NEXT_IN_LIST = range(7)

#: QEMU's words where something else comes.
_REFUSED = (
    *("expecting value", "expecting value", "expecting key", "expecting key", "expecting ':'"),
    *("expected ',' or '}'", "expected ',' or ']'"),
)


class _Grammar:
    """One message while its tokens come: what may follow, and where the members are."""

    __slots__ = ("_data", "_expect", "_keys", "_open", "_value_at", "members", "start")

    def __init__(self, data: bytearray, start: int) -> None:
        self._data = data
        #: Where it begins in the stream; the places of members count from there.
        self.start = start
        self._expect = _VALUE
        #: For each container that is open its keys, or None for an array, and the key that came.
        self._open: list[set[bytes] | None] = []
        self._keys: list[bytes] = []
        #: Where the value of a member of the message itself began.
        self._value_at = 0
        self.members: dict[bytes, tuple[int, int]] | None = None

    def take(self, begin: int, end: int, kind: bytes) -> str | None:
        """Take a token, and return why it may not stand here, or None where it may."""
        if kind == b'"' and self._expect <= _KEY_OR_END:
            token = self._data[begin:end]
            if b"\\" in token or not token.isascii():
                fault = string_fault(bytes(token))
                if fault is not None:
                    return fault
        return _TAKES[self._expect](self, begin, end, kind)

    def _colon(self, _begin: int, _end: int, kind: bytes) -> str | None:
        self._expect = _VALUE
        return None if kind == b":" else _REFUSED[_COLON]

    def _next_in_dict(self, _begin: int, end: int, kind: bytes) -> str | None:
        if kind == b"}":
            return self._close(end)
        if kind == b",":
            self._expect = _KEY
        else:
            return _REFUSED[_NEXT_IN_DICT]
        return None

    def _next_in_list(self, _begin: int, end: int, kind: bytes) -> str | None:
        if kind == b"]":
            return self._close(end)
        if kind == b",":
            self._expect = _VALUE
        else:
            return _REFUSED[_NEXT_IN_LIST]
        return None

    def _key_or_end(self, begin: int, end: int, kind: bytes) -> str | None:
        if kind == b"}":
            return self._close(end)
        return self._next_key(begin, end, kind)

    def _next_key(self, begin: int, end: int, kind: bytes) -> str | None:
        if kind != b'"':
            return _REFUSED[_KEY]
        self._keys[-1] = plain(bytes(self._data[begin:end]))
        self._expect = _COLON
        return None

    def _value_or_end(self, begin: int, end: int, kind: bytes) -> str | None:
        if kind == b"]":
            return self._close(end)
        return self._value(begin, end, kind)

    def _value(self, begin: int, end: int, kind: bytes) -> str | None:
        if len(self._open) == 1:
            self._value_at = begin - self.start
        if kind == b"{":
            if not self._open:
                self.members = {}
            self._open.append(set())
            self._keys.append(b"")
            self._expect = _KEY_OR_END
        elif kind == b"[":
            self._open.append(None)
            self._keys.append(b"")
            self._expect = _VALUE_OR_END
        elif kind in _NO_VALUE:
            return _REFUSED[_VALUE]
        elif kind == b"a" and (word := bytes(self._data[begin:end])) not in _KEYWORDS:
            return f"invalid keyword '{word.decode()}'"
        else:
            return self._complete(end)
        return None

    def _close(self, end: int) -> str | None:
        self._open.pop()
        self._keys.pop()
        return self._complete(end)

    def _complete(self, end: int) -> str | None:
        """Note that a value ends here, and what may follow it; a key is told twice only now."""
        if not self._open:
            return None
        keys = self._open[-1]
        self._expect = _NEXT_IN_LIST if keys is None else _NEXT_IN_DICT
        if keys is None:
            return None
        key = self._keys[-1]
        if key in keys:
            return "duplicate key"
        keys.add(key)
        if self.members is not None and len(self._open) == 1:
            self.members[key] = (self._value_at, end - self.start)
        return None


_TAKES = (
    *(_Grammar._value, _Grammar._value_or_end, _Grammar._next_key, _Grammar._key_or_end),  # noqa: SLF001 - its own
    *(_Grammar._colon, _Grammar._next_in_dict, _Grammar._next_in_list),  # noqa: SLF001 - likewise
)

_OPENING = {b"{": (1, 0), b"}": (-1, 0), b"[": (0, 1), b"]": (0, -1)}


class MessageReader:
    """One stream, read as it comes: the same messages however it is cut."""

    def __init__(self, limits: Limits = QEMU_LIMITS) -> None:
        self._limits = limits
        self._lexer = Lexer(limits.size)
        self._begin()

    def _begin(self) -> None:
        #: The message that is open.
        self._grammar: _Grammar | None = None
        self._braces = self._brackets = self._tokens = 0
        #: What is wrong with it: said when it ends, as QEMU does.
        self._fault: str | None = None

    def feed(self, data: bytes) -> None:
        """Take more of the stream."""
        self._lexer.data += data

    def next(self) -> Message | Fault | None:
        """Return the next message that is complete, or what is wrong where it should be."""
        while (token := self._lexer.next()) is not None:
            begin, end, kind = token
            complete = self._token(begin, end, kind) if kind else self._no_token(begin, end)
            if complete is not None:
                self._begin()
                return complete
        self._forget()
        return None

    def _forget(self) -> None:
        """Drop what was read, but for a message that is still open and has no fault."""
        lexer, grammar = self._lexer, self._grammar
        if grammar is None or self._fault is not None:
            lexer.forget(lexer.at)
            return
        if len(lexer.data) - grammar.start > self._limits.size:
            # QEMU keeps no white space between tokens, and so does not count it.
            self._fault = _TOO_LARGE
        if grammar.start:
            lexer.forget(grammar.start)
            grammar.start = 0

    def _no_token(self, begin: int, end: int) -> Fault:
        if self._fault is not None:
            return Fault(desc=self._fault)
        if end - begin > self._limits.size:
            return Fault(desc=_TOO_LARGE)
        said = shown(bytes(self._lexer.data[begin:end]))
        return Fault(desc=f"JSON parse error, stray '{said}'")

    def _token(self, begin: int, end: int, kind: bytes) -> Message | Fault | None:
        """Take one token, and return the message or the error that it completes."""
        grammar = self._grammar
        if grammar is None:
            grammar = self._grammar = _Grammar(self._lexer.data, begin)
        brace, bracket = _OPENING.get(kind, (0, 0))
        self._braces += brace
        self._brackets += bracket
        self._tokens += 1
        if self._fault is None:
            self._fault = self._judge(grammar, begin, end, kind)
        # As QEMU counts: each kind for itself, and one that closes too much ends the message.
        if self._braces >= 0 and self._brackets >= 0 and (self._braces or self._brackets):
            return None
        if self._fault is not None:
            return Fault(desc=self._fault)
        text = bytes(self._lexer.data[grammar.start : end])
        return Message(text=text, members=grammar.members)

    def _judge(self, grammar: _Grammar, begin: int, end: int, kind: bytes) -> str | None:
        """Return why a message with this token in it is refused, or None."""
        if end - grammar.start > self._limits.size:
            return _TOO_LARGE
        if self._tokens > self._limits.tokens:
            return "JSON token count limit exceeded"
        if self._braces + self._brackets > self._limits.nesting:
            return "JSON nesting depth limit exceeded"
        wrong = grammar.take(begin, end, kind)
        return None if wrong is None else f"JSON parse error, {wrong}"


def read_messages(data: bytes) -> list[Message | Fault]:
    """Return the messages that *data* completes, and what is wrong between them."""
    reader = MessageReader()
    reader.feed(data)
    return list(iter(reader.next, None))
