"""The QEMU behind a monitor: greeted and negotiated with before any client is there."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Final

from platform_abi.errors import HostError, printable
from platform_abi.model.value import frozen
from platform_abi.monitor.reply import Lines, read_reply
from platform_abi.monitor.strings import decoded
from platform_abi.qemu.address import Address, connect

#: How long QEMU may take to greet and to negotiate, in seconds: it may still be starting.
PATIENCE: Final = 10.0

#: No greeting is longer, in bytes.
_LONGEST: Final = 64 * 1024


@frozen(kw_only=True)
class Backend:
    """A QEMU that is ready for commands."""

    peer: socket.socket
    #: As it was sent, and the capabilities in it.
    greeting: bytes
    capabilities: tuple[str, ...]
    lines: Lines


def open_backend(address: Address, *, patience: float = PATIENCE) -> Backend:
    """Return the QEMU at *address*, with all that it offers enabled.

    Raises HostError: ``qmp-unreachable``; ``qmp-timeout`` where nobody greets within *patience*
    seconds; ``qmp-failed`` where it hangs up or what is said is no QMP.
    """
    peer = connect(address, timeout=patience)
    try:
        return _Opening(peer, address, patience).backend()
    except BaseException:
        peer.close()
        raise


class _Opening:
    """The first words with a QEMU."""

    def __init__(self, peer: socket.socket, address: Address, patience: float) -> None:
        self._peer = peer
        self._name = printable(str(address))
        self._patience = patience
        self._until = time.monotonic() + patience
        self._lines = Lines()
        self._read: list[bytes] = []

    def backend(self) -> Backend:
        greeting = self._next()
        offered = self._capabilities(greeting)
        command = {"execute": "qmp_capabilities", "arguments": {"enable": list(offered)}, "id": 0}
        try:
            self._peer.sendall(json.dumps(command).encode() + b"\n")
        except OSError as error:
            raise self._silent(error.strerror or str(error)) from error
        answer = self._next()
        if b'"return"' not in answer or read_reply(answer) is None:
            raise self._not_qmp(answer)
        return Backend(peer=self._peer, greeting=greeting, capabilities=offered, lines=self._lines)

    def _capabilities(self, greeting: bytes) -> tuple[str, ...]:
        try:
            offered: Any = decoded(greeting)["QMP"]["capabilities"]
            if isinstance(offered, list) and all(isinstance(name, str) for name in offered):
                return tuple(offered)
        except (ValueError, RecursionError, TypeError, LookupError):
            pass
        raise self._not_qmp(greeting)

    def _next(self) -> bytes:
        """Return the next message."""
        while not self._read:
            data = self._receive()
            if not data:
                raise self._silent("the connection was closed")
            self._read.extend(self._lines.feed(data))
            if self._lines.pending > _LONGEST:
                raise self._not_qmp(data)
        return self._read.pop(0)

    def _receive(self) -> bytes:
        try:
            # Nothing is ready is another error than none of that was in time.
            self._peer.settimeout(max(self._until - time.monotonic(), _LEAST))
            return self._peer.recv(_LONGEST)
        except TimeoutError:
            raise self._silent(f"no greeting in {self._patience:g} s", code="qmp-timeout") from None
        except OSError as error:
            raise self._silent(error.strerror or str(error)) from error

    def _silent(self, reason: str, code: str = "qmp-failed") -> HostError:
        return HostError(
            f"QEMU does not answer at {self._name}: {reason}",
            code=code,
            help="QEMU serves one client of a QMP socket at a time: is another one connected?",
        )

    def _not_qmp(self, said: bytes) -> HostError:
        words = printable(said[:80].decode("utf-8", "replace").strip())
        return HostError(
            f"what answers at {self._name} is no QMP: {words}",
            code="qmp-failed",
            help="name the socket of a QEMU's -qmp, not of its guest agent or its human monitor",
        )


_LEAST: Final = 0.001
