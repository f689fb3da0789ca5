"""The monitor: a QMP server in front of a QEMU's, or on its own.

One thread does everything but the answering of questions that take long, so that nothing is ever
locked and no client can make another wait. What the monitor knows of QEMU is in memory only: when
it is killed, QEMU runs on, and takes the next one that connects.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Literal

from platform_abi.errors import HostError, printable
from platform_abi.model.value import frozen
from platform_abi.monitor.backend import Backend, open_backend
from platform_abi.monitor.client import Client
from platform_abi.monitor.commands import Commands, version
from platform_abi.monitor.connection import Connection, close_all
from platform_abi.monitor.relay import Relay
from platform_abi.monitor.reply import LINE_END, LONGEST, failure
from platform_abi.monitor.request import RefusedError, Request
from platform_abi.monitor.schema import Schema
from platform_abi.qemu.address import Address, listening

#: How much may wait for a client that does not read before it is disconnected, in bytes.
CLIENT_LIMIT: Final = 16 << 20

#: How much of a client is read before the others are, in bytes. Of the shortest tokens and messages
#: this is some 30 ms of work, and every command but a very large one is whole in it.
CLIENT_READ: Final = 8 << 10

#: More than can be under way to QEMU, all commands of ``IN_FLIGHT`` and ``ALL_OUT_OF_BAND``.
_QEMU_LIMIT: Final = 64 << 20

#: How long clients may take to read what is left for them at the end, in seconds.
_LAST_WORDS: Final = 5.0

#: How long no client is taken in where no descriptor is left for one, in seconds.
_OUT_OF_DESCRIPTORS: Final = 1.0

#: How often threads take turns, in seconds: a probe's thread must not make clients wait.
_TURN: Final = 0.0005

#: Why a monitor ended: it was told to, or its QEMU ended as it said that it would.
Ending = Literal["stopped", "qemu-ended"]


@frozen(kw_only=True)
class MonitorPlaces:
    """Where a monitor listens, with which permissions, and where its QEMU does, if there is one."""

    listen: Address
    qemu: Address | None = None
    mode: int = 0o600
    client_limit: int = CLIENT_LIMIT


def run_monitor(
    places: MonitorPlaces,
    schema: Schema,
    commands: Commands,
    *,
    ready: Callable[[], None] = lambda: None,
) -> Ending:
    """Serve until SIGTERM, SIGINT or the end of QEMU, and return which it was.

    *ready* is called when clients can connect. Raises HostError: for an address that cannot be
    listened at; for a QEMU that cannot be reached or is none; ``qemu-lost`` for one that went
    without a word.
    """
    backend = None if places.qemu is None else open_backend(places.qemu)
    with contextlib.ExitStack() as stack:
        if backend is not None:
            stack.callback(backend.peer.close)
        server = stack.enter_context(listening(places.listen, mode=places.mode))
        pool = stack.enter_context(ThreadPoolExecutor(1, "answers"))
        before = sys.getswitchinterval()
        stack.callback(sys.setswitchinterval, before)
        sys.setswitchinterval(_TURN)
        # This process lives on, and each client that went leaves a circle behind.
        gc.enable()

        async def serve() -> Ending:
            return await _Monitor(places, schema, commands, backend, pool).run(server, ready)

        return asyncio.run(serve())


class _Monitor:
    """A monitor that runs."""

    def __init__(
        self,
        places: MonitorPlaces,
        schema: Schema,
        commands: Commands,
        backend: Backend | None,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._places = places
        self._commands = commands
        self._pool = pool
        self._end: asyncio.Future[Ending] = self._loop.create_future()
        self._connections: set[Connection] = set()
        self._lines = None if backend is None else backend.lines
        self._qemu: Connection | None = None
        if backend is not None:
            self._qemu = Connection(
                self._loop, backend.peer, self._qemu_said, self._qemu_lost, limit=_QEMU_LIMIT
            )
        self._relay = Relay(
            greeting=_greeting() if backend is None else backend.greeting,
            capabilities=() if backend is None else backend.capabilities,
            own=commands.names,
            ask=self._ask,
            to_qemu=None if self._qemu is None else self._qemu.send,
            additions=None if backend is None else additions(schema),
        )

    async def run(self, server: socket.socket, ready: Callable[[], None]) -> Ending:
        server.setblocking(False)
        self._loop.add_reader(server, self._accept, server)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop)
        try:
            ready()
            return await self._end
        finally:
            self._loop.remove_reader(server)
            # Whoever connects from here on is told at once that nobody is there.
            server.close()
            await self._last_words()
            if self._qemu is not None:
                self._qemu.close()

    def _stop(self) -> None:
        if not self._end.done():
            self._end.set_result("stopped")

    # --- clients ---------------------------------------------------------------------------------

    def _accept(self, server: socket.socket) -> None:
        try:
            peer, _ = server.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return
        except OSError:
            # No descriptor or no memory is left. Those who wait would be announced for ever.
            self._loop.remove_reader(server)
            self._loop.call_later(_OUT_OF_DESCRIPTORS, self._accept_again, server)
            return
        if peer.family != socket.AF_UNIX:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _Served(self._loop, peer, self._relay, self._connections, self._places.client_limit)

    def _accept_again(self, server: socket.socket) -> None:
        if not self._end.done():
            self._loop.add_reader(server, self._accept, server)

    async def _last_words(self) -> None:
        """Let clients read what is left for them, and close."""
        until = self._loop.time() + _LAST_WORDS
        for connection in self._connections:
            connection.hold(True)
        # Nobody tells when all of them are done, and this is done once.
        while any(c.unsent for c in self._connections) and self._loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_GLANCE)
        for connection in list(self._connections):
            connection.close()

    # --- answers ---------------------------------------------------------------------------------

    def _ask(self, client: Client, request: Request) -> None:
        asked = self._pool.submit(self._commands.answer, request)
        asked.add_done_callback(partial(self._told, client, request))

    def _told(self, client: Client, request: Request, answer: Future[bytes]) -> None:
        """Bring an answer from the thread that made it to the one that sends it."""
        if answer.cancelled():
            return
        wrong = answer.exception()
        if wrong is None:
            line = answer.result()
        else:
            # Whatever it is, the client waits for an answer.
            line = failure(RefusedError(f"internal error: {wrong!r}"), request.id)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._relay.answered, client, request, line)

    # --- QEMU ------------------------------------------------------------------------------------

    def _qemu_said(self, data: bytes, descriptors: list[int]) -> None:
        close_all(descriptors)  # QEMU sends none
        assert self._lines is not None  # noqa: S101 - there is a QEMU
        for line in self._lines.feed(data):
            if not self._relay.said(line):
                said = printable(line[:80].decode("utf-8", "replace").strip())
                self._disbelieve(f"QEMU said what is no QMP: {said}")
                return
        if self._lines.pending > LONGEST:
            self._disbelieve(f"QEMU sent more than {LONGEST} bytes without an end of line")

    def _disbelieve(self, reason: str) -> None:
        """Have done with what is no QEMU: clients are told, and nothing more is read from it."""
        assert self._qemu is not None  # noqa: S101 - it said something
        self._qemu.close()
        self._relay.give_up(reason)
        self._fail(reason, "qmp-failed")

    def _qemu_lost(self, reason: str | None) -> None:
        if self._relay.shut_down:
            if not self._end.done():
                self._end.set_result("qemu-ended")
            return
        why = "" if reason is None else f": {reason}"
        self._fail(f"QEMU closed the connection without a word{why}", "qemu-lost")

    def _fail(self, message: str, code: str) -> None:
        if not self._end.done():
            self._end.set_exception(HostError(message, code=code))


#: How often it is looked at whether clients have read their last words, in seconds.
_GLANCE: Final = 0.005


class _Served:
    """A client that is connected: the port of the relay's that leads to it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        peer: socket.socket,
        relay: Relay,
        connections: set[Connection],
        limit: int,
    ) -> None:
        self._relay = relay
        self._connections = connections
        self._connection = Connection(
            loop,
            peer,
            self._received,
            self._lost,
            limit=limit,
            read=CLIENT_READ,
            drained=self._drained,
        )
        connections.add(self._connection)
        self._client = relay.connect(self._connection)

    def _received(self, data: bytes, descriptors: list[int]) -> None:
        self._relay.received(self._client, data, descriptors)

    def _drained(self) -> None:
        self._relay.resume(self._client)

    def _lost(self, _reason: str | None) -> None:
        self._connections.discard(self._connection)
        self._relay.disconnect(self._client)


def _greeting() -> bytes:
    return json.dumps({"QMP": {"version": version(), "capabilities": []}}).encode() + LINE_END


def additions(schema: Schema) -> Mapping[str, Mapping[str, bytes]]:
    """Return what is added to the lists that QEMU returns of its commands and its schema."""
    return {
        "query-commands": {name: _entry({"name": name}) for name in schema.commands},
        "query-qmp-schema": {name: _entry(entry) for name, entry in schema.entries().items()},
    }


def _entry(value: Any) -> bytes:
    return json.dumps(value).encode()
