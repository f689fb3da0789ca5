"""A socket in an event loop: bytes and descriptors in, bytes and descriptors out, nobody waits.

asyncio's streams know nothing of descriptors (unix(7), SCM_RIGHTS), and the way through them is
longer than a monitor's few hundred bytes deserve: this uses the loop to be told when a socket is
ready, and the socket itself for the rest.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

#: How much is read at once, in bytes, and how many descriptors: SCM_MAX_FD of the kernel.
READ: Final = 64 * 1024
_DESCRIPTORS: Final = 253

_CONTROL: Final = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)

#: What came: bytes, and the descriptors that came with them, which are the receiver's to close.
Received = Callable[[bytes, list[int]], None]


class Connection:
    """One connected stream socket.

    *received* is called with what comes, *lost* once when the peer is gone, with the reason, which
    is None where it simply closed. What is sent waits for the peer in memory, up to *limit* bytes:
    a peer that does not read loses the connection then. *drained* is called when it was ``behind``
    and is no more.

    Of what has come at most *read* bytes are taken before the loop turns to the other connections.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        peer: socket.socket,
        received: Received,
        lost: Callable[[str | None], None],
        *,
        limit: int,
        read: int = READ,
        drained: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._peer = peer
        self._received = received
        self._lost = lost
        self._drained = drained
        self._limit = limit
        self._read = read
        self._patience = min(limit, _PATIENCE)
        #: What was not sent yet; a piece with descriptors goes by itself.
        self._output: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self.unsent = 0
        self._held = False
        self._reading = False
        self._writing = False
        self._flushing = False
        self.open = True
        peer.setblocking(False)
        # Only Unix sockets carry descriptors; the others are asked for none.
        self._control = _CONTROL if peer.family == socket.AF_UNIX else 0
        self._read_on()

    # --- in --------------------------------------------------------------------------------------

    def hold(self, hold: bool) -> None:
        """Stop reading from the peer, or go on."""
        if hold != self._held:
            self._held = hold
            self._read_on()

    @property
    def behind(self) -> bool:
        """Whether so much waits for the peer that it is to read before it says more."""
        return self.unsent > self._patience

    def _read_on(self) -> None:
        """Read where nothing speaks against it: a peer that does not listen is not read."""
        wanted = self.open and not self._held and not self.behind
        if wanted and not self._reading:
            self._loop.add_reader(self._peer, self._readable)
        elif self._reading and not wanted:
            self._loop.remove_reader(self._peer)
        self._reading = wanted

    def _readable(self) -> None:
        try:
            data, ancillary, _, _ = self._peer.recvmsg(self._read, self._control, _CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        descriptors = _descriptors(ancillary)
        if not data:
            close_all(descriptors)
            self._end(None)
            return
        self._received(data, descriptors)

    # --- out -------------------------------------------------------------------------------------

    def send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send *data* after all that was sent before; *descriptors* go with it and are closed."""
        if not self.open:
            close_all(descriptors)
            return
        self._output.append((data, tuple(descriptors)))
        self.unsent += len(data)
        # A peer that is waited for already is looked at again once it is far behind.
        if not self._flushing and (not self._writing or self.behind):
            # When what came together is dealt with, what it caused goes together.
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        behind = self.behind
        try:
            while self._output and self.open:
                self._send_some()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            # What it still says is read to the end; then the loss is noticed.
            self._drop_output()
            if not self._reading:
                self._end(error.strerror or str(error))
            return
        if self.unsent > self._limit:
            self._end(f"it does not read: more than {self._limit} bytes wait for it")
            return
        self._watch()
        self._read_on()
        if behind and not self.behind:
            self._drained()

    def _send_some(self) -> None:
        data, descriptors = self._output[0]
        if descriptors:
            rights = array.array("i", descriptors)
            sent = self._peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            close_all(descriptors)
        elif len(self._output) > 1:
            sent = self._peer.sendmsg(self._together())
        else:
            sent = self._peer.send(data)
        self._sent(sent)

    def _together(self) -> list[bytes]:
        """Return the first pieces up to one with descriptors, as many as go at once."""
        pieces: list[bytes] = []
        for data, descriptors in self._output:
            if descriptors or len(pieces) == _PIECES:
                break
            pieces.append(data)
        return pieces

    def _sent(self, count: int) -> None:
        self.unsent -= count
        while count:
            data, _ = self._output[0]
            if count < len(data):
                # Descriptors went with the first byte.
                self._output[0] = (data[count:], ())
                return
            count -= len(data)
            self._output.popleft()

    def _watch(self) -> None:
        wanted = self.open and bool(self._output)
        if wanted and not self._writing:
            self._loop.add_writer(self._peer, self._flush)
        elif self._writing and not wanted:
            self._loop.remove_writer(self._peer)
        self._writing = wanted

    def _drop_output(self) -> None:
        for _, descriptors in self._output:
            close_all(descriptors)
        self._output.clear()
        self.unsent = 0
        self._watch()

    # --- the end ---------------------------------------------------------------------------------

    def _end(self, reason: str | None) -> None:
        if self.open:
            self.close()
            self._lost(reason)

    def close(self) -> None:
        """Close, whatever was not sent; ``lost`` is not told."""
        if self.open:
            self.open = False
            self._read_on()
            self._drop_output()
            self._peer.close()


#: From so many bytes on that wait for a peer, no more is read from it.
_PATIENCE: Final = 1 << 20

#: How many pieces go in one system call; IOV_MAX is 1024.
_PIECES: Final = 64

_CLOEXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


def close_all(descriptors: Sequence[int]) -> None:
    """Close each of *descriptors*."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return list(descriptors)
