"""One question, one answer: QMP with a QEMU that was started for nothing else.

For a throw-away QEMU on its own standard streams this is all that QMP takes: a greeting, lines of
JSON, and events to pass over (``docs/interop/qmp-spec.rst`` in QEMU's sources). It works in any
thread, inside or outside of an event loop, and counts on nothing that it is told.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from platform_abi.errors import HostError, printable
from platform_abi.qemu.block import Block
from platform_abi.qemu.process import MAX_OUTPUT, Throwaway, ending

# As in ``block``.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ARGUMENTS = ("-S", "-display", "none")

#: QMP on the standard streams; or on the input alone, where the output is something else's. Then
#: the monitor takes descriptors, for it knows that it has a socket (chardev/char-socket.c).
_STREAMS = ("-qmp", "stdio")
_INPUT = ("-chardev", "socket,id=platform-abi,fd=0", "-qmp", "chardev:platform-abi")


class QmpError(HostError):
    """QEMU did not start, did not answer in time, or said what is no QMP."""


class QmpCommandError(QmpError):
    """QEMU answered a command by an error: it does not know it, or what it was asked about."""


class Qmp(Block):
    """A QEMU without a running guest, for the time of a block, to be asked by ``execute``.

    *arguments* are those of the machine, *timeout* in seconds bounds the start and each answer,
    however many events come before it. *environment* is added to this process's own. With *output*,
    a socket that is to be its standard output, it speaks QMP on its input alone. Entering raises
    QmpError, ``qemu-failed`` or ``qemu-timeout``, and HostError for no such binary, or a file that
    is no program.
    """

    def __init__(
        self,
        binary: str,
        arguments: Sequence[str],
        *,
        timeout: float = 10.0,
        environment: Mapping[str, str] = MappingProxyType({}),
        output: socket.socket | None = None,
    ) -> None:
        self._binary = binary
        self._timeout = timeout
        streams = _STREAMS if output is None else _INPUT
        command = [binary, *arguments, *_ARGUMENTS, *streams]
        self._process = Throwaway(command, environment=environment, output=output)
        self._cleanup = contextlib.ExitStack()
        self._received = bytearray()

    def start(self) -> None:
        """Start it without waiting: ``greet`` has to follow."""
        self._process.start()
        self._cleanup.push(self._process)

    def _await_start(self) -> None:
        self.greet(self._timeout)

    def greet(self, timeout: float) -> None:
        """Wait for it to start; *timeout*, in seconds, bounds that and each answer from now on."""
        self._timeout = timeout
        if "QMP" not in self._next(time.monotonic() + timeout):
            raise self._failed("it does not greet")
        self.execute("qmp_capabilities")

    @property
    def stderr(self) -> str:
        """What QEMU has written to its stderr so far."""
        return self._process.stderr

    def end(self) -> int:
        """End it, and return its exit status, negative for a signal."""
        return self._process.end()

    def receive(self, of: socket.socket, deadline: float) -> bytes:
        """Return what comes next from a socket whose other end QEMU has: see ``Throwaway``."""
        return self._process.receive(deadline, of)

    def give(self, name: str, descriptor: int) -> None:
        """Give QEMU a copy of *descriptor*, which it calls *name* from now on.

        Only where it speaks QMP on its input alone. Raises as ``execute`` does.
        """
        self._execute("getfd", {"fdname": name}, descriptor)

    def execute(self, command: str, **arguments: object) -> Any:
        """Return QEMU's answer to *command*, plain data.

        Raises QmpCommandError where that is an error, QmpError for none in time or no QMP.
        """
        return self._execute(command, arguments)

    def execute_each(
        self, commands: Sequence[tuple[str, Mapping[str, object]]]
    ) -> Iterator[Any | QmpCommandError]:
        """Yield QEMU's answers to *commands*, each with its arguments, an error as a value.

        All are sent at once: QEMU answers one after the other, and need not wait for who asks. So
        they are to be no more than a few thousand. Raises QmpError where ``execute`` does.
        """
        self._send(b"".join(_request(*each) for each in commands))
        for command, _ in commands:
            try:
                yield self._answer(command)
            except QmpCommandError as error:
                yield error

    def _execute(self, command: str, arguments: Mapping[str, object], *descriptors: int) -> Any:
        self._send(_request(command, arguments), *descriptors)
        return self._answer(command)

    def _send(self, data: bytes, *descriptors: int) -> None:
        try:
            self._process.send(data, *descriptors)
        except OSError:
            raise self._failed("it has ended") from None

    def _answer(self, command: str) -> Any:
        """Return QEMU's next answer, which is one to *command*."""
        # One for all that comes: events without end are no answer.
        deadline = time.monotonic() + self._timeout
        while True:
            answer = self._next(deadline)
            if "return" in answer:
                return answer["return"]
            if isinstance(answer.get("error"), dict):
                reason = printable(str(answer["error"].get("desc", "")))
                raise QmpCommandError(
                    f"{command}: {reason}",
                    code="qemu-failed",
                    help="it may be too old a QEMU, or built without it",
                )
            if "event" not in answer:
                raise self._failed("what it says is no QMP")

    def _next(self, deadline: float) -> dict[str, Any]:
        """Return the next message of QEMU's, if it comes before *deadline*."""
        while b"\n" not in self._received:
            try:
                chunk = self._process.receive(deadline)
            except TimeoutError:
                raise QmpError(
                    f"{printable(self._binary)} did not answer in {self._timeout:g} s",
                    code="qemu-timeout",
                    help="the host may be busy: allow it more time",
                ) from None
            if not chunk:
                raise self._failed(f"it {ending(self._process.end())}")
            self._received += chunk
            if len(self._received) > MAX_OUTPUT:
                raise self._failed("its line has no end")
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self._failed("what it says is no QMP")
        return message

    def _failed(self, reason: str) -> QmpError:
        return QmpError(
            f"{printable(self._binary)} cannot be asked: {reason}",
            code="qemu-failed",
            help="name the binary of a QEMU system emulator",
            details=self.stderr.splitlines(),
        )


def _request(command: str, arguments: Mapping[str, object]) -> bytes:
    said = {"execute": command, "arguments": arguments} if arguments else {"execute": command}
    # QEMU reads a byte at a time (monitor/monitor.c, monitor_can_read).
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"
