"""JSON as QEMU reads it from a client: whatever pieces it comes in, and whatever else it is."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from platform_abi.monitor.reader import CLIENT_LIMITS, QEMU_LIMITS, Fault, Message, MessageReader
from platform_abi.monitor.strings import decoded, standard
from tests.monitor.streams import commands, cut


def _read(*pieces: bytes) -> list[Message | Fault]:
    reader = MessageReader()
    return [found for piece in pieces for found in _fed(reader, piece)]


def _fed(reader: MessageReader, piece: bytes) -> list[Message | Fault]:
    reader.feed(piece)
    return list(iter(reader.next, None))


def _says(*pieces: bytes) -> list[str]:
    """Return what was read in short: the text of a message, or what is wrong."""
    return [
        found.text.decode() if isinstance(found, Message) else found.desc
        for found in _read(*pieces)
    ]


# --- laws ----------------------------------------------------------------------------------------

#: Bytes that mean something to the lexer are more frequent than all others.
_NOISE = st.lists(
    st.sampled_from(
        [*b"{}[]:,\"'\\ \n\t", b'"a"', b"'b'", b"1", b"-0.5e3", b"01", b"true", b"nul", b"\xff",
         b"\x00", b"%d", b"\\u00e9", b"\xc3\xa9", b"\\'", b'{"execute":"x"}', b"e", b".", b"-"]
    ).map(lambda part: bytes((part,)) if isinstance(part, int) else part)
    | st.binary(max_size=3)
).map(b"".join)  # fmt: skip


@given(_NOISE.flatmap(lambda data: st.tuples(st.just(data), cut(data))))
@example((b'{"a":1}12 ', [b'{"a":', b"1}1", b"2 "]))
@example((b"'abc\\", [b"'abc", b"\\"]))
def test_a_stream_says_the_same_however_it_is_cut(case: tuple[bytes, list[bytes]]) -> None:
    """The messages and errors of any bytes at all do not depend on the pieces they come in."""
    data, pieces = case
    assert _read(data) == _read(*pieces) == _read(*(bytes((byte,)) for byte in data))


@given(st.lists(commands(), max_size=4), st.data())
def test_every_command_is_read_as_it_was_sent(
    sent: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    """Messages end with their brace, keep their bytes, and show where each member is."""
    stream = "".join(text for text, _ in sent).encode()
    found = _read(*data.draw(cut(stream)))
    assert [text.encode() for text, _ in sent] == [m.text for m in found if isinstance(m, Message)]
    assert len(sent) == len(found)
    for message, (_, said) in zip(found, sent, strict=True):
        assert isinstance(message, Message)
        shown = {key: decoded(message.member(key) or b"") for key in message.members or {}}
        assert {key.encode(): value for key, value in said.items()} == shown


@given(_NOISE, commands())
def test_a_byte_ff_brings_the_reader_back(noise: bytes, command: tuple[str, Any]) -> None:
    """Whatever was sent before, the command that follows FF is read (docs/interop/qmp-spec.rst)."""
    found = _read(noise, b"\xff", command[0].encode())
    assert isinstance(found[-1], Message)
    assert command[0].encode() == found[-1].text


@given(_NOISE)
def test_no_command_is_read_that_the_usual_reader_would_not(noise: bytes) -> None:
    """What is taken for a message is valid JSON, no key twice: nothing else may reach QEMU."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    for found in _read(noise):
        if isinstance(found, Message):
            json.loads(standard(found.text), object_pairs_hook=once)


# --- QEMU's own words ----------------------------------------------------------------------------

_PARSE = "JSON parse error, "


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"execute":"a",}', [_PARSE + "expecting key"]),
        (b'{"execute" "a"}', [_PARSE + "expecting ':'"]),
        (b'{"execute":}', [_PARSE + "expecting value"]),
        (b'{"a":1 "b":2}', [_PARSE + "expected ',' or '}'"]),
        (b"[1 2]", [_PARSE + "expected ',' or ']'"]),
        (b'{"a":1,"a":2}', [_PARSE + "duplicate key"]),
        (b'{"a":1,"\\u0061":2}', [_PARSE + "duplicate key"]),
        (b'{"a":1,"a":}', [_PARSE + "expecting value"]),
        (b"{'a':1,'a':\xff", [_PARSE + "stray '\ufffd'"]),
        (b'{"a":foo}', [_PARSE + "invalid keyword 'foo'"]),
        (b"hello ", [_PARSE + "invalid keyword 'hello'"]),
        (b'{"a":01}\n', [_PARSE + "stray '01'", _PARSE + "expecting value"]),
        (b'{"a":-}', [_PARSE + "stray '-}'"]),
        (b'{"a":0e5}', [_PARSE + "expected ',' or '}'"]),
        (b'{"a":[0.5e5,1E-3,-0]}', None),
        (b'{"a":[}]}', [_PARSE + "expecting value", _PARSE + "expecting value"]),
        (b'"a\\\n', [_PARSE + "stray '\"a\\\n'"]),
        (b'{"a":"\\x"}', [_PARSE + "invalid escape sequence in string"]),
        (b'{"a":"\\u12"}', [_PARSE + '\\u12" is not a valid Unicode character']),
        (b'{"a":"\\ud800\\u0041"}', [_PARSE + "\\ud800 is not a valid Unicode character"]),
        (b'{"a":"\\ud83f\\udfff"}', [_PARSE + "\\ud83f\\udfff is not a valid Unicode character"]),
        (b'{"a":"\xed\xa0\x80"}', [_PARSE + "invalid UTF-8 sequence in string"]),
        (b'{"a":"\xff"}', [_PARSE + "stray '\"\ufffd'", _PARSE + "expecting value"]),
        (b'{"a": @ {"b":2}}', [_PARSE + "stray '@'", '{"b":2}', _PARSE + "expecting value"]),
        (b"nul\x00l\n", [_PARSE + "invalid keyword 'nul'", _PARSE + "stray ''"]),
        (b"12 34\n", ["12", "34"]),
        (b'{"a":"\\u0000\xc0\x80"}', None),
        (b"{'a':'x\\'\"'}", None),
        (b'{"a":"\\ud83d\\ude00"}', None),
    ],
)  # fmt: skip
def test_errors_are_in_qemus_words(sent: bytes, said: list[str] | None) -> None:
    """As QEMU 11.1 says it of the same bytes, without the position; or it takes them."""
    if said is None:
        assert [sent] == [m.text for m in _read(sent) if isinstance(m, Message)]
    else:
        assert said == _says(sent)


# --- limits --------------------------------------------------------------------------------------


def test_nesting_has_qemus_limit() -> None:
    """1024 levels are read, one more is not, and what follows is."""
    at_most = b"[" * QEMU_LIMITS.nesting + b"]" * QEMU_LIMITS.nesting
    assert [at_most.decode()] == _says(at_most)
    too_deep = b"[" + at_most + b"]"
    assert ["JSON nesting depth limit exceeded", "{}"] == _says(too_deep + b"{}")


def test_size_has_qemus_limit_and_takes_no_quadratic_time() -> None:
    """A message of 64 MiB and more, in pieces as sockets give them, is refused; the next is read.

    It is looked at once: else this would take hours. Nothing of it is kept.
    """
    reader = MessageReader()
    piece = b"x" * 65536
    begin = time.monotonic()
    found = _fed(reader, b'{"a":"')
    for _ in range(QEMU_LIMITS.size // len(piece) + 1):
        found += _fed(reader, piece)
    found += _fed(reader, b'"}')
    assert time.monotonic() - begin < 30
    assert "JSON token size limit exceeded" == getattr(found[0], "desc", None)
    assert not any(isinstance(f, Message) for f in found)
    assert [Message(text=b"{}", members={})] == _fed(reader, b"\n{}")


def test_white_space_without_end_is_not_kept() -> None:
    """An object that only ever goes on with spaces is refused, and memory stays bounded."""
    reader = MessageReader()
    assert not _fed(reader, b"{")
    for _ in range(QEMU_LIMITS.size // (1 << 22) + 1):
        assert not _fed(reader, b" " * (1 << 22))
    assert len(reader._lexer.data) < 1 << 23
    assert [Fault(desc="JSON token size limit exceeded")] == _fed(reader, b"}")


def test_the_count_of_tokens_has_qemus_limit() -> None:
    """Two million tokens and a bit are refused, without keeping them."""
    some = b"0," * 4096
    reader = MessageReader()
    assert not _fed(reader, b"[")
    for _ in range(QEMU_LIMITS.tokens // 8192 + 1):
        assert not _fed(reader, some)
    assert [Fault(desc="JSON token count limit exceeded")] == _fed(reader, b"0]")


def test_a_clients_limits_are_its_readers() -> None:
    """Size and tokens are refused when the message ends, nothing of it is kept, and it goes on."""
    reader = MessageReader(CLIENT_LIMITS)
    for body, what in (
        (b'"' + b"x" * CLIENT_LIMITS.size + b'"', "size"),
        (b"[" + b"0," * (CLIENT_LIMITS.tokens // 2) + b"0]", "count"),
    ):
        assert [Fault(desc=f"JSON token {what} limit exceeded")] == _fed(
            reader, b'{"execute":"a","arguments":' + body + b"}"
        )[:1]
        assert [Message(text=b"{}", members={})] == _fed(reader, b"\xff{}")[-1:]
        assert not reader._lexer.data
    many = b"[" + b"0," * (CLIENT_LIMITS.tokens // 2 - 2) + b"0]"
    assert [many] == [m.text for m in _fed(reader, many) if isinstance(m, Message)]
