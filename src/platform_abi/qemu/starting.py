"""The process that starts throw-away processes: one for all that are wanted at a time."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from functools import cache

from platform_abi.errors import HostError, printable
from platform_abi.qemu.bare import start_bare
from platform_abi.qemu.orders import CONTAINED, order

_STARTER = "platform_abi.qemu.starter"

#: More than the one line that says what a process has of its own, in bytes.
_ANSWER = 4096


class Starter:
    """The process of ``starter``, which starts others: one for all that are wanted at a time."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._orders)
            with theirs:
                self._pid = start_bare(_STARTER, [str(os.getpid())], stdin=theirs.fileno())
            stack.pop_all()

    def order(self, *descriptors: int) -> None:
        """Have a process started with *descriptors*; raises OSError where nobody takes orders."""
        socket.send_fds(self._orders, [b"+"], descriptors)

    def end(self) -> None:
        """Let it take no more orders, and wait for its end. What it started goes on."""
        with contextlib.suppress(OSError):
            self._orders.shutdown(socket.SHUT_RDWR)
        self._orders.close()
        with contextlib.suppress(ChildProcessError):  # the caller leaves no child to be waited for
            os.waitpid(self._pid, 0)

    def forget(self) -> None:
        """Leave it to the process that this one was forked from."""
        self._orders.close()


class _Shared:
    """The starter of this process while somebody wants it, and how many do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._starter: Starter | None = None

    def take(self) -> Starter:
        with self._lock:
            starter = self._starter = self._starter or Starter()
            self._users += 1
            return starter

    def give_back(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._starter is not None:
                self._starter.end()
                self._starter = None

    def start_anew(self) -> None:
        """Have none: this process was forked from the one whose it is."""
        if self._starter is not None:
            self._starter.forget()
        self.__init__()  # type: ignore[misc]


_shared = _Shared()
os.register_at_fork(after_in_child=_shared.start_anew)


@contextlib.contextmanager
def starting() -> Iterator[Starter]:
    """Start many throw-away processes in this block: what starts them is made once for all.

    Entering raises HostError (``qemu-failed``) where it cannot be had.
    """
    try:
        starter = _shared.take()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "nobody knows where it is"
        raise HostError(
            f"cannot start {printable(sys.executable or 'Python')}: {reason}",
            code="qemu-failed",
            help="a QEMU is started by the Python interpreter that this runs in",
        ) from error
    try:
        yield starter
    finally:
        _shared.give_back()


@cache
def containment() -> frozenset[str]:
    """Return what a throw-away process has of its own on this host: see ``starter.contain``.

    Raises HostError as ``starting`` does.
    """
    with starting() as starter, contextlib.ExitStack() as stack:
        ours, line = socket.socketpair()
        null = os.open(os.devnull, os.O_RDWR)
        stack.callback(os.close, null)
        with ours:
            with line:
                starter.order(null, null, null, line.fileno())
            ours.sendall(order([""], [], {}))
            word, _, parts = ours.recv(_ANSWER).decode().strip().partition(" ")
    return frozenset(parts.split()) if word.encode() == CONTAINED else frozenset()
