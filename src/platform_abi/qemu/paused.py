"""A paused QEMU that is asked by its monitor and through qtest at once, and given descriptors.

Its standard input is one socket, with the monitor on it, and its standard output another, with
qtest. So nothing lies in the file system, nobody else can connect, and whatever a binary is that
hands its streams on to QEMU, a script that changes the root say, what is meant for QEMU gets there.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from platform_abi.errors import printable
from platform_abi.qemu.block import Block
from platform_abi.qemu.qtest import Accesses
from platform_abi.qemu.stdio_qmp import Qmp, QmpError

#: The name of the character device is the one by which ``-qtest`` looks for it whatever it is
#: called (softmmu/qtest.c of QEMU 7.2, qtest_server_init).
_QTEST = ("-chardev", "socket,id=qtest,fd=1", "-qtest", "chardev:qtest", "-qtest-log", "none")

#: What QEMU says of a standard stream that is a pipe (util/qemu-sockets.c, socket_get_fd).
_NO_SOCKET = "is not a socket"


class PausedQemu(Block):
    """A QEMU without a running guest, for the time of a block: ``qmp`` and ``guest`` ask it.

    *arguments* are those of the machine. *timeout* in seconds bounds the start and each answer,
    *environment* is added to this process's own. Entering raises as ``Qmp`` does, and
    QmpError (``qemu-streams``) for a binary that does not become QEMU but passes bytes on to it.
    """

    qmp: Qmp
    guest: Accesses

    def __init__(
        self,
        binary: str,
        arguments: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._command = (binary, (*arguments, *_QTEST))
        self._timeout = timeout
        self._environment = environment
        self._cleanup = contextlib.ExitStack()

    def start(self) -> None:
        """Start it without waiting: ``greet`` has to follow."""
        with contextlib.ExitStack() as stack:
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with theirs:
                self.qmp = Qmp(
                    *self._command,
                    timeout=self._timeout,
                    environment=self._environment,
                    output=theirs,
                )
                self.qmp.start()
            stack.push(self.qmp)
            self.guest = Accesses(_Beside(self.qmp, ours), timeout=self._timeout)
            self._cleanup = stack.pop_all()

    def _await_start(self) -> None:
        self.greet()

    def greet(self) -> None:
        """Wait for its start to be over."""
        try:
            self.qmp.greet(self._timeout)
        except QmpError as error:
            if _NO_SOCKET not in self.qmp.stderr:
                raise
            raise QmpError(
                f"{printable(self._command[0])} hands its standard streams on as copies",
                code="qemu-streams",
                help="QEMU itself has to get the sockets that they are: a script may become QEMU, "
                "in another root or namespace too, but not pass bytes on to it",
                details=self.qmp.stderr.splitlines(),
            ) from error


class _Beside:
    """The socket that is QEMU's standard output."""

    def __init__(self, qmp: Qmp, ours: socket.socket) -> None:
        self._qmp = qmp
        self._socket = ours

    @property
    def stderr(self) -> str:
        """What QEMU has written to its stderr so far."""
        return self._qmp.stderr

    def send(self, data: bytes) -> None:
        """Write *data*; raises OSError where nobody reads."""
        self._socket.sendall(data)

    def receive(self, deadline: float) -> bytes:
        """Return what comes next, nothing at the end; raises TimeoutError after *deadline*."""
        return self._qmp.receive(self._socket, deadline)
