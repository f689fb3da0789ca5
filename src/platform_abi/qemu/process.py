"""A process that is started for a question or two, that touches nothing and never outlives them.

QEMU is asked over its own standard input and output, one end of a socket pair: nobody else can
connect, nothing lies in the file system, and the other end closes when the process ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from platform_abi.errors import HostError, printable, signal_name
from platform_abi.qemu.binary import qemu_path
from platform_abi.qemu.block import Block
from platform_abi.qemu.modules import foreign_modules
from platform_abi.qemu.orders import ENDED, REFUSED, STARTED, order
from platform_abi.qemu.starting import starting

#: What is kept of all that a process writes to its stderr, in bytes. The rest is read and dropped:
#: a process that writes without end fills neither a disk nor a pipe.
_STDERR_KEPT = 64 * 1024

#: The longest that a process says in one go, in bytes; QEMU's longest answer has 200 kilobytes.
MAX_OUTPUT = 4 * 1024 * 1024

_CHUNK = 64 * 1024

#: How long killed processes may take to go, in seconds.
_GRACE = 1.0

_HELP = "name the binary of a QEMU system emulator that was built for this host"

#: What to do about a program that is none.
NO_EMULATOR = "name the binary of a QEMU system emulator, such as qemu-system-x86_64"

#: What execve(2) means by these of a file that is there.
_REFUSALS = {
    errno.ENOENT: "the interpreter or loader that it names is not there",
    errno.ENOEXEC: "it is no program for this host",
}


class Throwaway(Block):
    """A process, from the beginning of a block to its end.

    *command* is given to the system as it is, but its first word may be a name to look up in PATH.
    *environment* is added to this process's own. The process has a folder of its own to be in, no
    descriptor but its three streams, and, where this process may give them, namespaces of its own:
    a network, so that a tap made in it is no business of this host; processes, so that its own
    children end with it; mounts, in which nothing can be written but its folder, and *writable*,
    and in which a script that brings a QEMU of its own finds no modules of this host's.
    *output* is what it gets as its standard output in place of the socket that is its input.

    Entering raises HostError: ``qemu-not-found``, or ``qemu-failed`` where the system refuses.
    When the block ends, whatever ended it, the process and its process group are killed; so they
    are when this process dies, however early.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        writable: str = "",
        output: socket.socket | None = None,
    ) -> None:
        self._command = list(command)
        # QEMU's messages end up in reports: they are the same whatever the user's language.
        self._environment = {**os.environ, "LC_ALL": "C", **environment}
        self._writable = writable
        self._output = output
        self._cleanup = contextlib.ExitStack()
        self._stderr = bytearray()
        #: What the guard has said of the process, by its words.
        self._said: dict[bytes, bytes] = {}

    def start(self) -> None:
        """Start the process without waiting for that: ``receive`` raises where it is refused."""
        # It will be in a folder of its own, where another file would be meant.
        program = os.path.abspath(qemu_path(self._command[0], os.environ, ""))  # noqa: PTH100 - start-up time
        command = [program, *self._command[1:]]
        if any("\0" in word for word in command):
            raise self._refused("an argument holds a NUL")
        with contextlib.ExitStack() as stack, contextlib.ExitStack() as given:
            starter = stack.enter_context(starting())
            self._socket, streams = socket.socketpair()
            stack.enter_context(self._socket)
            given.enter_context(streams)
            self._line, line = socket.socketpair()
            stack.enter_context(self._line)
            given.enter_context(line)
            reading, writing = os.pipe()
            self._errors = stack.enter_context(os.fdopen(reading, "rb", 0))
            given.callback(os.close, writing)
            stack.callback(self.end)
            try:
                output = self._output or streams
                starter.order(streams.fileno(), output.fileno(), writing, line.fileno())
                given.close()
                folders = [self._writable, *foreign_modules(program)]
                self._line.sendall(order(folders, command, self._environment))
            except OSError as error:
                raise self._refused(str(error.strerror)) from error
            self._cleanup = stack.pop_all()

    def _await_start(self) -> None:
        self._hear(None, lambda: bool(self._said))
        self._check_not_refused()

    def _refused(self, reason: str) -> HostError:
        return HostError(
            f"cannot start {printable(self._command[0])}: {reason}", code="qemu-failed", help=_HELP
        )

    def _check_not_refused(self) -> None:
        if STARTED not in self._said:
            number = int(self._said.get(REFUSED, b"0"))
            said = _REFUSALS.get(number) or os.strerror(number)
            raise self._refused(said if number else "what was to start it has ended")

    @property
    def pid(self) -> int:
        """The process id, as this process sees it."""
        return int(self._said[STARTED])

    @property
    def stderr(self) -> str:
        """What the process has written to its stderr so far; after the block, all of it."""
        self._drain()
        return self._stderr.decode(errors="replace")

    def send(self, data: bytes, *descriptors: int) -> None:
        """Write *data* to the process; raises OSError where it no longer reads.

        *descriptors* go along for a program that reads them with recvmsg(2), as QEMU's monitor.
        """
        if descriptors:
            sent = socket.send_fds(self._socket, [data], descriptors)
            data = data[sent:]
        self._socket.sendall(data)

    def send_end(self) -> None:
        """Let the process find the end of its input."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self, deadline: float, of: socket.socket | None = None) -> bytes:
        """Return the next bytes that the process writes, nothing once it has closed its output.

        With *of* those that come from that socket, whose other end the process has.

        Raises TimeoutError when the *deadline*, by the monotonic clock, has passed, HostError
        (``qemu-failed``) for a process that the system has refused to start.
        """
        of = of or self._socket
        poll = select.poll()
        poll.register(of, select.POLLIN)
        if not self._errors.closed:
            poll.register(self._errors, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            ready = poll.poll(left * 1000) if left > 0 else []
            if not ready:
                raise TimeoutError("no answer in time")
            for descriptor, _ in ready:
                if descriptor == of.fileno():
                    return self._received(of)
                if not self._read_stderr():
                    poll.unregister(descriptor)

    def _received(self, of: socket.socket) -> bytes:
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = of.recv(_CHUNK)
        if not data and not self._said:
            # What does not start says so before it closes anything.
            self._hear(time.monotonic() + _GRACE, lambda: bool(self._said))
            self._check_not_refused()
        return data

    def read_all(self, deadline: float) -> str:
        """Return all that the process writes until it closes its output.

        Raises TimeoutError as ``receive`` does, HostError (``qemu-failed``) for no end of it.
        """
        output = bytearray()
        for chunk in iter(lambda: self.receive(deadline), b""):
            output += chunk
            if len(output) > MAX_OUTPUT:
                raise HostError(
                    f"{printable(self._command[0])} writes without end",
                    code="qemu-failed",
                    help="name a QEMU system emulator",
                )
        return output.decode(errors="replace")

    def printed(self, deadline: float) -> str:
        """Return what a QEMU prints that is asked by its command line, and ends by itself then.

        Raises HostError: ``qemu-timeout`` after *deadline*, ``qemu-failed`` where it ends badly or
        prints without end.
        """
        called = printable(self._command[0])
        self.send_end()
        try:
            text = self.read_all(deadline)
        except TimeoutError:
            raise HostError(
                f"{called} did not answer in time",
                code="qemu-timeout",
                help="the host may be busy: allow it more time",
            ) from None
        status = self.end()
        if status:
            reason = f"{ending(status)}: {last_line(self.stderr)}"
            raise HostError(f"{called} {reason}", code="qemu-failed", help=NO_EMULATOR)
        return text

    def end(self) -> int:
        """Kill the process and its group, and return its exit status, negative for a signal.

        A process that has ended by itself, or is about to after it has closed its output, keeps
        its own status. Doing it twice is doing it once.
        """
        if not self._errors.closed:
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_WR)  # which is what its guard waits for
            deadline = time.monotonic() + _GRACE
            self._hear(deadline, lambda: ENDED in self._said)
            # When nobody holds the other end any more, its children are gone as well.
            with contextlib.suppress(TimeoutError, HostError):
                while self.receive(deadline):
                    pass
            self._drain()
            self._errors.close()
        return int(self._said.get(ENDED, b"-9"))

    def _hear(self, deadline: float | None, enough: Callable[[], bool]) -> None:
        """Listen to the guard of the process until that is *enough*, or it has ended."""
        heard = b""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        while not enough():
            left = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
            chunk = self._line.recv(_CHUNK) if poll.poll(left) else b""
            if not chunk:
                return
            *lines, heard = (heard + chunk).split(b"\n")
            self._said.update(dict(line.split(b" ", 1) for line in lines))

    def _drain(self) -> None:
        """Take over what is there of the process's stderr, without waiting for more."""
        if self._errors.closed:
            return
        poll = select.poll()
        poll.register(self._errors, select.POLLIN)
        while poll.poll(0) and self._read_stderr():
            pass

    def _read_stderr(self) -> bool:
        chunk = self._errors.read(_CHUNK) or b""
        self._stderr += chunk[: _STDERR_KEPT - len(self._stderr)]
        return bool(chunk)


def last_line(text: str) -> str:
    """Return the last line that a process has written: its reason, where it gave one."""
    lines = text.strip().splitlines()
    return printable(lines[-1]) if lines else "without a word"


def ending(status: int) -> str:
    """Return how a process ended that has exit status *status*, negative for a signal."""
    return f"was killed by {signal_name(-status)}" if status < 0 else f"ended with status {status}"
