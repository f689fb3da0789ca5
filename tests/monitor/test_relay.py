"""Many clients behind one QEMU: each is answered as if it were alone."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from platform_abi.monitor.client import Client
from platform_abi.monitor.reader import CLIENT_LIMITS
from platform_abi.monitor.relay import (
    ALL_OUT_OF_BAND,
    IN_FLIGHT,
    LARGE,
    OUT_OF_BAND,
    WAITING,
    Relay,
)
from platform_abi.monitor.reply import success
from platform_abi.monitor.request import Request
from tests.monitor.ports import Port
from tests.monitor.streams import values

GREETING = b'{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n'
OWN = "query-platforms"


class Qemu:
    """What QEMU does with commands: in band in order, out of band at once."""

    def __init__(self) -> None:
        self.in_band: deque[dict[str, Any]] = deque()
        self.oob: list[dict[str, Any]] = []
        self.descriptors: list[tuple[int, ...]] = []

    def take(self, data: bytes, descriptors: Sequence[int]) -> None:
        """Queue a command in band, or out of band."""
        command = json.loads(data)
        (self.oob.append if "exec-oob" in command else self.in_band.append)(command)
        if descriptors:
            self.descriptors.append(tuple(descriptors))

    @staticmethod
    def answer(command: dict[str, Any]) -> bytes:
        """Return a reply that shows which command it answers."""
        value = command.get("arguments", {}).get("tag")
        return b'{"return": %s, "id": %d}\r\n' % (json.dumps(value).encode(), command["id"])


def _is_large(command: dict[str, Any]) -> bool:
    return "more" in command.get("arguments", {})


class House:
    """A relay with its QEMU and what was asked here and is not answered yet."""

    def __init__(self, *, with_qemu: bool = True, capabilities: tuple[str, ...] = ("oob",)) -> None:
        self.qemu = Qemu()
        self.asked: deque[tuple[Client, Request]] = deque()
        self.relay = Relay(
            greeting=GREETING,
            capabilities=capabilities,
            own=[OWN],
            ask=lambda client, request: self.asked.append((client, request)),
            to_qemu=self.qemu.take if with_qemu else None,
            additions={"query-commands": {OWN: b'{"name": "%s"}' % OWN.encode()}},
        )

    def client(self, *, negotiated: bool = True, oob: bool = False) -> tuple[Client, Port]:
        """Connect one."""
        port = Port()
        client = self.relay.connect(port)
        if negotiated:
            enable = ["oob"] if oob else []
            self.send(client, {"execute": "qmp_capabilities", "arguments": {"enable": enable}})
            assert {"return": {}} == port.said()[-1]
            del port.lines[1:]
        return client, port

    def send(self, client: Client, *said: dict[str, Any]) -> None:
        """Let a client send all of *said* at once."""
        self.relay.received(client, b"\n".join(json.dumps(m).encode() for m in said))

    def step(self) -> None:
        """Let QEMU answer the oldest command in band."""
        assert self.relay.said(self.qemu.answer(self.qemu.in_band.popleft()))

    def answer_one(self) -> None:
        """Answer the oldest question here."""
        client, request = self.asked.popleft()
        value = request.arguments().get("tag")
        self.relay.answered(client, request, success(value, request.id))

    def settle(self) -> None:
        """Let everything be answered."""
        while self.qemu.in_band or self.asked or self.qemu.oob:
            if self.qemu.in_band:
                self.step()
            if self.asked:
                self.answer_one()
            if self.qemu.oob:
                self.relay.said(self.qemu.answer(self.qemu.oob.pop()))


# --- the law -------------------------------------------------------------------------------------


class RelayMachine(RuleBasedStateMachine):
    """Clients come, ask at their pace, and go; QEMU answers at its own.

    At any time what a client was told in band is the beginning of what it is to be told, in its
    order and under its ids; events come to all, in order; QEMU never has more than it can queue.
    """

    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.ports: dict[Client, Port] = {}
        self.expected: dict[Client, list[dict[str, Any]]] = {}
        self.urgent: dict[Client, list[dict[str, Any]]] = {}
        self.events: dict[Client, list[int]] = {}
        self.tag = 0

    @rule(target=clients, oob=st.booleans())
    def connect(self, oob: bool) -> Client:
        """Let a client come, and negotiate."""
        client, port = self.house.client(oob=oob)
        self.ports[client], self.expected[client] = port, []
        self.urgent[client], self.events[client] = [], []
        return client

    @rule(
        client=clients,
        kinds=st.lists(
            st.tuples(
                st.sampled_from(["qemu", "own", "bad", "oob", "large", "large oob"]),
                st.none() | values,
            ),
            max_size=12,
        ),
    )
    def send(self, client: Client, kinds: list[tuple[str, Any]]) -> None:
        """Let a client send several commands at once."""
        said: list[bytes] = []
        for kind, identity in kinds:
            self.tag += 1
            under = {} if identity is None else {"id": identity}
            if kind == "bad":
                said.append(b"[]")
                desc = "QMP input must be a JSON object"
                error = {"class": "GenericError", "desc": desc}
                self.expected[client].append({"error": error})
                continue
            name = OWN if kind == "own" else "x"
            urgent = "oob" in kind and client.oob
            command = {("exec-oob" if urgent else "execute"): name, **under}
            more = {"more": "x" * LARGE} if "large" in kind else {}
            said.append(json.dumps({**command, "arguments": {"tag": self.tag, **more}}).encode())
            to = self.urgent if urgent else self.expected
            to[client].append({"return": self.tag, **under})
        self.house.relay.received(client, b"".join(said))

    @rule()
    def qemu_answers(self) -> None:
        """Let QEMU answer the oldest command in band."""
        if self.house.qemu.in_band:
            self.house.step()

    @rule(data=st.data())
    def qemu_answers_out_of_band(self, data: st.DataObject) -> None:
        """Let QEMU answer any command out of band."""
        oob = self.house.qemu.oob
        if oob:
            place = data.draw(st.integers(0, len(oob) - 1))
            self.house.relay.said(Qemu.answer(oob.pop(place)))

    @rule()
    def answered_here(self) -> None:
        """Answer a question of those that this monitor answers by itself."""
        if self.house.asked:
            self.house.answer_one()

    @rule()
    def event(self) -> None:
        """Let something happen in QEMU."""
        self.tag += 1
        self.house.relay.said(b'{"timestamp": {}, "event": "E%d"}\r\n' % self.tag)
        for client in self.events:
            self.events[client].append(self.tag)

    @rule(client=consumes(clients))
    def disconnect(self, client: Client) -> None:
        """Let a client go, whatever it still waits for."""
        self.house.relay.disconnect(client)
        for kept in (self.ports, self.expected, self.urgent, self.events):
            del kept[client]

    @invariant()
    def qemu_is_never_asked_more_than_it_queues(self) -> None:
        """Else it would hear no out-of-band command."""
        assert len(self.house.qemu.in_band) <= IN_FLIGHT

    @invariant()
    def qemu_has_one_large_command_at_most(self) -> None:
        """In band, and out of band: whoever asks little never waits for two."""
        for commands in (self.house.qemu.in_band, self.house.qemu.oob):
            assert sum(_is_large(command) for command in commands) <= 1

    @invariant()
    def what_was_told_is_the_beginning_of_what_is_to_be_told(self) -> None:
        """In its order, under its ids, and nothing of anybody else's."""
        for client, port in self.ports.items():
            told = port.said()
            assert self.events[client] == [int(m["event"][1:]) for m in told if "event" in m]
            answers = [m for m in told if "event" not in m]
            urgent = [m for m in answers if m in self.urgent[client]]
            rest = [m for m in answers if m not in self.urgent[client]]
            assert rest == self.expected[client][: len(rest)]
            assert len(urgent) <= len(self.urgent[client])

    @rule(client=clients, behind=st.booleans())
    def reads(self, client: Client, behind: bool) -> None:
        """Let a client fall behind with what it reads, or catch up."""
        self.ports[client].behind = behind
        if not behind:
            self.house.relay.resume(client)

    def teardown(self) -> None:
        """In the end everything is answered that was asked."""
        for client in self.ports:
            self.reads(client, behind=False)
        self.house.settle()
        for client, port in self.ports.items():
            answers = [m for m in port.said() if "event" not in m]
            assert len(answers) == len(self.expected[client]) + len(self.urgent[client])
            assert (False, 0) == (port.held, client.size)
        assert not self.house.relay._pending


TestRelay = RelayMachine.TestCase
TestRelay.settings = settings(max_examples=60, stateful_step_count=30)


# --- negotiation ---------------------------------------------------------------------------------


def _errors(port: Port) -> list[tuple[str, str]]:
    return [(m["error"]["class"], m["error"]["desc"]) for m in port.said() if "error" in m]


def test_a_client_is_greeted_as_qemu_greets_and_has_to_negotiate() -> None:
    """The greeting is QEMU's, byte for byte; commands before negotiation are refused as by it."""
    house = House()
    client, port = house.client(negotiated=False)
    assert [GREETING] == port.lines
    house.send(client, {"execute": "query-status", "id": 1}, {"execute": OWN}, {"x": 1})
    said = "Expecting capabilities negotiation with 'qmp_capabilities'"
    unexpected = ("GenericError", "QMP input member 'x' is unexpected")
    assert [("CommandNotFound", said)] * 2 + [unexpected] == _errors(port)
    house.relay.said(b'{"timestamp": {}, "event": "STOP"}\r\n')
    assert 3 == len(port.said())
    house.send(client, {"execute": "qmp_capabilities", "id": "n"}, {"execute": "a", "id": 2})
    assert {"return": {}, "id": "n"} == port.said()[-1]
    assert 1 == len(house.qemu.in_band)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"enable": "oob"}, "Invalid parameter type for 'enable', expected: array"),
        ({"enable": [1]}, "Invalid parameter type for 'enable[0]', expected: string"),
        ({"enable": ["oob", "x"]}, "Parameter 'enable[1]' does not accept value 'x'"),
        ({"y": []}, "Parameter 'y' is unexpected"),
    ],
)
def test_capabilities_that_are_none_are_refused(arguments: dict[str, Any], said: str) -> None:
    """And the client has not negotiated."""
    house = House()
    client, port = house.client(negotiated=False)
    house.send(client, {"execute": "qmp_capabilities", "arguments": arguments})
    assert [("GenericError", said)] == _errors(port)
    assert not client.negotiated


def test_what_qemu_does_not_offer_cannot_be_enabled() -> None:
    """Out-of-band execution needs a QEMU that offers it."""
    house = House(capabilities=())
    client, port = house.client(negotiated=False)
    enable = {"enable": ["oob"]}
    house.send(client, {"execute": "qmp_capabilities", "arguments": enable})
    assert [("GenericError", "Capability oob not available")] == _errors(port)


def test_out_of_band_is_for_those_who_enabled_it() -> None:
    """For another client exec-oob is a member that does not exist, and none of QEMU's business."""
    house = House()
    (plain, port), (urgent, _) = house.client(), house.client(oob=True)
    house.send(plain, {"exec-oob": "migrate-pause", "id": 3})
    assert [("GenericError", "QMP input member 'exec-oob' is unexpected")] == _errors(port)
    house.send(urgent, {"exec-oob": "migrate-pause"})
    assert ["migrate-pause"] == [command["exec-oob"] for command in house.qemu.oob]


def test_out_of_band_passes_all_that_waits() -> None:
    """With QEMU's queue as full as it may be and more waiting, it goes through at once."""
    house = House()
    client, _ = house.client(oob=True)
    house.send(client, *[{"execute": "x"}] * (IN_FLIGHT + 1), {"exec-oob": "yank", "id": 1})
    assert IN_FLIGHT == len(house.qemu.in_band)
    assert ["yank"] == [command["exec-oob"] for command in house.qemu.oob]


def test_what_is_answered_here_does_not_support_oob() -> None:
    """It says so in QEMU's words, while what was asked in band still waits."""
    house = House()
    client, port = house.client(oob=True)
    house.send(client, {"execute": "x"}, {"exec-oob": OWN, "id": 1})
    assert [("GenericError", f"The command {OWN} does not support OOB")] == _errors(port)


# --- fairness and bounds -------------------------------------------------------------------------


def test_clients_take_turns() -> None:
    """One that asks a hundred things at once does not keep another waiting for all of them."""
    house = House()
    (greedy, _), (modest, port) = house.client(), house.client()
    house.send(greedy, *[{"execute": "x"}] * 100)
    house.send(modest, {"execute": "y"})
    for _ in range(IN_FLIGHT + 2):
        house.step()
    assert [{"return": None}] == port.said()


@pytest.mark.parametrize("execute", ["execute", "exec-oob"])
def test_who_asks_little_waits_for_one_large_command_at_most(execute: str) -> None:
    """However many were sent by however many clients; these take turns, and none is lost."""
    house = House()
    under_way = house.qemu.oob if execute == "exec-oob" else house.qemu.in_band
    floods = [house.client(oob=True) for _ in range(IN_FLIGHT + 1)]
    for number, (flood, _) in enumerate(floods):
        large = {"execute": "x", "arguments": {"tag": number, "more": "x" * LARGE}}
        house.send(flood, *[{execute if k == "execute" else k: v for k, v in large.items()}] * 3)
    modest, port = house.client()
    house.send(modest, {"execute": "y"})
    assert 1 == sum(_is_large(command) for command in under_way)
    assert "y" == house.qemu.in_band[-1]["execute"]
    house.settle()
    assert [{"return": None}] == port.said()
    for number, (flood, said) in enumerate(floods):
        assert [{"return": number}] * 3 == said.said()
        assert not flood.size


@pytest.mark.parametrize("execute", ["execute", "exec-oob"])
def test_large_commands_of_several_clients_take_turns(execute: str) -> None:
    """One that sends twenty of them does not keep the only one of another waiting for all."""
    house = House()
    (greedy, _), (other, port) = house.client(oob=True), house.client(oob=True)
    large = {execute: "x", "arguments": {"more": "x" * LARGE}}
    house.send(greedy, *[large] * 20)
    house.send(other, large)
    for _ in range(3):
        if house.qemu.in_band:
            house.step()
        if house.qemu.oob:
            house.relay.said(house.qemu.answer(house.qemu.oob.pop()))
    assert [{"return": None}] == port.said()


def test_a_client_with_enough_waiting_is_not_read_from() -> None:
    """And is again when some of it is done: memory is bounded by what came at once."""
    house = House()
    client, port = house.client()
    house.send(client, *[{"execute": "x"}] * (IN_FLIGHT + WAITING - 1))
    assert not port.held
    house.send(client, {"execute": "x"})
    assert port.held
    house.step()
    assert not port.held


def test_the_answer_to_a_client_that_is_gone_is_dropped() -> None:
    """QEMU has done what it was asked; others are answered as ever."""
    house = House()
    (gone, port), (stays, other) = house.client(), house.client()
    house.send(gone, {"execute": "x", "id": 1}, {"execute": OWN, "id": 2})
    house.send(stays, {"execute": "y", "id": 1})
    before = list(port.lines)
    house.relay.disconnect(gone)
    house.settle()
    assert before == port.lines
    assert [{"return": None, "id": 1}] == other.said()


def test_an_error_without_an_id_goes_to_whoever_was_asked_first() -> None:
    """QEMU leaves out an id that it could not read, and answers in order in band."""
    house = House()
    (first, port), (second, other) = house.client(), house.client(oob=True)
    house.send(second, {"exec-oob": "o"})
    house.send(first, {"execute": "x", "id": 1})
    house.send(second, {"execute": "y", "id": 1})
    house.relay.said(b'{"error": {"class": "GenericError", "desc": "JSON parse error"}}\r\n')
    assert [("GenericError", "JSON parse error")] == _errors(port)
    assert [] == other.said()


def test_entries_are_added_to_what_qemu_lists() -> None:
    """query-commands has QEMU's own commands first, then those of this monitor."""
    house = House()
    client, port = house.client()
    house.send(client, {"execute": "query-commands", "id": [1]})
    number = house.qemu.in_band[0]["id"]
    house.relay.said(b'{"return": [{"name": "quit"}], "id": %d}\r\n' % number)
    assert [{"return": [{"name": "quit"}, {"name": OWN}], "id": [1]}] == port.said()


def test_without_a_qemu_everything_is_answered_here() -> None:
    """What is not known is not found, as in QEMU, and negotiating twice is an error as there."""
    house = House(with_qemu=False, capabilities=())
    client, port = house.client()
    house.send(client, {"execute": "quit", "id": 1}, {"execute": "qmp_capabilities"})
    house.send(client, {"execute": OWN, "arguments": {"tag": 5}})
    house.settle()
    assert [
        ("CommandNotFound", "The command quit has not been found"),
        ("CommandNotFound", "Capabilities negotiation is already complete, command ignored"),
    ] == _errors(port)
    assert {"return": 5} == port.said()[-1]


# --- descriptors ---------------------------------------------------------------------------------


def _pipe() -> tuple[int, int]:
    return os.pipe()


def _open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_descriptor_goes_with_the_command_that_takes_one() -> None:
    """Not with another that came along, and not at all where the client has none."""
    house = House()
    client, _ = house.client()
    reading, writing = _pipe()
    house.relay.received(
        client, b'{"execute":"x"}{"execute":"getfd"}{"execute":"getfd"}', [reading]
    )
    assert [(reading,)] == house.qemu.descriptors
    os.close(reading)
    os.close(writing)


def test_one_descriptor_is_under_way_at_a_time() -> None:
    """QEMU keeps those that came last only: another client's wait for the answer to the first."""
    house = House()
    (first, _), (second, _) = house.client(), house.client()
    a, b = _pipe()
    house.relay.received(first, b'{"execute":"getfd"}', [a])
    house.relay.received(second, b'{"execute":"add-fd"}', [b])
    house.send(first, {"execute": "x"})
    assert [(a,)] == house.qemu.descriptors
    assert ["getfd", "x"] == [command["execute"] for command in house.qemu.in_band]
    house.step()
    assert [(a,), (b,)] == house.qemu.descriptors
    os.close(a)
    os.close(b)


def test_descriptors_that_nobody_takes_are_closed() -> None:
    """When others come, as in QEMU, and when their client goes."""
    house = House()
    client, _ = house.client()
    first, second = _pipe()
    house.relay.received(client, b"", [first])
    house.relay.received(client, b" ", [second])
    assert [False, True] == [_open(first), _open(second)]
    house.relay.disconnect(client)
    assert not _open(second)


# --- bounds --------------------------------------------------------------------------------------


def test_a_flood_out_of_band_waits_for_answers() -> None:
    """QEMU that does not answer gets so many of one client and no more; none is lost or passed."""
    house = House()
    client, port = house.client(oob=True)
    house.send(client, *[{"exec-oob": "x", "id": n} for n in range(100)])
    assert OUT_OF_BAND == len(house.qemu.oob)
    assert port.held
    for number in range(100):
        house.relay.said(house.qemu.answer(house.qemu.oob.pop(0)))
        assert number == port.said()[-1]["id"]
    assert not port.held
    assert not client.size


def test_all_clients_together_have_a_bound_out_of_band() -> None:
    """Whoever came too late is heard when another is answered, and who is gone counts as well."""
    house = House()
    for _ in range(ALL_OUT_OF_BAND // OUT_OF_BAND):
        client, _ = house.client(oob=True)
        house.send(client, *[{"exec-oob": "x"}] * OUT_OF_BAND)
        house.relay.disconnect(client)
    late, port = house.client(oob=True)
    house.send(late, {"exec-oob": "late"})
    assert ALL_OUT_OF_BAND == len(house.qemu.oob)
    house.relay.said(house.qemu.answer(house.qemu.oob.pop(0)))
    assert "late" == house.qemu.oob[-1]["exec-oob"]
    house.settle()
    assert 1 == len(port.said())


def test_the_bytes_of_a_client_that_wait_have_a_bound() -> None:
    """Commands of many bytes count by these, wherever they wait; afterwards nothing is held."""
    house = House()
    client, port = house.client(oob=True)
    big = {"execute": "x", "arguments": {"tag": "x" * (CLIENT_LIMITS.size // 4)}}
    house.send(client, *[big] * 6, {"exec-oob": "y"})
    assert CLIENT_LIMITS.size <= client.size < 2 * CLIENT_LIMITS.size
    assert (True, []) == (port.held, house.qemu.oob)
    house.settle()
    assert (False, 0, 7) == (port.held, client.size, len(port.said()))


def test_a_message_too_large_never_reaches_qemu() -> None:
    """It is refused here, also a command of ours; what follows is answered."""
    house = House()
    client, port = house.client(oob=True)
    for member in ("execute", "exec-oob"):
        for name in (OWN, "x"):
            huge = {member: name, "arguments": {"tag": "x" * CLIENT_LIMITS.size}}
            house.send(client, huge)
    house.send(client, {"execute": OWN, "arguments": {"tag": [0] * CLIENT_LIMITS.tokens}})
    house.send(client, {"execute": "x"})
    house.settle()
    size, count = (("GenericError", f"JSON token {w} limit exceeded") for w in ("size", "count"))
    assert [size] * 4 + [count] == _errors(port)
    assert {"return": None} == port.said()[-1]


def test_what_a_client_does_not_read_is_not_made() -> None:
    """Its commands wait until it has read, in their order; others go on."""
    house = House()
    (slow, port), (other, quick) = house.client(oob=True), house.client()
    port.behind = True
    house.send(slow, *[{"execute": name, "id": name} for name in ("x", OWN, "y")])
    house.send(other, {"execute": OWN})
    house.settle()
    assert ([], [{"return": None}], True) == (port.said(), quick.said(), port.held)
    port.behind = False
    house.relay.resume(slow)
    house.settle()
    assert ["x", OWN, "y"] == [message["id"] for message in port.said()]
    assert not port.held


def test_one_question_is_asked_here_at_a_time() -> None:
    """Those of clients that went meanwhile are not asked at all, and the others take turns."""
    house = House()
    clients = [house.client() for _ in range(4)]
    for number, (client, _) in enumerate(clients):
        house.send(client, *[{"execute": OWN, "arguments": {"tag": number}}] * 2)
    assert 1 == len(house.asked)
    house.relay.disconnect(clients[1][0])
    house.settle()
    told = [[message["return"] for message in port.said()] for _, port in clients]
    assert [[0, 0], [], [2, 2], [3, 3]] == told


# --- what is no QEMU -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b'{"return": {}, "id": ' + b"9" * 5000 + b"}\r\n",
        b'{"id": ' + b"9" * 5000 + b', "error": {"class": "GenericError", "desc": "x"}}\r\n',
        b'{"return": {}, "id": 99}\r\n',
        b'{"return": {}, "id": "x"}\r\n',
        b'{"return": ' + b"[" * 2000 + b"]" * 2000 + b"}\r\n",
        b"hello\r\n",
    ],
)
def test_what_qemu_never_says_is_told_and_answers_all_that_waits(line: bytes) -> None:
    """Nobody waits for ever: what was asked, and what was to be asked, ends in an error."""
    house = House()
    client, port = house.client(oob=True)
    sent = [{"execute": "x", "id": n} for n in range(IN_FLIGHT + 2)]
    house.send(client, *sent, {"execute": OWN, "id": "own"}, {"exec-oob": "y", "id": "oob"})
    assert not house.relay.said(line)
    house.relay.give_up("it is none")
    assert [("GenericError", "it is none")] * (IN_FLIGHT + 4) == _errors(port)
    assert {*range(IN_FLIGHT + 2), "own", "oob"} == {m["id"] for m in port.said()}


@given(st.binary() | st.sampled_from([b"{", b'"id": ', b"1", b'"return": [', b"]}"]))
def test_no_line_of_qemus_is_a_traceback(noise: bytes) -> None:
    """Whatever it says, it is understood or it is not; a list with entries to add likewise."""
    house = House()
    client, port = house.client()
    house.send(client, {"execute": "query-commands", "id": 1})
    number = house.qemu.in_band[0]["id"]
    house.relay.said(noise + b"\r\n")
    house.relay.said(b'{"return": [%s], "id": %d}\r\n' % (noise, number))
    assert client.in_flight + len(port.said()) >= 1


@pytest.mark.parametrize(
    ("listed", "known"),
    [
        (b'{"name": ["unhashable"]}, {"name": {}}, 1', True),
        (b"[" * 100_000 + b"]" * 100_000, False),
        (b'{"name": }', False),
        (b"0, " * (2 << 20) + b"0", False),
    ],
)
def test_a_list_of_qemus_that_is_none_of_names(listed: bytes, known: bool) -> None:
    """Names that are no strings stay, with the entries after them; what cannot be read is told."""
    house = House()
    client, port = house.client()
    house.send(client, {"execute": "query-commands", "id": 1}, {"execute": "x", "id": 2})
    number = house.qemu.in_band.popleft()["id"]
    assert house.relay.said(b'{"return": [%s], "id": %d}\r\n' % (listed, number))
    house.settle()
    first, second = port.said()
    assert (1, {"return": None, "id": 2}) == (first["id"], second)
    if known:
        assert {"name": OWN} == first["return"][-1]
    else:
        assert "QEMU's answer is a list that cannot be read" == first["error"]["desc"]
