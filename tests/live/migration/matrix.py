"""One row of the matrix: what is said of a migration, and what becomes of the guest."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from tests.live.migration.guest import Guest, Heartbeat, View
from tests.live.migration.hosts import SimulatedHost
from tests.live.migration.running import Migration, Running, Serial

#: Where the NIC is, for those who look at it from outside.
SLOT: Final = 5

_BOARD: Final = ("-nodefaults", "-no-user-config", "-display", "none", "-m", "256M")
_NIC: Final = (
    *("-device", f"virtio-net-pci,netdev=n0,id=net0,addr={SLOT}"),
    *("-netdev", "tap,id=n0,script=no,downscript=no"),
)


#: The serial port of a machine whose guest nobody listens to.
_UNHEARD: Final = ("-serial", "null")


@frozen(kw_only=True)
class Row:
    """A guest on a *machine* that is to move between two kernels and two versions of QEMU.

    *platform* is what is written behind ``-platform``, ``none`` for today's QEMU.
    """

    name: str
    kernels: tuple[str, str]
    qemus: tuple[str, str]
    machine: str
    platform: str
    accelerator: str = "tcg"
    cpu: str = "qemu64"

    @property
    def words(self) -> tuple[str, ...]:
        """The virtual machine, in QEMU's words."""
        machine = ("-machine", self.machine, "-accel", self.accelerator, "-cpu", self.cpu)
        return (*_BOARD, *machine, *_NIC)

    def __str__(self) -> str:
        return f"{self.name}-{self.qemus[0]}-to-{self.qemus[1]}-{self.platform}"


@frozen(kw_only=True)
class Course:
    """What became of a guest: where it went, what it saw and counted on the way."""

    there: Migration
    back: Migration | None
    views: Sequence[View] = field(repr=False)
    heartbeats: Sequence[Heartbeat] = field(repr=False)

    @property
    def moved(self) -> bool:
        """Whether it got there and, as the same guest, back."""
        ends = [self.there, self.back]
        return all(end is not None and end.status == "completed" for end in ends)

    @property
    def unchanged(self) -> bool:
        """Whether it saw the same machine all the time."""
        return len(set(self.views)) == 1

    @property
    def alive(self) -> bool:
        """Whether it went on counting from where it was, without a new beginning.

        One number may be missing for each move: see ``Guest.heartbeats``.
        """
        boots = {beat.boot for beat in self.heartbeats}
        numbers = [beat.number for beat in self.heartbeats]
        steps = [after - before for before, after in itertools.pairwise(numbers)]
        moves = 1 if self.back is None else 2
        return len(boots) == 1 and set(steps) <= {1, 2} and steps.count(2) <= moves


def run(
    row: Row,
    guest: Guest,
    ends: tuple[SimulatedHost, SimulatedHost],
    lock: Path,
    *,
    force: bool = False,
    restart: bool = False,
) -> Course:
    """Start the guest of *row* on the first of two *ends*, move it to the second and back.

    *lock* is written where it starts, and travels with it. With *force* the launcher starts QEMU
    where it would refuse to; with *restart* the guest starts again where it has arrived.
    """
    serial = Serial(guest)
    views = []

    def moved(source: Running, destination: Running) -> tuple[Migration, Running]:
        migration = source.migrate_to(destination)
        now = destination if migration.status == "completed" else source
        views.append(now.view())
        now.heartbeat()
        return migration, now

    def running(host: SimulatedHost, option: Sequence[str], *, incoming: bool = False) -> Running:
        words = (*row.words, *guest.arguments, *option)
        return Running(host, words, serial, lock.parent, incoming=incoming)

    def arriving(host: SimulatedHost) -> Running:
        return running(host, stored_platform(row, lock, host, force=force), incoming=True)

    here, there = ends
    back = None
    with running(here, first_platform(row, lock)) as source:
        source.heartbeat()
        views.append(source.view())
        with arriving(there) as destination:
            forth, now = moved(source, destination)
            if now is destination:
                if restart:
                    destination.restart()
                    views.append(destination.view())
                with arriving(here) as again:
                    back, _ = moved(destination, again)
    return Course(there=forth, back=back, views=views, heartbeats=serial.heartbeats)


def first_platform(row: Row, lock: Path) -> tuple[str, str]:
    """Return the option with which the guest of *row* starts, and is written down."""
    return "-platform", "none" if row.platform == "none" else f"{row.platform},lock={lock}"


def stored_platform(
    row: Row, lock: Path, host: SimulatedHost, *, force: bool = False
) -> tuple[str, str]:
    """Return the option with which the guest arrives at *host*, where *lock* was copied to."""
    if row.platform == "none":
        return "-platform", "none"
    copy = lock.with_name(f"{lock.stem}-{host.kernel}.lock")
    shutil.copyfile(lock, copy)
    return "-platform", f"lock={copy}" + (",force=on" if force else "")


def store(row: Row, guest: Guest, host: SimulatedHost, lock: Path) -> None:
    """Let the launcher write the *lock* of the guest of *row* by starting it on *host*."""
    words = (*row.words, *guest.arguments, *first_platform(row, lock))
    with Running(host, words, Serial(guest), lock.parent):
        assert lock.exists()


def refusal(row: Row, guest: Guest, host: SimulatedHost, lock: Path) -> tuple[int, str]:
    """Return the exit code and the words with which *host* will not let the guest arrive."""
    return _arrive(row, guest, host, stored_platform(row, lock, host))


def forced(row: Row, guest: Guest, host: SimulatedHost, lock: Path) -> tuple[int, str]:
    """Return the exit code and the words of a QEMU that ends where the launcher was overruled."""
    return _arrive(row, guest, host, stored_platform(row, lock, host, force=True))


def _arrive(row: Row, guest: Guest, host: SimulatedHost, option: Sequence[str]) -> tuple[int, str]:
    words = (*row.words, *guest.arguments, *_UNHEARD, *option, "-incoming", "defer")
    done = host.platform_abi("run", "--", str(host.qemu), *words)
    return done.returncode, done.stderr


def lacking(verdict: Any) -> set[str]:
    """Return the capabilities for the lack of which the way to the second host is blocked."""
    findings = verdict["forward"]["findings"]
    return {f["capability"] for f in findings if f["severity"] == "blocked"}


def is_named(reason: str, capability: str) -> bool:
    """Whether the launcher's *reason* says that the host lacks *capability*."""
    errors = (text for text in reason.splitlines() if text.startswith("error[capability-missing]:"))
    return any(f" needs {capability}, which is absent here" in text for text in errors)


def rewritten(row: Row, guest: Guest, host: SimulatedHost, lock: Path) -> list[str]:
    """Return the words with which the launcher would start the machine of *row* on *host*."""
    words = (*row.words, *guest.arguments, *_UNHEARD, *stored_platform(row, lock, host))
    done = host.platform_abi("run", "--print-args", "--", str(host.qemu), *words)
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()


def line(row: Row, verdict: Any, course: Course) -> str:
    """Return *row* as one line of the printed matrix."""
    says = "-" if verdict is None else verdict["forward"]["status"]
    ends = [course.there.status, "-" if course.back is None else course.back.status]
    downtimes = [end.downtime for end in (course.there, course.back) if end is not None]
    return (
        f"{row.name:16} {row.kernels[0]:>8} -> {row.kernels[1]:15} {'/'.join(row.qemus):9} "
        f"{row.machine:18} {row.platform:10} {says:7} {ends[0]:9} {ends[1]:9} "
        f"{'same' if course.unchanged else 'CHANGED':7} "
        f"{'alive' if course.alive else 'LOST':5} {downtimes} ms"
    )
