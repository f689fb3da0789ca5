"""A conversation through a QMP socket: with who answers, who does not, and who is no QEMU."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.option_language import option_value
from platform_abi.verifier.expected import expected
from platform_abi.verifier.peer import QmpPeer
from platform_abi.verifier.running import Answer, look, read
from platform_abi.verifier.verify import verify
from tests.verifier.recorded_machine import GREETING, bare, promised, resolved, serving, telling
from tests.verifier.test_verify import able

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]

#: How long these peers may take, in seconds.
_SOON = 1.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a socket can be."""
    return tmp_path / "qmp"


def saying(text: bytes) -> Conversation:
    """Return a conversation of one side, which stays after it has said everything."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await reader.read(-1)

    return converse


def _code(address: object, timeout: float = _SOON) -> str:
    with (
        pytest.raises(pa.HostError) as caught,
        QmpPeer(str(address), timeout=timeout) as peer,
    ):
        look(peer.ask)
    assert caught.value.help
    return caught.value.code


@pytest.mark.parametrize("prefix", ["", "unix:"])
def test_what_is_told_through_a_socket_is_what_is(
    catalogue: pa.FileCatalogue, path: Path, prefix: str
) -> None:
    """A machine that is read through a socket, and what comes of it, are the machine itself."""
    abi = resolved(catalogue)
    there = promised(catalogue, abi, bare(catalogue, abi))
    with serving(path, telling(there)), QmpPeer(f"{prefix}{path}", timeout=30) as peer:
        vm = look(peer.ask)
        paths = [[thing.path for thing in each.objects()] for each in (vm, there)]
        assert sorted(paths[0]) == sorted(paths[1])
        vm = read(peer.ask, vm, expected(catalogue, abi, vm).wanted())
    found = verify(catalogue, abi, vm, host=able(catalogue))
    assert [f for f in found.findings if f.severity == "drift"] == []
    assert found.compared > 200


def test_nobody_there(path: Path) -> None:
    """No socket, and one that nobody serves any more, are unreachable."""
    assert _code(path) == "qmp-unreachable"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    assert _code(path) == "qmp-unreachable"


@pytest.mark.parametrize("address", ["", "unix:", "tcp:nobody", "tcp:localhost:x", "a\0b"])
def test_an_address_that_is_none(address: str) -> None:
    """What is neither a path nor tcp:HOST:PORT is an error before anybody is asked."""
    with pytest.raises(pa.UsageError) as caught:
        QmpPeer(address)
    assert caught.value.code == "socket-address"


def test_through_tcp_too() -> None:
    """An address with a port is a network's."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert _code(f"tcp:127.0.0.1:{port}", timeout=0.2) == "qmp-timeout"
    assert _code(f"tcp:127.0.0.1:{port}") == "qmp-unreachable"


def test_a_socket_that_somebody_else_has_is_not_waited_for(path: Path) -> None:
    """QEMU lets a second client wait for its greeting: that ends, in time, with who it may be."""
    with serving(path, saying(b"")):
        begun = time.monotonic()
        with pytest.raises(pa.HostError) as caught, QmpPeer(str(path), timeout=0.3):
            pass
    assert caught.value.code == "qmp-timeout"
    assert "one client" in caught.value.help
    assert time.monotonic() - begun < 5


def test_a_peer_that_never_answers_is_not_waited_for(path: Path) -> None:
    """A greeting alone is no answer."""
    with serving(path, saying(json.dumps(GREETING).encode() + b"\n")):
        assert _code(path, timeout=0.3) == "qmp-timeout"


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\xff\xfe\n",
        b"{}\n",
        b"[]\n",
        b'{"QMP": 1}\n',
        b'{"return": {}}\n',
        b'{"QMP": {"version"\n',
        b"{" * 5000 + b"\n",
        b"\0" * 100000 + b"\n",
    ],
    ids=["ssh", "bytes", "empty", "list", "number", "no greeting", "half", "deep", "zeros"],
)
def test_a_peer_that_is_no_qmp(path: Path, text: bytes) -> None:
    """Whatever else it says, it is told apart from a QEMU, and nothing is printed."""
    with serving(path, saying(text)):
        assert _code(path) in ("qmp-failed", "qmp-timeout")


def _read_all(catalogue: pa.FileCatalogue, abi: pa.GuestAbi, path: Path) -> None:
    with QmpPeer(str(path), timeout=5) as peer:
        vm = look(peer.ask)
        read(peer.ask, vm, expected(catalogue, abi, vm).wanted())


@pytest.mark.parametrize("answers", [1, 3, 8, 30])
def test_a_qemu_that_dies_in_the_middle(
    catalogue: pa.FileCatalogue, path: Path, answers: int
) -> None:
    """Wherever the conversation ends, that it has ended is an error, and never half a verdict."""
    abi = resolved(catalogue)
    there = promised(catalogue, abi, bare(catalogue, abi))
    with serving(path, telling(there, most=answers)), pytest.raises(pa.HostError) as caught:
        _read_all(catalogue, abi, path)
    assert caught.value.code == "qmp-failed"


def test_nothing_is_printed(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What goes wrong is raised; the client's own log stays out of a user's terminal."""
    with serving(path, saying(b"no QMP at all\n")):
        _code(path)
    assert capfd.readouterr() == ("", "")


# --- whatever is answered ------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "type", "qemu", "major", "qom-path", "enabled", "cpus"]),
            inner | st.sampled_from(["child<x>", "device[1]", "/machine/unattached/device[0]"]),
        )
    ),
    max_leaves=12,
)


@given(data=st.data())
def test_whatever_is_answered_is_some_machine(data: st.DataObject) -> None:
    """Answers of any shape are read as far as they make sense; without a machine that is said."""

    def ask(commands: object) -> list[Answer]:
        assert isinstance(commands, list)
        return [
            Answer(value=data.draw(_JSON)) if data.draw(st.booleans()) else Answer(refused="no")
            for _ in commands
        ]

    try:
        vm = look(ask)
    except pa.HostError as error:
        assert error.code == "qmp-no-machine"  # noqa: PT017 - it may well be some machine
        return
    read(ask, vm, {thing.path: ["x", "y"] for thing in vm.objects()})


@given(value=_JSON)
def test_a_value_is_always_text(value: object) -> None:
    """Whatever QEMU reads back can be compared with what a definition spells."""
    text = option_value(value)
    assert isinstance(text, str)
    if isinstance(value, (list, dict)):
        assert json.loads(text) == value
    elif isinstance(value, bool):
        assert text == ("on" if value else "off")
    elif isinstance(value, int):
        assert int(text) == value
