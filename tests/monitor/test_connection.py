"""A socket in an event loop: nothing is lost, nobody waits, and descriptors are not left open."""

from __future__ import annotations

import array
import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from platform_abi.monitor.connection import Connection

LIMIT = 1 << 22


class Ends:
    """A connection, the other end of it, and what came of it."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        mine, self.peer = socket.socketpair()
        self.peer.setblocking(False)
        self.data = b""
        self.descriptors: list[int] = []
        self.lost: list[str | None] = []
        self.loop = asyncio.get_running_loop()
        self.connection = Connection(self.loop, mine, self._received, self.lost.append, limit=limit)

    def _received(self, data: bytes, descriptors: list[int]) -> None:
        self.data += data
        self.descriptors += descriptors

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something is true, for ten seconds at most."""
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110 - anything may make it true
                await asyncio.sleep(0.001)

    def close(self) -> None:
        """Close both ends."""
        self.connection.close()
        self.peer.close()


def _run(test: Callable[[Ends], Awaitable[None]], *, limit: int = LIMIT) -> None:
    async def run() -> None:
        ends = Ends(limit=limit)
        try:
            await test(ends)
        finally:
            ends.close()

    asyncio.run(run())


def test_megabytes_arrive_whole_and_in_order_in_both_directions() -> None:
    """More than a socket holds at once, in pieces of every size."""
    pieces = [bytes([n % 251]) * (n * 37 % 5000 + 1) for n in range(1200)]
    whole = b"".join(pieces)

    async def test(ends: Ends) -> None:
        for piece in pieces:
            ends.connection.send(piece)
        got = b""
        while len(got) < len(whole):
            got += await ends.loop.sock_recv(ends.peer, 1 << 16)
        assert whole == got
        await ends.loop.sock_sendall(ends.peer, whole)
        await ends.until(lambda: len(ends.data) == len(whole))
        assert whole == ends.data
        assert not ends.connection.unsent

    _run(test)


def test_descriptors_arrive_with_their_bytes_and_are_closed_here() -> None:
    """Neither those that go out nor those that come in leak or get mixed up."""
    before = len(list(Path("/proc/self/fd").iterdir()))

    async def test(ends: Ends) -> None:
        reading, writing = os.pipe()
        same = os.fstat(reading).st_ino
        ends.connection.send(b"before")
        ends.connection.send(b"with", [reading])
        ends.connection.send(b"after")
        await ends.until(lambda: not ends.connection.unsent)
        data, ancillary, _, _ = ends.peer.recvmsg(64, 1024)
        # The kernel ends a read where descriptors are: those of what came last in it.
        assert b"beforewith" == data
        received = array.array("i", ancillary[0][2])[0]
        assert same == os.fstat(received).st_ino
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [received, writing]))]
        ends.peer.sendmsg([b"back"], rights)
        await ends.until(lambda: ends.data)
        assert 2 == len(ends.descriptors)
        assert not any(os.get_inheritable(descriptor) for descriptor in ends.descriptors)
        for descriptor in (received, writing, *ends.descriptors):
            os.close(descriptor)

    _run(test)
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_descriptors_that_could_not_go_out_are_closed() -> None:
    """A peer that is gone, or a connection that is closed, costs nothing."""

    async def test(ends: Ends) -> None:
        first, second = os.pipe()
        ends.peer.close()
        ends.connection.send(b"x", [first])
        await ends.until(lambda: ends.lost)
        ends.connection.send(b"x", [second])
        for descriptor in (first, second):
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(descriptor)

    _run(test)


def test_a_peer_that_does_not_read_is_left() -> None:
    """What waits for it is bounded, and the reason is told."""

    async def test(ends: Ends) -> None:
        for _ in range(40):
            ends.connection.send(b"x" * 100_000)
            await asyncio.sleep(0)
        await ends.until(lambda: ends.lost)
        assert not ends.connection.open
        assert (ends.lost[0] or "").startswith("it does not read")

    _run(test, limit=1 << 20)


def test_nobody_is_read_from_who_does_not_read() -> None:
    """A peer with a megabyte waiting for it is heard again when it has read it."""

    async def test(ends: Ends) -> None:
        ends.connection.send(b"x" * (3 << 20))
        await asyncio.sleep(0.01)
        await ends.loop.sock_sendall(ends.peer, b"hello")
        await asyncio.sleep(0.05)
        assert b"" == ends.data
        got = 0
        while got < 3 << 20:
            got += len(await ends.loop.sock_recv(ends.peer, 1 << 16))
        await ends.until(lambda: ends.data == b"hello")

    _run(test)


def test_it_is_told_when_a_peer_has_caught_up() -> None:
    """Once, when what waits is little enough, and not while it never was much."""
    drained: list[bool] = []

    async def test(ends: Ends) -> None:
        connection = ends.connection
        connection._drained = lambda: drained.append(connection.behind)
        connection.send(b"x" * 1000)
        await ends.until(lambda: not connection.unsent)
        assert not drained
        connection.send(b"x" * (3 << 20))
        assert connection.behind
        got = 0
        while got < 1000 + (3 << 20):
            got += len(await ends.loop.sock_recv(ends.peer, 1 << 16))
        await ends.until(lambda: not connection.unsent)
        assert [False] == drained

    _run(test)


def test_others_are_read_between_the_pieces_of_one_with_much_to_say() -> None:
    """Whoever speaks second is heard after one piece of the first, not after all of it."""
    heard: list[tuple[str, int]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        peers: list[socket.socket] = []
        connections: list[Connection] = []
        for name, said in (("much", b"x" * 100_000), ("little", b"hello")):
            mine, peer = socket.socketpair()
            peer.sendall(said)
            peers.append(peer)

            def received(data: bytes, _: list[int], name: str = name) -> None:
                heard.append((name, len(data)))

            connections.append(
                Connection(loop, mine, received, lambda _: None, limit=LIMIT, read=1000)
            )
        async with asyncio.timeout(10):
            while len(heard) < 101:  # noqa: ASYNC110 - what is heard makes it true
                await asyncio.sleep(0)
        for connection, peer in zip(connections, peers, strict=True):
            connection.close()
            peer.close()

    asyncio.run(run())
    assert ("little", 5) in heard[:2]
    assert [("much", 1000)] * 100 == [each for each in heard if each[0] == "much"]


def test_held_means_held() -> None:
    """Nothing is read until it may be, and nothing of it is lost."""

    async def test(ends: Ends) -> None:
        ends.connection.hold(True)
        await ends.loop.sock_sendall(ends.peer, b"hello")
        await asyncio.sleep(0.05)
        assert b"" == ends.data
        ends.connection.hold(False)
        await ends.until(lambda: ends.data == b"hello")

    _run(test)


def test_the_end_is_told_once_after_all_that_was_said() -> None:
    """A peer that says something and goes has said it."""

    async def test(ends: Ends) -> None:
        await ends.loop.sock_sendall(ends.peer, b"last words")
        ends.peer.close()
        await ends.until(lambda: ends.lost)
        ends.connection.send(b"into the void")
        await asyncio.sleep(0.01)
        assert (b"last words", [None]) == (ends.data, ends.lost)

    _run(test)
