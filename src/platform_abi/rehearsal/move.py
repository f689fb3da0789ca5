"""One guest, moved once from one paused QEMU to another, and how that ended."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from platform_abi.errors import HostError
from platform_abi.model.guest import GuestBoard
from platform_abi.model.value import evolve, field, frozen
from platform_abi.qemu.process import ending
from platform_abi.qemu.stdio_qmp import QmpCommandError
from platform_abi.rehearsal.end import End, Sight

#: How a move ends: *moved*; *source* and *destination* are where a QEMU does not start, *refused*
#: where the source does not let the guest go, *failed* where the stream is not taken, *died* where
#: either QEMU was ended by a signal, *late* where nothing came of it in time.
Ending = Literal["moved", "source", "destination", "refused", "failed", "died", "late"]

#: What QEMUs call the socket that the guest goes through.
_STREAM: Final = "platform-abi-stream"

#: What is said of a binary, and of no migration.
_NO_MOVE: Final = frozenset({"qemu-not-found", "qemu-streams"})

#: What its status is while a guest is to come (``RunState`` in qapi/run-state.json).
_INCOMING: Final = "inmigrate"

#: What a shell adds to the number of the signal that ended its child (POSIX, 2.8.2).
_BY_SIGNAL: Final = 128

_PAUSE: Final = 0.005

#: What a QEMU says of a migration that is over (``MigrationStatus`` in qapi/migration.json).
_OVER: Final = frozenset({"completed", "failed", "cancelled"})


@frozen(kw_only=True)
class Move:
    """How a move ended, what QEMU *said* where it did not go well, and what was seen of it.

    *said* are QEMU's own words, *why* is this program's, where QEMU has none. *before* is the
    guest where it was, *after* where it came to. *fresh* are the machines of both sides before any
    driver or guest was there, which is what a guest finds when it has reset the machine, with what
    a driver then agrees on. *places* are those of its devices by label, empty where nobody can
    look.
    """

    ended: Ending
    said: str = ""
    why: str = ""
    source: str = ""
    destination: str = ""
    machine: str = ""
    places: Mapping[str, str] = field(factory=dict)
    before: Sight = field(factory=Sight)
    after: Sight = field(factory=Sight)
    fresh: tuple[Sight, Sight] = field(factory=lambda: (Sight(), Sight()))


#: Says of which board a machine type is, None for one whose buses nobody can look at.
BoardOf = Callable[[str], "GuestBoard | None"]

#: Says where devices are in a paused QEMU, by label.
Place = Callable[[End], Mapping[str, str]]


@frozen(kw_only=True)
class Stage:
    """Two QEMUs between which guests move: *source* and *destination* are binaries.

    *timeout* in seconds bounds every answer, and the whole of a migration. *environments* are
    added to this process's own for either. *flags* are those of the CPU to look at besides what
    CPUID shows.
    """

    source: str
    destination: str
    timeout: float
    environments: tuple[Mapping[str, str], Mapping[str, str]] = (
        MappingProxyType({}),
        MappingProxyType({}),
    )
    flags: tuple[str, ...] = ()

    def move(
        self,
        words: Sequence[str],
        board_of: BoardOf,
        place: Place = lambda _end: {},
        *,
        arriving: Sequence[str] | None = None,
    ) -> Move:
        """Move a guest of the machine that *words* describe, and return how that ended.

        *arriving* are the words of the destination where they are not the same.

        Raises HostError: ``qemu-not-found`` for a binary that is not there, ``qemu-timeout`` for a
        source that does not start in time, ``qemu-streams`` for one that does not become QEMU.
        """
        here, there = self.environments
        source = End(self.source, words, timeout=self.timeout, environment=here, flags=self.flags)
        destination, alone = (
            End(
                self.destination,
                words if arriving is None else arriving,
                incoming=incoming,
                timeout=self.timeout,
                environment=there,
                flags=self.flags,
            )
            for incoming in (True, False)
        )
        with source, destination:
            return _Going(source, destination, alone, self.timeout).go(board_of, place)


class _Over(Exception):  # noqa: N818 - it went as it went
    """A move has ended before its time."""

    def __init__(self, ended: Ending, why: str) -> None:
        super().__init__(why)
        self.ended = ended
        self.why = why


class _Going:
    """A guest that is under way; *alone* is the destination as it starts without one."""

    def __init__(self, source: End, destination: End, alone: End, timeout: float) -> None:
        self._source = source
        self._destination = destination
        self._alone = alone
        self._timeout = timeout
        #: What is known by now.
        self._move = Move(ended="moved")
        #: Why it failed, by the source.
        self._reason = ""

    def go(self, board_of: BoardOf, place: Place) -> Move:
        """Return how it ends."""
        try:
            with self._watching(self._source, "source"):
                self._source.greet()
                machine = self._source.machine
                self._source.board = self._destination.board = board_of(machine)
                self._know(machine=machine, source=self._source.version)
                self._know(places=place(self._source))
                fresh = self._source.sight()
                fresh = evolve(fresh, bound=self._source.bind())
            with self._watching(self._destination, "destination"):
                self._destination.greet()
                self._know(destination=self._destination.version)
                self._know(fresh=(fresh, self._at_start(self._destination)))
            self._send()
            with self._watching(self._source, "failed"):
                before = self._source.sight()
            with self._watching(self._destination, "failed"):
                self._know(before=before, after=self._destination.sight(before.bound))
                there = evolve(self._move.fresh[1], bound=self._destination.bind())
                self._know(fresh=(fresh, there))
        except _Over as over:
            said = (self._destination.stderr, self._source.stderr, self._reason)
            self._know(ended=over.ended, why=over.why, said="\n".join(filter(None, said)))
        return self._move

    def _at_start(self, destination: End) -> Sight:
        """Return what a guest finds that starts in the *destination*, which waits for another.

        No processor goes on there before that has come, so what only a processor finds is looked
        for in one that waits for none.
        """
        board = destination.board
        if board is None or not board.channels:
            return destination.sight()
        self._alone.board = board
        with self._alone:
            self._alone.greet()
            return self._alone.sight()

    def _know(self, **what: Any) -> None:
        self._move = evolve(self._move, **what)

    @contextlib.contextmanager
    def _watching(self, end: End, otherwise: Ending) -> Iterator[None]:
        """Say how it ended where *end* has gone, or says nothing, in this block."""
        try:
            yield
        except QmpCommandError:
            raise
        except HostError as error:
            if error.code in _NO_MOVE:
                raise
            if error.code == "qemu-timeout" and otherwise == "source":
                raise  # before anything was tried
            if error.code == "qemu-timeout":
                raise _Over("late", error.lines[0]) from None
            status = end.qmp.end()
            if status > _BY_SIGNAL:
                status = _BY_SIGNAL - status
            ended: Ending = "died" if status < 0 else otherwise
            raise _Over(ended, f"it {ending(status)}") from None

    def _send(self) -> None:
        """Let the guest go, and wait until it has arrived."""
        source, destination = self._source, self._destination
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with self._watching(destination, "failed"):
                destination.qmp.give(_STREAM, theirs.fileno())
                destination.qmp.execute("migrate-incoming", uri=f"fd:{_STREAM}")
            with self._watching(source, "failed"):
                source.qmp.give(_STREAM, ours.fileno())
                try:
                    source.qmp.execute("migrate", uri=f"fd:{_STREAM}")
                except QmpCommandError as error:
                    self._reason = error.lines[0]
                    raise _Over("refused", self._reason) from None
        deadline = time.monotonic() + self._timeout
        with self._watching(source, "failed"):
            said = self._wait(source, "query-migrate", deadline, lambda it: it in _OVER)
        self._reason = str(said.get("error-desc", ""))
        # Why the destination does not take it is what it says before it ends.
        with self._watching(destination, "failed"):
            self._wait(destination, "query-status", deadline, lambda it: it != _INCOMING)
        if said["status"] != "completed":
            raise _Over("failed", self._reason)

    def _wait(
        self, end: End, command: str, deadline: float, over: Callable[[str], bool]
    ) -> dict[str, Any]:
        """Return what *command* answers once its status is *over*."""
        while True:
            said: dict[str, Any] = end.qmp.execute(command)
            if over(said.get("status", "")):
                return said
            if time.monotonic() > deadline:
                raise _Over("late", f"{command} came to no end in {self._timeout:g} s")
            time.sleep(_PAUSE)
