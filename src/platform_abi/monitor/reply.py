"""What QEMU says to a client: replies and events, and how an id is put back into a reply.

QEMU writes one message a line; with ``-mon pretty=on`` several lines, of which the last begins
with the closing brace (``qobject_to_json_pretty``). A reply begins with its id or ends with it, in
the order in which QEMU's hash of keys gives them; another order is read as well, only more slowly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from platform_abi.model.value import frozen
from platform_abi.monitor.reader import Message, read_messages
from platform_abi.monitor.request import RefusedError
from platform_abi.monitor.strings import decoded

#: How QEMU ends a line (``monitor_puts``).
LINE_END: Final = b"\r\n"

#: As much as one message of QEMU's may have, in bytes: more than a client may have waiting for it.
LONGEST: Final = 16 << 20

#: A list that entries are added to is read; QEMU 11.1's schema has 250 kB.
_LONGEST_LIST: Final = 4 << 20

_EVENT: Final = b'{"timestamp": '
_ERROR = re.compile(rb'\{"id": ([0-9]{1,18}), ')
_RETURN = re.compile(rb', "id": ([0-9]{1,18})\}\r?\n\Z')
_NUMBER = re.compile(rb"[0-9]{1,18}")
#: Longer than any end of a line that ``_RETURN`` matches.
_TAIL: Final = 48


@frozen(kw_only=True)
class Event:
    """An event, as QEMU sent it."""

    line: bytes

    @property
    def shutdown(self) -> bool:
        """Whether it says that QEMU ends, or would without ``-no-shutdown``.

        Inside a string its quotes would be escaped, and no event's data has a member ``event``.
        """
        return b'"event": "SHUTDOWN"' in self.line


@frozen(kw_only=True)
class Reply:
    """A reply: the bytes before the number of its id, the number, and those after it.

    Without an id, which QEMU leaves out where it could not read one, *number* is None.
    """

    before: bytes
    number: int | None
    after: bytes

    def to(self, identity: bytes | None) -> bytes:
        """Return the line for a client that gave the id *identity*, or none."""
        if self.number is None:
            return self.before
        if identity is not None:
            return self.before + identity + self.after
        key = _KEY.search(self.before)
        assert key is not None  # noqa: S101 - there is an id
        # A comma goes with it: the one before, else the one that follows.
        return self.before[: key.start()] + (
            self.after if key[1] else self.after.lstrip().removeprefix(b",").lstrip()
        )


_KEY = re.compile(rb'(,\s*)?"id"\s*:\s*\Z')


def read_reply(line: bytes) -> Event | Reply | None:
    """Return what a message of QEMU's is, or None where it is no QMP, or its id no id of ours."""
    if line.startswith(_EVENT):
        return Event(line=line)
    usual = _RETURN.search(line, max(len(line) - _TAIL, 0)) or _ERROR.match(line)
    if usual is not None:
        begin, end = usual.span(1)
        return Reply(before=line[:begin], number=int(usual[1]), after=line[end:])
    message = _message(line)
    if message is None or message.members is None:
        return None
    return Event(line=line) if b"event" in message.members else _reply(line, message)


def _reply(line: bytes, message: Message) -> Reply | None:
    """Return the reply that *line*, with *message* in it, is, whatever the order of its members."""
    number = message.member(b"id")
    if number is None:
        return Reply(before=line, number=None, after=b"")
    if not _NUMBER.fullmatch(number):
        return None
    begin, end = _place(line, message, b"id")
    return Reply(before=line[:begin], number=int(number), after=line[end:])


def _place(line: bytes, message: Message, key: bytes) -> tuple[int, int]:
    """Return where in *line* the value is of a member that *message* has."""
    assert message.members is not None  # noqa: S101 - it has the member
    lead = len(line) - len(line.lstrip())
    begin, end = message.members[key]
    return lead + begin, lead + end


def _message(line: bytes) -> Message | None:
    read = read_messages(line)
    return read[0] if len(read) == 1 and isinstance(read[0], Message) else None


def with_entries(line: bytes, entries: Mapping[str, bytes], identity: bytes | None) -> bytes:
    """Return the reply *line* with *entries*, by name, added to the list that it returns.

    *identity* is the id in it. What the list has already under a name stays as it is. What returns
    no list of named objects, such as an error, is returned unchanged.

    Raises RefusedError for a list that cannot be read.
    """
    place = _returned_list(line, identity)
    if place is None:
        return line
    begin, end = place
    there = {name for name in _names(line[begin:end]) if isinstance(name, str)}
    added = b", ".join(entry for name, entry in entries.items() if name not in there)
    separator = b", " if line[begin + 1 : end - 1].strip() and added else b""
    return line[: end - 1].rstrip() + separator + added + line[end - 1 :]


def _names(listed: bytes) -> list[Any]:
    try:
        entries = decoded(listed) if len(listed) <= _LONGEST_LIST else None
    except (ValueError, RecursionError):
        entries = None
    if entries is None:
        raise RefusedError("QEMU's answer is a list that cannot be read")
    return [entry.get("name") for entry in entries if isinstance(entry, dict)]


def _returned_list(line: bytes, identity: bytes | None) -> tuple[int, int] | None:
    """Return where the list is that the reply *line* returns, or None where it returns none."""
    tail = _line(b"]", identity)
    if line.startswith(_RETURNS_LIST) and line.endswith(tail):
        # As QEMU writes it: a schema of 250 kB need not be read to the end for that.
        return len(_RETURNS_LIST) - 1, len(line) - len(tail) + 1
    message = _message(line)
    value = None if message is None else message.member(b"return")
    if message is None or value is None or value[:1] != b"[":
        return None
    return _place(line, message, b"return")


_RETURNS_LIST: Final = b'{"return": ['


class Lines:
    """QEMU's stream, cut into its messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._seen = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that *data* completes, with their line ends."""
        self._data += data
        complete: list[bytes] = []
        begin = 0
        while (end := self._end(begin)) > 0:
            complete.append(bytes(self._data[begin:end]))
            begin = self._seen = end
        del self._data[:begin]
        self._seen = max(len(self._data) - _OVERLAP, 0)
        return complete

    @property
    def pending(self) -> int:
        """How many bytes have come of a message that has no end yet."""
        return len(self._data)

    def _end(self, begin: int) -> int:
        """Return where the message ends that begins at *begin*, or 0 where it has not ended."""
        data = self._data
        if data.startswith((b"{\r\n", b"{\n"), begin):
            close = data.find(b"\n}", max(begin, self._seen))
            return data.find(b"\n", close + 1) + 1 if close >= 0 else 0
        return data.find(b"\n", max(begin, self._seen)) + 1


#: A message may have been cut in the middle of its end.
_OVERLAP: Final = 4


def success(value: Any, identity: bytes | None) -> bytes:
    """Return the line that answers a command by *value*, plain data."""
    return _line(b'{"return": ' + json.dumps(value).encode(), identity)


def failure(error: RefusedError, identity: bytes | None) -> bytes:
    """Return the line that answers a command by *error*."""
    body = json.dumps({"class": error.kind, "desc": error.desc}).encode()
    head = b"" if identity is None else b'"id": ' + identity + b", "
    return b"{" + head + b'"error": ' + body + b"}" + LINE_END


def _line(head: bytes, identity: bytes | None) -> bytes:
    return head + (b"" if identity is None else b', "id": ' + identity) + b"}" + LINE_END
