"""The first words with a QEMU: whoever was there before leaves nothing that is taken for ours."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from platform_abi.errors import HostError
from platform_abi.monitor.backend import Backend, open_backend
from platform_abi.qemu.address import UnixAddress

GREETING = b'{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n'


@contextmanager
def _peer(folder: Path, said: Callable[[int], bytes]) -> Iterator[UnixAddress]:
    """Listen as a QEMU would; *said* is what it says when asked under a number to negotiate."""
    place = folder / "q.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()

        def talk() -> None:
            peer, _ = server.accept()
            with peer, contextlib.suppress(OSError):
                peer.sendall(GREETING)
                peer.sendall(said(json.loads(peer.recv(4096))["id"]))

        thread = threading.Thread(target=talk)
        thread.start()
        yield UnixAddress(path=str(place))
        thread.join(10)


def _opened(folder: Path, said: Callable[[int], bytes]) -> Backend:
    with _peer(folder, said) as place:
        backend = open_backend(place)
        backend.peer.close()
        return backend


@pytest.mark.parametrize(
    "before",
    [
        b'{"return": {}, "id": 0}\r\n',
        b'{"return": {}}\r\n',
        b'{"return": "%s", "id": "libvirt-7"}\r\n' % (b"x" * (3 << 20)),
        b'{"id": 4, "error": {"class": "GenericError", "desc": "too late"}}\r\n',
        b'{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "STOP"}\r\n',
    ],
)
def test_what_qemu_still_says_to_another_is_passed_over(tmp_path: Path, before: bytes) -> None:
    """A command may end after its client did: QEMU answers whoever is there then (7.2 to 11.1)."""
    backend = _opened(tmp_path, lambda number: before + b'{"return": {}, "id": %d}\r\n' % number)
    assert (GREETING, ("oob",)) == (backend.greeting, backend.capabilities)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"id": %d, "error": {"class": "GenericError", "desc": "no"}}\r\n',
        b'{"x": %d}\r\n',
        b"[%d]\r\n",
        b"[" * 100_000 + b"%d\r\n",
        b'{"return": %d\r\n',
    ],
)
def test_what_does_not_negotiate_is_no_qemu(tmp_path: Path, answer: bytes) -> None:
    """With its words, whatever they are."""
    with pytest.raises(HostError, match="is no QMP") as caught:
        _opened(tmp_path, lambda number: answer % number)
    assert "qmp-failed" == caught.value.code


def test_what_never_ends_a_line_is_no_qemu(tmp_path: Path) -> None:
    """It is left when more has come than a message may have."""
    with pytest.raises(HostError) as caught:
        _opened(tmp_path, lambda _: b"x" * (17 << 20))
    assert "qmp-failed" == caught.value.code
