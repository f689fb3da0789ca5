"""What QEMU says: cut into messages, told apart, and given the client's own id."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.monitor.reply import (
    Event,
    Lines,
    Reply,
    failure,
    read_reply,
    success,
    with_entries,
)
from platform_abi.monitor.request import RefusedError
from tests.monitor.streams import cut, values

#: In which order QEMU, or another of its kind, may write the members of a reply.
_ORDERS = st.permutations(["return", "id"])


@st.composite
def _replies(draw: st.DrawFn) -> tuple[str, int | None, dict[str, Any]]:
    """Return a reply in some layout, its id, and the rest of it."""
    rest: dict[str, Any] = (
        {"return": draw(values)}
        if draw(st.booleans())
        else {"error": {"class": "GenericError", "desc": draw(st.text(max_size=9))}}
    )
    number = draw(st.none() | st.integers(0, 10**7))
    body = [*rest.items()]
    if number is not None:
        body.insert(draw(st.integers(0, 1)), ("id", number))
    text = json.dumps(dict(body), indent=draw(st.sampled_from([None, 4])))
    return text.replace("\n", "\r\n") + "\r\n", number, rest


@given(_replies(), st.none() | values)
def test_a_reply_goes_back_under_the_clients_id_and_is_else_the_same(
    reply: tuple[str, int | None, dict[str, Any]], identity: Any
) -> None:
    """Whatever the order and layout: the id is put in place, or goes with its key and comma."""
    text, number, rest = reply
    found = read_reply(text.encode())
    assert isinstance(found, Reply)
    assert number == found.number
    back = None if identity is None else json.dumps(identity).encode()
    line = found.to(back)
    said = {"id": identity} if back is not None and number is not None else {}
    assert {**rest, **said} == json.loads(line)
    assert line.endswith(b"\r\n")


@given(values, st.integers(0, 10**7))
def test_every_byte_of_a_reply_but_the_id_passes(value: Any, number: int) -> None:
    """As QEMU writes them: the id last with a return, first with an error."""
    body = json.dumps(value).encode()
    line = b'{"return": %s, "id": %d}\r\n' % (body, number)
    found = read_reply(line)
    assert isinstance(found, Reply)
    assert b'{"return": %s, "id": "x"}\r\n' % body == found.to(b'"x"')
    assert b'{"return": %s}\r\n' % body == found.to(None)
    error = b'{"id": %d, "error": {"class": "GenericError", "desc": %s}}\r\n'
    desc = json.dumps(str(value)).encode()
    found = read_reply(error % (number, desc))
    assert isinstance(found, Reply)
    assert (number, error.replace(b'"id": %d, ', b"") % desc) == (found.number, found.to(None))


@pytest.mark.parametrize(
    "line",
    [
        b'{"return": {"x": 1, "id": 5}}\r\n',
        b'{"return": "a, \\"id\\": 5}"}\r\n',
        b'{"return": [{"id": 5}]}\r\n',
    ],
)
def test_an_id_inside_of_what_is_returned_is_not_the_replys(line: bytes) -> None:
    """A guest's words in an answer never decide who gets it."""
    found = read_reply(line)
    assert isinstance(found, Reply)
    assert (None, line) == (found.number, found.to(b'"mine"'))


def test_events_are_told_apart_and_the_last_one_is_known() -> None:
    """An event passes as it is; SHUTDOWN is one only by its name, not by a word in its data."""
    stop = b'{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}\r\n'
    assert Event(line=stop) == read_reply(stop)
    odd = b'{"event": "STOP", "timestamp": {}}\r\n'
    assert Event(line=odd) == read_reply(odd)
    said = rb'{"timestamp": {}, "event": "X", "data": {"y": "\"event\": \"SHUTDOWN\""}}'
    assert not Event(line=said).shutdown
    assert Event(line=b'{"timestamp": {}, "event": "SHUTDOWN", "data": {}}\r\n').shutdown


@pytest.mark.parametrize("line", [b"hello\r\n", b"[]\r\n", b"{\r\n", b"\r\n", b"{} {}\n"])
def test_what_is_no_qmp_is_nothing(line: bytes) -> None:
    """A line that is no JSON object is no message of QEMU's."""
    assert read_reply(line) is None


@given(
    st.lists(
        st.tuples(st.dictionaries(st.text(), values, min_size=1, max_size=3), st.booleans()),
        max_size=4,
    ).flatmap(
        lambda said: st.tuples(
            st.just(said),
            cut(
                b"".join(
                    json.dumps(v, indent=4 if pretty else None).replace("\n", "\r\n").encode()
                    + b"\r\n"
                    for v, pretty in said
                )
            ),
        )
    )
)
def test_messages_are_cut_the_same_however_they_come(
    case: tuple[list[tuple[dict[str, Any], bool]], list[bytes]],
) -> None:
    """One a line, or over several as with pretty=on: each comes out whole, and nothing is left."""
    said, pieces = case
    lines = Lines()
    found = [line for piece in pieces for line in lines.feed(piece)]
    assert [value for value, _ in said] == [json.loads(line) for line in found]
    assert b"".join(pieces) == b"".join(found)
    assert not lines.pending


@given(
    st.lists(st.fixed_dictionaries({"name": st.sampled_from("abcde")}), max_size=4),
    st.none() | values,
    st.sampled_from([None, 4]),
)
def test_entries_are_added_to_a_list_but_never_twice(
    there: list[dict[str, str]], identity: Any, indent: int | None
) -> None:
    """What the list had stays, first and as it was; only names that it lacks are added."""
    back = None if identity is None else json.dumps(identity).encode()
    whole = {"return": there} if back is None else {"return": there, "id": identity}
    line = json.dumps(whole, indent=indent).encode() + b"\r\n"
    entries = {name: b'{"name": "%s", "new": true}' % name.encode() for name in "ax"}
    extended = json.loads(with_entries(line, entries, back))
    names = [entry["name"] for entry in there]
    added = [{"name": name, "new": True} for name in "ax" if name not in names]
    assert {**whole, "return": [*there, *added]} == extended


@pytest.mark.parametrize(
    "line", [b'{"error": {"class": "GenericError", "desc": "x"}}\r\n', b'{"return": {}}\r\n']
)
def test_what_returns_no_list_gets_no_entries(line: bytes) -> None:
    """An error passes as it is."""
    assert line == with_entries(line, {"a": b'{"name": "a"}'}, None)


@given(values, st.none() | values)
def test_answers_of_our_own_look_like_qemus(value: Any, identity: Any) -> None:
    """One line of ASCII with QEMU's line end, the id where QEMU puts it, or none."""
    back = None if identity is None else json.dumps(identity).encode()
    said = {} if back is None else {"id": identity}
    for line, rest in (
        (success(value, back), {"return": value}),
        (
            failure(RefusedError("d", "CommandNotFound"), back),
            {"error": {"class": "CommandNotFound", "desc": "d"}},
        ),
    ):
        assert {**said, **rest} == json.loads(line)
        assert line.isascii()
        assert line.count(b"\n") == 1
