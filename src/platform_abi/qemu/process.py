"""A process that is started for a question or two, and that never outlives them.

QEMU is asked over its own standard input and output, one end of a socket pair: nobody else can
connect, nothing lies in the file system, and the other end closes when the process ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType, TracebackType
from typing import Self

from platform_abi.errors import HostError, printable
from platform_abi.qemu.executable import check_program

#: What is kept of all that a process writes to its stderr, in bytes. The rest is read and dropped:
#: a process that writes without end fills neither a disk nor a pipe.
_STDERR_KEPT = 64 * 1024

#: The longest that a process says in one go, in bytes; QEMU's longest answer has 200 kilobytes.
MAX_OUTPUT = 4 * 1024 * 1024

_CHUNK = 64 * 1024

#: How long killed processes may take to go, in seconds.
_GRACE = 1.0


class Throwaway:
    """A process, from the beginning of a block to its end.

    *command* is given to the system as it is, but its first word may be a name to look up in PATH.
    *environment* is added to this process's own. With *isolated* it has, where this process may
    give it, a network namespace of its own, so that a tap made in it is no business of this host,
    and a process namespace, so that its own children end with it.

    Entering raises HostError: ``qemu-not-found``, or ``qemu-failed`` where the system refuses.
    When the block ends, whatever ended it, the process and its process group are killed; so they
    are when this process dies, or the thread that entered the block.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        isolated: bool = False,
    ) -> None:
        self._command = list(command)
        # QEMU's messages end up in reports: they are the same whatever the user's language.
        self._environment = {**os.environ, "LC_ALL": "C", **environment}
        self._isolated = isolated
        self._cleanup = contextlib.ExitStack()
        self._stderr = bytearray()

    def __enter__(self) -> Self:
        binary = executable(self._command[0])
        check_program(binary)
        prefix = [*_dying_with_parent(), *(own_namespaces() if self._isolated else ())]
        with contextlib.ExitStack() as stack:
            self._socket, theirs = socket.socketpair()
            stack.enter_context(self._socket)
            with theirs:
                self._start([*prefix, binary, *self._command[1:]], theirs.fileno())
            stack.callback(self.end)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _start(self, command: list[str], stream: int) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the caller's binary is the point
                command,
                stdin=stream,
                stdout=stream,
                stderr=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,  # Ctrl-C at a terminal is for us alone
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            raise HostError(
                f"cannot start {printable(self._command[0])}: {error}",
                code="qemu-failed",
                help="name a QEMU system emulator that this user may run",
            ) from error

    @property
    def pid(self) -> int:
        """The process id; of the namespaces' keeper where the process has some of its own."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """What the process has written to its stderr so far; after the block, all of it."""
        self._drain()
        return self._stderr.decode(errors="replace")

    def send(self, data: bytes) -> None:
        """Write *data* to the process; raises OSError where it no longer reads."""
        self._socket.sendall(data)

    def send_end(self) -> None:
        """Let the process find the end of its input."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self, deadline: float) -> bytes:
        """Return the next bytes that the process writes, nothing once it has closed its output.

        Raises TimeoutError when the *deadline*, by the monotonic clock, has passed.
        """
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        errors = self._process.stderr
        if errors is not None and not errors.closed:
            poll.register(errors, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            ready = poll.poll(left * 1000) if left > 0 else []
            if not ready:
                raise TimeoutError("no answer in time")
            for descriptor, _ in ready:
                if descriptor == self._socket.fileno():
                    with contextlib.suppress(ConnectionResetError):
                        return self._socket.recv(_CHUNK)
                    return b""
                if not self._read_stderr(descriptor):
                    poll.unregister(descriptor)

    def read_all(self, deadline: float) -> str:
        """Return all that the process writes until it closes its output.

        Raises TimeoutError as ``receive`` does, HostError (``qemu-failed``) for no end of it.
        """
        output = bytearray()
        while chunk := self.receive(deadline):
            output += chunk
            if len(output) > MAX_OUTPUT:
                raise HostError(
                    f"{printable(self._command[0])} writes without end",
                    code="qemu-failed",
                    help="name a QEMU system emulator",
                )
        return output.decode(errors="replace")

    def end(self) -> int:
        """Kill the process and its group, and return its exit status, negative for a signal.

        A process that has ended by itself, or is about to after it has closed its output, keeps
        its own status. Doing it twice is doing it once.
        """
        if self._process.returncode is None:
            # Before it is waited for: until then nobody else can have its number.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            # When nobody holds the other end any more, its children are gone as well.
            with contextlib.suppress(TimeoutError):
                while self.receive(time.monotonic() + _GRACE):
                    pass
            self._process.wait()
            self._drain()
            if self._process.stderr is not None:
                self._process.stderr.close()
        return self._process.returncode

    def _drain(self) -> None:
        """Take over what is there of the process's stderr, without waiting for more."""
        errors = self._process.stderr
        if errors is None or errors.closed:
            return
        poll = select.poll()
        poll.register(errors, select.POLLIN)
        while poll.poll(0) and self._read_stderr(errors.fileno()):
            pass

    def _read_stderr(self, descriptor: int) -> bool:
        chunk = os.read(descriptor, _CHUNK)
        self._stderr += chunk[: _STDERR_KEPT - len(self._stderr)]
        return bool(chunk)


def executable(binary: str) -> str:
    """Return the path of *binary*, which is one already or a name to be found in PATH.

    Raises HostError (``qemu-not-found``).
    """
    found = None if "\0" in binary else shutil.which(binary)
    if found is None:
        raise HostError(
            f"{printable(binary)}: no such file, or none that this user may run",
            code="qemu-not-found",
            help="install QEMU, or name its binary with --qemu or PLATFORM_ABI_QEMU",
        )
    return found


@cache
def _dying_with_parent() -> tuple[str, ...]:
    """Return what to put before a command so that the kernel kills it when this process dies.

    A function that runs between fork and exec would do the same, but is not safe where there are
    threads, and Python warns of it. Without util-linux there is only the end of the block.
    """
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")


#: Ways to a namespace, best first: for root, and for anybody where the kernel lets them.
_UNSHARE = (
    ("--net", "--pid", "--fork", "--kill-child"),
    ("--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"),
    ("--net",),
    ("--user", "--map-root-user", "--net"),
)


@cache
def own_namespaces() -> tuple[str, ...]:
    """Return what to put before a command for namespaces of its own, nothing where none works."""
    unshare, true = shutil.which("unshare"), shutil.which("true")
    if unshare is None or true is None:
        return ()
    for options in _UNSHARE:
        prefix = (unshare, *options, "--")
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(  # noqa: S603 - nothing of a user's is in it
                [*prefix, true],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=5,
                check=False,
            )
            if done.returncode == 0:
                return prefix
    return ()


def last_line(text: str) -> str:
    """Return the last line that a process has written: its reason, where it gave one."""
    lines = text.strip().splitlines()
    return printable(lines[-1]) if lines else "without a word"
