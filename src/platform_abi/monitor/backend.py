"""The QEMU behind a monitor: greeted and negotiated with before any client is there."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections import deque
from typing import Any, Final

from platform_abi.errors import HostError, printable
from platform_abi.model.value import frozen
from platform_abi.monitor.reply import LONGEST, Lines
from platform_abi.monitor.strings import decoded
from platform_abi.qemu.address import Address, connect

#: How long QEMU may take to greet and to negotiate, in seconds: it may still be starting.
PATIENCE: Final = 10.0

#: No greeting is longer, in bytes, and so much is read at once.
_LONGEST_GREETING: Final = 64 * 1024


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
        self._read: deque[bytes] = deque()

    def backend(self) -> Backend:
        greeting = self._next(_LONGEST_GREETING)
        offered = self._capabilities(greeting)
        # QEMU still answers what it was asked by a client that is gone: nobody had this number.
        number = secrets.randbits(48)
        enable = {"enable": list(offered)}
        command = {"execute": "qmp_capabilities", "arguments": enable, "id": number}
        try:
            self._peer.sendall(json.dumps(command).encode() + b"\n")
        except OSError as error:
            raise self._silent(error.strerror or str(error)) from error
        while (answer := self._message(line := self._next(LONGEST))).get("id") != number:
            if not {"return", "error", "event"} & answer.keys():
                raise self._not_qmp(line)
        if "return" not in answer:
            raise self._not_qmp(line)
        return Backend(peer=self._peer, greeting=greeting, capabilities=offered, lines=self._lines)

    def _capabilities(self, greeting: bytes) -> tuple[str, ...]:
        described = self._message(greeting).get("QMP")
        offered = described.get("capabilities") if isinstance(described, dict) else None
        if not isinstance(offered, list) or not all(isinstance(name, str) for name in offered):
            raise self._not_qmp(greeting)
        return tuple(offered)

    def _message(self, line: bytes) -> dict[str, Any]:
        try:
            message = decoded(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self._not_qmp(line)
        return message

    def _next(self, longest: int) -> bytes:
        """Return the next message, of *longest* bytes at most."""
        while not self._read:
            data = self._receive()
            if not data:
                raise self._silent("the connection was closed")
            self._read.extend(self._lines.feed(data))
            if self._lines.pending > longest:
                raise self._not_qmp(data)
        return self._read.popleft()

    def _receive(self) -> bytes:
        try:
            # Nothing is ready is another error than none of that was in time.
            self._peer.settimeout(max(self._until - time.monotonic(), _LEAST))
            return self._peer.recv(_LONGEST_GREETING)
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
