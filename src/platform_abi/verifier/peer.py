"""A conversation with a running QEMU through its QMP socket, for as long as some questions take.

QEMU serves one client of a socket at a time: another one connects, and waits for the greeting. So
everything here has a time limit. What speaks to QEMU is ``qemu.qmp``, QEMU's own client, which is
an extra of this package: nothing else needs it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Coroutine, Sequence
from types import ModuleType
from typing import Any, Self, TypeVar

from platform_abi.errors import HostError, printable
from platform_abi.qemu.address import Address, connect, read_address
from platform_abi.verifier.running import Answer, Command

#: How long QEMU may take to greet, and to answer, by default, in seconds.
TIMEOUT = 10.0

#: How many commands are sent before the first is answered: QEMU queues eight of a monitor
#: (monitor/qmp.c, QMP_REQ_QUEUE_LEN_MAX), and more only wait in the socket.
_AT_ONCE = 64

T = TypeVar("T")


class QmpPeer:
    """The QMP socket of a QEMU that somebody else runs, for the time of a block.

    *address* is the path of a Unix socket, which may have ``unix:`` before it, or
    ``tcp:HOST:PORT``; UsageError (``socket-address``) for what is neither. *timeout*, in seconds,
    bounds the greeting and each batch of answers.

    Entering raises HostError: ``qmp-library`` where ``qemu.qmp`` is not installed,
    ``qmp-unreachable`` for nobody there, ``qmp-timeout`` for no greeting in time, ``qmp-failed``
    for a peer that speaks no QMP.
    No event loop may run in this thread.
    """

    def __init__(self, address: str, *, timeout: float = TIMEOUT) -> None:
        self._address = _address(address)
        self._timeout = timeout
        self._runner = asyncio.Runner()
        self._client: Any = None
        self._process: int | None = None

    def __enter__(self) -> Self:
        self._client = _library().QMPClient("platform-abi")
        # Its messages are ours to tell: an error is raised, and needs no line on stderr besides.
        self._client.logger = logging.getLogger(f"{__name__}.client")
        self._client.logger.addHandler(logging.NullHandler())
        self._client.logger.propagate = False
        try:
            channel = connect(self._address, timeout=self._timeout)
            self._process = _listener(channel)
            channel.setblocking(False)
            self._run(self._client.connect(channel), "greeting")
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def process(self) -> int | None:
        """Return the number of the process that listens at the socket, None where nobody knows.

        It is QEMU's where QEMU made the socket itself, and not where somebody handed it over.
        """
        return self._process

    def ask(self, commands: Sequence[Command]) -> list[Answer]:
        """Return what QEMU answers to each of *commands*; an error of one is an answer.

        Raises HostError: ``qmp-timeout``, or ``qmp-failed`` where QEMU has gone.
        """
        found: list[Answer] = []
        for first in range(0, len(commands), _AT_ONCE):
            found += self._run(self._ask(commands[first : first + _AT_ONCE]), "answer")
        return found

    async def _ask(self, commands: Sequence[Command]) -> list[Answer]:
        return await asyncio.gather(*(self._one(*command) for command in commands))

    async def _one(self, name: str, arguments: Any) -> Answer:
        from qemu.qmp import ExecuteError

        try:
            return Answer(value=await self._client.execute(name, dict(arguments) or None))
        except ExecuteError as error:
            return Answer(refused=printable(str(error)))

    def _run(self, work: Coroutine[Any, Any, T], what: str) -> T:
        from qemu.qmp import ConnectError, QMPError

        where = printable(str(self._address))
        try:
            return self._runner.run(asyncio.wait_for(work, self._timeout))
        except TimeoutError:
            raise HostError(
                f"{where}: no {what} in {self._timeout:g} s",
                code="qmp-timeout",
                help="QEMU serves one client of a socket at a time: is another one connected? "
                "Give it a second -qmp, or ask through 'platform-abi monitor'",
            ) from None
        except ConnectError as error:
            raise _failed(where, str(error.exc) or type(error.exc).__name__) from None
        except (QMPError, OSError, EOFError) as error:
            raise _failed(where, str(error) or type(error).__name__) from None

    def _close(self) -> None:
        """Hang up, whatever state the conversation is in."""
        try:
            if self._client is not None:
                self._runner.run(asyncio.wait_for(self._client.disconnect(), self._timeout))
        except Exception:  # noqa: BLE001, S110 - whatever it was, it has been told or is over
            pass
        finally:
            self._runner.close()


def _library() -> ModuleType:
    """Return ``qemu.qmp``; raises HostError (``qmp-library``) where it is not installed."""
    try:
        from qemu import qmp
    except ImportError as error:
        raise HostError(
            f"asking a running QEMU takes the Python package qemu.qmp: {printable(str(error))}",
            code="qmp-library",
            help="install it where platform-abi is: 'pip install qemu.qmp', 'pipx inject "
            "platform-abi qemu.qmp', or 'apt install python3-qemu-qmp', which Debian 13 lacks",
        ) from None
    return qmp


def _listener(channel: socket.socket) -> int | None:
    """Return who listens at the other end of a Unix socket (SO_PEERCRED, unix(7))."""
    if channel.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    size = struct.calcsize("3i")
    pid, _, _ = struct.unpack("3i", channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(pid) or None  # 0: a process of another namespace


def _address(text: str) -> Address:
    """Return what *text* means: a path alone is that of a Unix socket."""
    known = text.startswith(("unix:", "tcp:"))
    return read_address(text if known else f"unix:{text}", tcp=True)


def _failed(where: str, reason: str) -> HostError:
    return HostError(
        f"{where}: the conversation failed: {printable(reason)}",
        code="qmp-failed",
        help="is it the QMP socket of a QEMU, and does that still run?",
    )
