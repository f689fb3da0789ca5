"""What a guest would find in a QEMU that is started paused and asked through qtest.

What a QEMU offers to a guest is decided when its devices are realized, by machine type, properties
and host together. The one account of it that holds for every version is the guest's own, and
QEMU's *qtest* protocol is the way there: port and memory accesses as lines of text
(``docs/devel/testing/qtest.rst`` in QEMU's sources). No guest code runs and no firmware is needed.
(QMP's ``x-query-virtio-status`` is no substitute: it aborts QEMU 11.1.)

    with Qtest("qemu-system-x86_64", ["-machine", "q35", *QUIET, "-device", ...]) as qtest:
        offered = PciBus(qtest).offered(slot=5)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, Self

from platform_abi.errors import HostError
from platform_abi.qemu.process import MAX_OUTPUT, Throwaway

#: Arguments that leave a machine with nothing but its board: it starts fastest, and every slot that
#: the board itself does not use is free.
QUIET = ("-nodefaults", "-vga", "none", "-m", "64")


class QtestError(HostError):
    """QEMU, or the device in it, did not answer as this module needs."""


class StartError(QtestError):
    """QEMU ended, or said nothing in time, before the first command was answered.

    ``stderr`` is what it wrote there; ``status`` its exit status, negative where a signal ended it,
    None if it had to be killed.
    """

    stderr = ""
    status: int | None = None


class Stream(Protocol):
    """Where qtest is spoken, and what QEMU says besides."""

    @property
    def stderr(self) -> str:
        """What QEMU has written to its stderr so far."""
        ...

    def send(self, data: bytes) -> None:
        """Write *data*; raises OSError where nobody reads."""
        ...

    def receive(self, deadline: float) -> bytes:
        """Return what comes next, nothing at the end; raises TimeoutError after *deadline*."""
        ...


class Accesses:
    """What a guest reads and writes, through qtest on a *stream*.

    *timeout* in seconds bounds each answer. Every method raises QtestError (``qemu-failed``,
    ``qemu-timeout``) where QEMU gives none.
    """

    def __init__(self, stream: Stream, *, timeout: float) -> None:
        self._stream = stream
        self._timeout = timeout
        self._received = bytearray()

    # Ports and memory of the guest. Values are unsigned, in the byte order of its architecture.

    def inw(self, port: int) -> int:
        """Return the 16-bit value that the guest would read from a port."""
        return self._ask(f"inw {port:#x}")

    def inl(self, port: int) -> int:
        """Return the 32-bit value that the guest would read from a port."""
        return self._ask(f"inl {port:#x}")

    def outw(self, port: int, value: int) -> None:
        """Write a 16-bit value to a port, as the guest would."""
        self._ask(f"outw {port:#x} {value:#x}")

    def outl(self, port: int, value: int) -> None:
        """Write a 32-bit value to a port, as the guest would."""
        self._ask(f"outl {port:#x} {value:#x}")

    def readb(self, address: int) -> int:
        """Return the 8-bit value that the guest would read from a physical address."""
        return self._ask(f"readb {address:#x}")

    def readw(self, address: int) -> int:
        """Return the 16-bit value that the guest would read from a physical address."""
        return self._ask(f"readw {address:#x}")

    def readl(self, address: int) -> int:
        """Return the 32-bit value that the guest would read from a physical address."""
        return self._ask(f"readl {address:#x}")

    def writew(self, address: int, value: int) -> None:
        """Write a 16-bit value to a physical address, as the guest would."""
        self._ask(f"writew {address:#x} {value:#x}")

    def writel(self, address: int, value: int) -> None:
        """Write a 32-bit value to a physical address, as the guest would."""
        self._ask(f"writel {address:#x} {value:#x}")

    def read(self, address: int, size: int) -> bytes:
        """Return the *size* bytes that the guest would read from a physical address on."""
        return self._ask(f"read {address:#x} {size:#x}").to_bytes(size, "big")

    def write(self, address: int, data: bytes) -> None:
        """Write bytes from a physical address on, as the guest would."""
        self._ask(_written(address, data))

    def rtas(self, name: str, place: int, words: bytes, answers: int) -> bytes:
        """Return the answer of a POWER machine's firmware, *answers* bytes, to a call with *words*.

        Both are in RAM, the words at *place* and the answer behind them (PAPR, 7.2.8).
        """
        there = place + len(words)
        *_, said = self._ask_all(
            _written(place, words),
            f"rtas {name} {len(words) // 4} {place:#x} {answers // 4} {there:#x}",
            f"read {there:#x} {answers:#x}",
        )
        return said.to_bytes(answers, "big")

    # The conversation.

    def _ask(self, command: str) -> int:
        """Send a command and return the number in its answer, 0 if there is none."""
        return self._ask_all(command)[0]

    def _ask_all(self, *commands: str) -> list[int]:
        """Send commands that do not wait for each other, and return the numbers in the answers."""
        deadline = time.monotonic() + self._timeout
        try:
            self._stream.send(b"".join(command.encode() + b"\n" for command in commands))
        except OSError as error:
            raise _error(f"{commands[0]!r}: {error}", self._stream.stderr.splitlines()) from None
        return [self._answer(command, deadline) for command in commands]

    def _answer(self, command: str, deadline: float) -> int:
        try:
            answer = self._receive_line(deadline)
        except TimeoutError:
            raise QtestError(
                f"QEMU did not answer {command!r} in {self._timeout:g} s",
                code="qemu-timeout",
                help="the host may be busy: allow it more time",
            ) from None
        except OSError as error:
            raise _error(f"{command!r}: {error}", self._stream.stderr.splitlines()) from None
        verdict, _, value = answer.partition(" ")
        with contextlib.suppress(ValueError):
            if verdict == "OK":
                return int(value, 0) if value else 0
        raise _error(f"{command!r} was answered by {answer[:_LONGEST_SHOWN]!r}")

    def _receive_line(self, deadline: float) -> str:
        """Return the next line that answers a command.

        Lines that report an interrupt come unasked and are passed over. Raises OSError when QEMU
        has gone, TimeoutError when the deadline, by the monotonic clock, passes.
        """
        while True:
            while b"\n" not in self._received:
                chunk = self._stream.receive(deadline)
                if not chunk:
                    raise ConnectionResetError("QEMU has closed the connection")
                if len(self._received) > MAX_OUTPUT:
                    raise ConnectionAbortedError("no end of a line")
                self._received += chunk
            line, _, rest = self._received.partition(b"\n")
            self._received = bytearray(rest)
            text = line.decode(errors="replace").strip()
            if not text.startswith("IRQ "):
                return text


class Qtest(Accesses):
    """A QEMU that is started paused, asked through qtest, and killed at the end of the block.

    *arguments* are those of the machine; the caller decides about ``-nodefaults`` and the rest (see
    ``QUIET``). Unless they choose an accelerator, it is ``tcg``, which costs nothing while the
    machine is paused (Debian's 7.2 and 10.0 lack ``qtest``), or ``kvm`` in a QEMU that was built
    without it: QEMU takes the first of several that it has (system/vl.c, configure_accelerators).
    *environment* is added to this process's own, *writable* a folder that it may write to.
    *timeout* in seconds bounds the start, and each command after it.

    On entry raises StartError (``qemu-failed``, ``qemu-timeout``) if QEMU refuses the arguments,
    HostError if there is no such binary. The process never outlives the block.
    """

    def __init__(
        self,
        binary: str | Path,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        timeout: float = 30,
        writable: str = "",
    ) -> None:
        command = [str(binary), *accelerator_words(arguments), *arguments, *_QTEST_ARGUMENTS]
        self._command = command
        self._process = Throwaway(command, environment=environment, writable=writable)
        super().__init__(self._process, timeout=timeout)
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._process)
            self._await_start()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def stderr(self) -> str:
        """What QEMU has written to its stderr so far; after the block, all it ever wrote."""
        return self._process.stderr

    @property
    def pid(self) -> int:
        """The process id of QEMU."""
        return self._process.pid

    def _await_start(self) -> None:
        """Return when QEMU has realized the machine: only then does it answer anything."""
        try:
            self.inw(_POST_PORT)
        except QtestError as error:
            late = error.code == "qemu-timeout"
            status = self._process.end()
            reason = "QEMU did not start in time" if late else f"QEMU exited ({status})"
            failed = StartError(
                f"{reason}: {' '.join(self._command)}",
                code=error.code,
                help=error.help,
                details=self.stderr.splitlines(),
            )
            failed.stderr = self.stderr
            failed.status = None if late else status
            raise failed from None


#: Read for nothing but an answer: the port of the power-on self-test's codes.
_POST_PORT = 0x80

_LONGEST_SHOWN = 200

# The protocol runs over QEMU's standard streams.
_QTEST_ARGUMENTS = ("-S", "-display", "none", "-qtest", "stdio", "-qtest-log", "none")


def _written(address: int, data: bytes) -> str:
    return f"write {address:#x} {len(data):#x} 0x{data.hex()}"


def _error(message: str, details: Iterable[str] = ()) -> QtestError:
    return QtestError(
        message,
        code="qemu-failed",
        help="QEMU's own words, if any, say what it did not like",
        details=details,
    )


def accelerator_words(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the accelerator argument to add: none if the caller's arguments choose one."""
    for argument in arguments:
        if argument.lstrip("-") in ("accel", "enable-kvm") or "accel=" in argument:
            return ()
    return ("-accel", "tcg", "-accel", "kvm")
