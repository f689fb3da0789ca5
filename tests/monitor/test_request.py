"""A client's command under another id: nothing else of it changes, and the id comes back."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.monitor.reader import Message, read_messages
from platform_abi.monitor.request import RefusedError, Request, check_shape, read_request
from platform_abi.monitor.strings import decoded, standard
from tests.monitor.streams import commands


def _request(text: str | bytes) -> Request:
    message = read_messages(text if isinstance(text, bytes) else text.encode())[0]
    assert isinstance(message, Message)
    return read_request(message)


@given(commands(), st.integers(0, 2**63))
def test_under_a_number_all_is_as_it_was_but_the_id(
    command: tuple[str, dict[str, Any]], number: int
) -> None:
    """QEMU gets the same members with the same values, and the number for an id."""
    text, said = command
    assert {**said, "id": number} == decoded(_request(text).under(number))


@given(commands(), st.integers(0, 2**63))
def test_every_byte_outside_of_the_id_passes(
    command: tuple[str, dict[str, Any]], number: int
) -> None:
    """The bytes before and after the id's value are the client's own."""
    text = command[0].encode()
    request = _request(text)
    sent = request.under(number).removesuffix(b"\n")
    if request.id is None:
        assert text[1:].lstrip() == sent.removeprefix(b'{"id": %d, ' % number).lstrip()
        return
    begin, end = (request.message.members or {})[b"id"]
    assert sent == text[:begin] + b"%d" % number + text[end:]


@given(commands())
def test_an_id_goes_back_as_it_was_on_one_line(command: tuple[str, dict[str, Any]]) -> None:
    """It is the same JSON, to the digit, in what every client reads, without a line end."""
    text, said = command
    back = _request(text).id
    assert (back is not None) == ("id" in said)
    if back is not None:
        assert said["id"] == json.loads(back)
        assert b"\n" not in back
        assert b"\r" not in back


@pytest.mark.parametrize(
    "identity", [b"1.50", b"18446744073709551616", b"-0", b"1e400", b'"\\u0041"', b'{"a": [1 , 2]}']
)
def test_numbers_and_escapes_of_an_id_are_not_touched(identity: bytes) -> None:
    """What no two readers of JSON agree on comes back digit for digit."""
    assert identity == _request(b'{"execute":"a","id":' + identity + b"}").id


def test_large_numbers_and_floats_of_arguments_are_not_touched() -> None:
    """Nothing is read and written again: 2**64, 0.10 and escapes are what they were."""
    text = b'{"execute":"a" ,"arguments":{"n":18446744073709551616,"f":0.10,"s":"\\u00e9\\/"}}'
    assert b'{"id": 7, ' + text[1:] + b"\n" == _request(text).under(7)


@pytest.mark.parametrize(
    ("text", "oob", "said"),
    [
        (b"{}", True, "QMP input lacks member 'execute'"),
        (b'{"id":1}', True, "QMP input lacks member 'execute'"),
        (b'{"execute":1}', True, "QMP input member 'execute' must be a string"),
        (b'{"execute":"a","arguments":1}', True, "QMP input member 'arguments' must be an object"),
        (b'{"execute":"a","control":{}}', True, "QMP input member 'control' is unexpected"),
        (b'{"exec-oob":"a"}', False, "QMP input member 'exec-oob' is unexpected"),
        (
            b'{"execute":"a","exec-oob":"b"}',
            True,
            "QMP input member 'exec-oob' clashes with 'execute'",
        ),
    ],
)  # fmt: skip
def test_what_is_no_command_is_refused_in_qemus_words(text: bytes, oob: bool, said: str) -> None:
    """The shape of a command is checked as qmp_dispatch_check_obj does."""
    with pytest.raises(RefusedError) as caught:
        check_shape(_request(text).message, oob=oob)
    assert said == caught.value.desc


def test_arguments_too_deep_for_a_reader_are_an_error() -> None:
    """What QEMU's limit allows and Python's reader does not is refused, and kills nothing."""
    deep = b"[" * 1020 + b"]" * 1020
    request = _request(b'{"execute":"a","arguments":{"a":' + deep + b"}}")
    with contextlib.suppress(RefusedError):
        # How deep Python's own reader goes is its own affair, and no other error may come of it.
        assert ["a"] == list(request.arguments())


@given(commands())
def test_the_name_is_what_execute_says(command: tuple[str, dict[str, Any]]) -> None:
    """In whatever quotes and escapes; and a command without exec-oob is in band."""
    text, said = command
    request = _request(text)
    assert (said["execute"], False) == (request.name, request.oob)
    assert said.get("arguments", {}) == request.arguments()
    assert text == standard(text.encode()).decode() or "'" in text or "\0" in text
