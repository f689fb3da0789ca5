"""The process that asks a host, as its caller holds it: see ``child``, which is what runs in it.

It can be started before anything else is, so that it is there when it is known what to ask.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from platform_abi.host.reply import killed_by
from platform_abi.qemu.bare import start_bare

# typing costs as much as all of the above; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

#: How long the child may take besides its time limit, to start and to end what hangs, in seconds.
_START = 5.0

#: How long a killed child may take to go, in seconds: a device may keep it for ever.
_GRACE = 1.0

#: More than any host has to say, in bytes.
_MAX_ANSWER = 1024 * 1024

_CHUNK = 64 * 1024

_CHILD = "platform_abi.host.child"

_DONE = b'["done"]\n'


class Prober:
    """A child that asks, for the time of a block; *python* is the interpreter that it runs in.

    Where it cannot be started, ``ask`` says so.
    """

    def __init__(self, python: str | None = None) -> None:
        self._python = python
        self._pid = 0
        self._refusal = ""
        self._status: int | None = None

    def __enter__(self) -> Self:
        reading, order = os.pipe()
        answer, writing = os.pipe()
        os.set_blocking(order, False)
        self._order, self._answer = order, answer
        try:
            # Its process group is what it is killed by.
            self._pid = start_bare(
                _CHILD, stdin=reading, stdout=writing, python=self._python, session=True
            )
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            self._refusal = f"the probe did not start: {said}"
        finally:
            os.close(reading)
            os.close(writing)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, order: bytes, timeout: float) -> tuple[bytes, str]:
        """Return what the child says to *order*, and why the rest is unknown, if it was not done.

        *timeout*, in seconds, is the one that is ordered: it bounds each device. The child ends.
        """
        if self._refusal:
            return b"", self._refusal
        said, reason = self._talk(order, timeout)
        self._end()
        return said, reason or _ending(self._status)

    def _talk(self, order: bytes, timeout: float) -> tuple[bytes, str]:
        until = time.monotonic() + timeout + _START
        poll = select.poll()
        poll.register(self._answer, select.POLLIN)
        poll.register(self._order, select.POLLOUT)
        said = b""
        while len(said) < _MAX_ANSWER:
            left = until - time.monotonic()
            ready = poll.poll(left * 1000) if left > 0 else []
            if not ready:
                return said, f"no answer in {timeout:g} s"
            if any(descriptor == self._order for descriptor, _ in ready):
                order = self._write(order)
                if not order:
                    poll.unregister(self._order)
                    self._close_order()
                continue
            more = os.read(self._answer, _CHUNK)
            said += more
            if said.endswith(_DONE):
                return said, "the probe did not say"
            if not more:
                return said, ""
        return b"", "the probe said too much"

    def _write(self, order: bytes) -> bytes:
        """Write what the pipe takes of *order* and return the rest, none where nobody reads it."""
        try:
            return order[os.write(self._order, order) :]
        except BlockingIOError:
            return order
        except OSError:
            return b""

    def _close_order(self) -> None:
        if self._order >= 0:
            os.close(self._order)
            self._order = -1

    def _end(self) -> None:
        """Kill the child and its group, and wait a moment for it to be gone."""
        self._close_order()
        if self._pid:
            # Not yet waited for, so that the number is still the child's and its group's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            self._wait(time.monotonic() + _GRACE)
            self._pid = 0
        if self._answer >= 0:
            os.close(self._answer)
            self._answer = -1

    def _wait(self, until: float) -> None:
        pause = 0.0005
        while True:
            try:
                ended, status = os.waitpid(self._pid, os.WNOHANG)
            except ChildProcessError:  # the caller leaves no child to be waited for
                self._status = 0
                return
            if ended:
                self._status = os.waitstatus_to_exitcode(status)
                return
            if time.monotonic() > until:
                return
            time.sleep(pause)
            pause = min(pause * 2, 0.05)


def _ending(status: int | None) -> str:
    """Return what became of a child that ended without being done."""
    if status is None:
        return "the probe cannot be ended"
    return killed_by(-status) if status < 0 else f"the probe ended early, with status {status}"
