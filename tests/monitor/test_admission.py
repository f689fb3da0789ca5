"""Which commands of a client are taken: what is refused is refused in QEMU's words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.monitor.admission import Admission
from platform_abi.monitor.client import Client
from platform_abi.monitor.reader import CLIENT_LIMITS, Message, MessageReader
from platform_abi.monitor.request import RefusedError, Request, read_request
from tests.monitor.ports import Port
from tests.monitor.streams import values

OWN = "query-platforms"


def _client(*, oob: bool = False, negotiated: bool = True) -> Client:
    client = Client(Port())
    client.negotiated, client.oob = negotiated, oob
    return client


def _request(said: Any) -> Request:
    reader = MessageReader(CLIENT_LIMITS)
    reader.feed(json.dumps(said).encode() + b"\n")
    message = reader.next()
    assert isinstance(message, Message)
    return read_request(message)


def _admission(*capabilities: str, behind: bool = True) -> Admission:
    return Admission(capabilities=frozenset(capabilities), own=frozenset({OWN}), behind=behind)


def _refused(admission: Admission, client: Client, said: Any) -> tuple[str, str] | None:
    """Return the class and words of the error that *said* is refused by, None where it is taken."""
    try:
        admission.check(client, _request(said))
    except RefusedError as error:
        return error.kind, error.desc
    return None


# --- negotiation ---------------------------------------------------------------------------------


@given(st.booleans(), st.lists(st.sampled_from(["oob", "x"]), max_size=2) | values)
def test_only_what_is_offered_is_enabled(offered: bool, enable: Any) -> None:
    """A client that asks for anything else stays where it was, and may try again."""
    admission, client = _admission(*(["oob"] if offered else [])), _client(negotiated=False)
    said = {"execute": "qmp_capabilities", "arguments": {"enable": enable}}
    fits = isinstance(enable, list) and all(isinstance(n, str) and n == "oob" for n in enable)
    if fits and (offered or not enable):
        assert {"return": {}} == json.loads(admission.negotiate(client, _request(said)))
        assert (True, bool(enable)) == (client.negotiated, client.oob)
    else:
        with pytest.raises(RefusedError):
            admission.negotiate(client, _request(said))
        assert (False, False) == (client.negotiated, client.oob)


@pytest.mark.parametrize(
    ("said", "kind", "desc"),
    [
        ({"execute": "stop"}, "CommandNotFound",
         "Expecting capabilities negotiation with 'qmp_capabilities'"),
        ({"execute": "qmp_capabilities", "arguments": {"x": 1}}, "GenericError",
         "Parameter 'x' is unexpected"),
        ({"execute": "qmp_capabilities", "arguments": {"enable": "oob"}}, "GenericError",
         "Invalid parameter type for 'enable', expected: array"),
        ({"execute": "qmp_capabilities", "arguments": {"enable": ["oob", 1]}}, "GenericError",
         "Invalid parameter type for 'enable[1]', expected: string"),
        ({"execute": "qmp_capabilities", "arguments": {"enable": ["oob", "x"]}}, "GenericError",
         "Parameter 'enable[1]' does not accept value 'x'"),
        ({"exec-oob": "qmp_capabilities"}, "GenericError",
         "QMP input member 'exec-oob' is unexpected"),
        ({}, "GenericError", "QMP input lacks member 'execute'"),
    ],
    ids=str,
)  # fmt: skip
def test_who_does_not_negotiate_is_told_so(said: dict[str, Any], kind: str, desc: str) -> None:
    """As monitor/qmp-cmds-control.c and the generated visitors say it."""
    client = _client(negotiated=False)
    with pytest.raises(RefusedError) as refused:
        _admission("oob").negotiate(client, _request(said))
    assert (kind, desc) == (refused.value.kind, refused.value.desc)
    assert not client.negotiated


def test_what_qemu_does_not_have_is_not_available() -> None:
    """The one capability, of a QEMU that is too old for it or of none."""
    said = {"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}
    with pytest.raises(RefusedError, match="Capability oob not available"):
        _admission().negotiate(_client(negotiated=False), _request(said))


# --- commands ------------------------------------------------------------------------------------


@given(st.booleans(), st.booleans(), st.sampled_from(["stop", OWN, "qmp_capabilities", "x"]))
def test_what_is_not_answered_here_is_qemus_to_judge(oob: bool, behind: bool, name: str) -> None:
    """With a QEMU only its own commands are looked at; without one, every one."""
    admission, said = _admission(behind=behind), {"execute": name}
    assert admission.answered_here(_request(said)) is (not behind or name == OWN)
    refused = _refused(admission, _client(oob=oob), said)
    if behind or name == OWN:
        assert refused is None
    elif name == "qmp_capabilities":
        words = "Capabilities negotiation is already complete, command ignored"
        assert ("CommandNotFound", words) == refused
    else:
        assert ("CommandNotFound", f"The command {name} has not been found") == refused


@pytest.mark.parametrize(
    ("oob", "behind", "said", "desc"),
    [
        (False, True, {"exec-oob": "stop"}, "QMP input member 'exec-oob' is unexpected"),
        (True, True, {"exec-oob": "stop"}, None),
        (True, True, {"exec-oob": OWN}, f"The command {OWN} does not support OOB"),
        (True, False, {"exec-oob": "stop"}, "The command stop has not been found"),
        (True, False, {"exec-oob": "qmp_capabilities"},
         "The command qmp_capabilities has not been found"),
        (False, True, {"execute": OWN, "x": 1}, "QMP input member 'x' is unexpected"),
        (False, True, {"execute": OWN, "arguments": 1},
         "QMP input member 'arguments' must be an object"),
        (False, True, {"execute": "stop", "x": 1}, None),
        (False, False, {"x": 1}, "QMP input member 'x' is unexpected"),
    ],
    ids=str,
)  # fmt: skip
def test_a_command_is_refused_as_qemu_would(
    oob: bool, behind: bool, said: dict[str, Any], desc: str | None
) -> None:
    """Out of band only for who enabled it and what allows it; a wrong shape by its member."""
    refused = _refused(_admission("oob", behind=behind), _client(oob=oob), said)
    assert desc == (None if refused is None else refused[1])
