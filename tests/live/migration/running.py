"""A QEMU with a guest in it, and the guest's way to another QEMU.

Everything ends with its block: the QEMU, its tap, which lies in a network namespace of its own, and
the sockets.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import frozen
from qemu.qmp import ConnectError
from qemu.qmp.legacy import QEMUMonitorProtocol

from platform_abi.qemu.process import Throwaway
from tests.live.migration.guest import Guest, Heartbeat, View
from tests.live.migration.hosts import SimulatedHost

_NUMBERS = itertools.count()

#: How long anything here may take on a busy machine, in seconds: booting, and moving its memory.
_PATIENCE: Final = 90.0

#: How often a QEMU is asked how far it is, in seconds.
_PAUSE: Final = 0.02

#: What a QEMU says of a migration that is over (``MigrationStatus`` in qapi/migration.json).
_OVER: Final = frozenset({"completed", "failed", "cancelled"})


class Serial:
    """What a guest writes to its serial port, through however many QEMUs it goes."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._written = bytearray()

    def wrote(self, data: bytes) -> None:
        """Take what came next."""
        self._written += data

    @property
    def text(self) -> str:
        """Everything so far."""
        return self._written.decode(errors="replace")

    @property
    def heartbeats(self) -> list[Heartbeat]:
        """What the guest has counted so far."""
        return self.guest.heartbeats(self.text)

    @property
    def views(self) -> list[View]:
        """What the guest has seen so far."""
        return self.guest.views(self.text)


@frozen(kw_only=True)
class Migration:
    """How a migration ended: its *status* in QMP's words, and the *reason* that QEMU gave for it.

    *downtime* is what QEMU says of it, in milliseconds.
    """

    status: str
    reason: str
    downtime: int | None


class Running:
    """A QEMU that the launcher started on *host* with *words*, from a block's beginning to its end.

    Its serial port continues *serial*. *folder* is for its sockets, and what else it writes. With
    *incoming* it waits for a guest to come from another.
    """

    def __init__(
        self,
        host: SimulatedHost,
        words: Sequence[str],
        serial: Serial,
        folder: Path,
        *,
        incoming: bool = False,
    ) -> None:
        self.host = host
        self._serial = serial
        number = next(_NUMBERS)
        self._monitor = str(folder / f"{number}.qmp")
        self.address = f"unix:{folder / f'{number}.migration'}"
        own = ["-serial", "stdio", "-qmp", f"unix:{self._monitor},server=on,wait=off"]
        if incoming:
            own += ["-incoming", self.address]
        command = host.launcher(*words, *own)
        self._process = Throwaway(command, environment=host.environment, writable=str(folder))
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._process)
            self._await_monitor(time.monotonic() + _PATIENCE)
            self._qmp = connected(self._monitor)
            stack.callback(self._disconnect)
            self._qmp.settimeout(_PATIENCE)
            # Without it the source is through, and its guest lost, before the destination has
            # looked at the devices; libvirt asks for it as well.
            capability = {"capability": "return-path", "state": True}
            self.execute("migrate-set-capabilities", capabilities=[capability])
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _await_monitor(self, deadline: float) -> None:
        """Wait until QEMU listens, or the launcher or QEMU has ended."""
        while not Path(self._monitor).exists():
            with contextlib.suppress(TimeoutError):
                chunk = self._process.receive(time.monotonic() + _PAUSE)
                assert chunk, f"{self.host} did not start: {self.stderr}"
                self._serial.wrote(chunk)
            assert time.monotonic() < deadline, f"{self.host} does not start: {self.stderr}"

    def _disconnect(self) -> None:
        # A QEMU that has ended took the connection with it.
        with contextlib.suppress(EOFError, OSError):
            self._qmp.close()

    @property
    def stderr(self) -> str:
        """What the launcher and QEMU have written to stderr."""
        return self._process.stderr

    def execute(self, command: str, **arguments: object) -> Any:
        """Return what QEMU answers to a QMP command."""
        return self._qmp.cmd(command, **arguments)

    def heartbeat(self) -> Heartbeat:
        """Return the next count of the guest in this QEMU."""
        self._catch_up()
        seen = len(self._serial.heartbeats)
        self._read_until(lambda: len(self._serial.heartbeats) > seen)
        return self._serial.heartbeats[-1]

    def view(self) -> View:
        """Return what the guest sees of its machine now."""
        self._catch_up()
        seen = len(self._serial.views)
        if self._serial.guest.question:
            self._process.send(self._serial.guest.question)
        self._read_until(lambda: len(self._serial.views) > seen)
        return self._serial.views[-1]

    def restart(self) -> None:
        """Start the guest in this QEMU again, as its reset button does, until it counts again."""
        before = self.heartbeat().boot
        self.execute("system_reset")
        self._read_until(lambda: self._serial.heartbeats[-1].boot != before)

    def _catch_up(self) -> None:
        """Take what the guest has written while nobody was listening."""
        until = time.monotonic() + _PAUSE
        with contextlib.suppress(TimeoutError):
            while chunk := self._process.receive(until):
                self._serial.wrote(chunk)

    def _read_until(self, enough: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not enough():
            try:
                chunk = self._process.receive(deadline)
            except TimeoutError:
                raise AssertionError(f"{self.host}: the guest says {self._serial.text}") from None
            assert chunk, f"{self.host} ended: {self.stderr}"
            self._serial.wrote(chunk)

    def migrate_to(self, destination: Running) -> Migration:
        """Move the guest to a QEMU that waits for it, and return how that went.

        Then it runs there, or here as before.
        """
        deadline = time.monotonic() + _PATIENCE
        self.execute("migrate", uri=destination.address)
        while (found := self.execute("query-migrate"))["status"] not in _OVER:
            assert time.monotonic() < deadline, found
            time.sleep(_PAUSE)
        self._catch_up()
        if found["status"] == "completed":
            destination._await_guest(deadline)
        else:
            self._await_guest(deadline)
            destination._await_end(deadline)
        return Migration(
            status=found["status"], reason=destination.stderr, downtime=found.get("downtime")
        )

    def _await_guest(self, deadline: float) -> None:
        """Wait until the guest runs in this QEMU."""
        while not (found := self.execute("query-status"))["running"]:
            assert time.monotonic() < deadline, found
            time.sleep(_PAUSE)

    def _await_end(self, deadline: float) -> None:
        """Wait for the end of this QEMU, which could not take over a guest."""
        while self._process.receive(deadline):
            pass


def connected(address: str) -> QEMUMonitorProtocol:
    """Return a client of the monitor at *address*, where QEMU listens now or any moment."""
    for _ in range(50):
        client = QEMUMonitorProtocol(address)
        try:
            client.connect()
        except ConnectError:  # between its bind() and its listen()
            time.sleep(_PAUSE)
        else:
            return client
    raise AssertionError(f"{address} takes no connection")
