"""The migration of a virtual machine tried here and now, and who is to blame where it fails.

Two QEMUs are started on this host, paused, with stand-ins for all backends. The driver of every
virtio device takes all it is offered; the machine is moved over a socket that only both QEMUs have,
and what a guest sees is compared. Where that fails, it is tried with fewer devices until those are
left that it fails by. No guest runs, and nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from platform_abi.compat.finding import Finding
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import HostError, printable
from platform_abi.launch.configuration_files import ConfigurationFiles
from platform_abi.model.abi import GuestAbi
from platform_abi.model.guest import GuestBoard
from platform_abi.model.machine import TypeTable
from platform_abi.model.value import evolve
from platform_abi.model.vm import VirtualMachine
from platform_abi.qemu.process import last_line
from platform_abi.rehearsal.culprits import culprits
from platform_abi.rehearsal.findings import (
    SCOPE,
    changed,
    changed_by_reset,
    likely,
    stopped,
    unrehearsed,
    unseen,
)
from platform_abi.rehearsal.fitting import Fitting, fitted, needs
from platform_abi.rehearsal.move import Move, Stage
from platform_abi.rehearsal.result import OneWay, Rehearsal, rehearsal, status_of
from platform_abi.verifier.harmless import harmless
from platform_abi.verifier.stand_in import StandIn, stand_in

#: How long a QEMU may take to start, to answer, and to move a machine, by default, in seconds.
TIMEOUT = 30.0

#: Told what is tried next, each time.
Progress = Callable[[str], None]


def rehearse(
    catalogue: FileCatalogue,
    abi: GuestAbi,
    qemu: str,
    to_qemu: str,
    *,
    words: Sequence[str] | None = None,
    back: bool = False,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _what: None,
) -> Rehearsal:
    """Return whether a guest of *abi* moves from the binary *qemu* to *to_qemu*, as it was.

    And whether it comes *back*, where that is asked. With the arguments of *abi*; or with *words*,
    a whole command line, of which only what touches nothing is handed on. *timeout*, in seconds,
    bounds each answer and each migration. *progress* is told what is tried next.

    A device that cannot be had here is left out, and unknown. Features that this host's kernel
    has not are offered by neither QEMU: hosts are compared by ``check_migration``.

    Raises HostError (``qemu-failed``, ``qemu-timeout``, ``qemu-not-found``) where *qemu* does not
    start the machine, and for a script that does not become QEMU (``qemu-streams``), UsageError for
    *words* that no QEMU could read.
    """
    if words is None:
        made = stand_in(catalogue, abi)
    else:
        made = harmless(catalogue, words, abi.vm, ConfigurationFiles().read)
    return rehearse_start(
        catalogue, abi.vm, made, qemu, to_qemu, back=back, timeout=timeout, progress=progress
    )


def rehearse_start(
    catalogue: FileCatalogue,
    vm: VirtualMachine,
    made: StandIn,
    qemu: str,
    to_qemu: str,
    *,
    back: bool = False,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _what: None,
) -> Rehearsal:
    """Return what ``rehearse`` does for *vm*, started as *made* says."""
    table = catalogue.cpus().get(vm.arch)
    flags = () if table is None else table.of_msrs
    stage = Stage(source=qemu, destination=to_qemu, timeout=timeout, flags=flags)
    there = _Rehearsing(catalogue, vm, made, stage, progress).run()
    again = None
    if back:
        stage = Stage(source=to_qemu, destination=qemu, timeout=timeout, flags=flags)
        try:
            again = _Rehearsing(catalogue, vm, made, stage, progress).run()
        except HostError as error:
            if isinstance(error, _SourceError):
                finding = stopped(catalogue, evolve(error.move, machine=vm.machine), (), {})
            elif error.code == "qemu-timeout":
                finding = Finding(
                    code="machine-stopped", severity="blocked", message=error.lines[0]
                )
            else:
                raise
            again = OneWay(status="blocked", machine=vm.machine, findings=(finding, SCOPE))
    return rehearsal(there, again)


class _SourceError(HostError):
    """The source does not start the machine, and nobody knows a way round it."""

    def __init__(self, binary: str, machine: str, move: Move) -> None:
        super().__init__(
            f"{printable(binary)} does not start {printable(machine)}: {move.why}",
            code="qemu-failed",
            help="nothing can be rehearsed from a QEMU that does not start the machine",
            details=move.said.splitlines(),
        )
        self.move = move


class _Rehearsing:
    """One way of a rehearsal: as many moves as it takes."""

    def __init__(
        self,
        catalogue: FileCatalogue,
        vm: VirtualMachine,
        made: StandIn,
        stage: Stage,
        progress: Progress,
    ) -> None:
        self._catalogue = catalogue
        self._vm = vm
        self._stage = stage
        self._progress = progress
        self._fitting = Fitting(made=made)
        self._types = catalogue.types(vm.build, vm.arch) if vm.build else TypeTable()
        self._needs = needs(vm)
        self._moves: dict[frozenset[str], Move] = {}
        self._asked: set[frozenset[str]] = set()
        #: One that failed, and then did not.
        self._once: Move | None = None
        self._count = 0
        #: The one with all devices, as far as the source starts with them.
        self._whole = Move(ended="source")

    def run(self) -> OneWay:
        """Return what becomes of the whole machine, and of what is left without what stops it."""
        self._fit()
        labels = self._fitting.labels
        parts, whole = culprits(labels, self._stops, self._without, self._likely)
        drivers = {label: device.driver for label, device in self._vm.labelled()}
        findings = [stopped(self._catalogue, self._move(part), part, drivers) for part in parts]
        rest: Sequence[str] = labels
        for part in parts:
            rest = self._without(rest, part)
        last = self._move(rest) if all(parts) else self._whole
        if last.ended == "moved":
            otherwise = changed(self._catalogue, last, drivers)
            later = changed_by_reset(self._catalogue, last, drivers, otherwise)
            findings += [*otherwise, *later, *unseen(last)]
        if not whole:
            findings.append(_not_repeated(self._once or last))
        findings += self._not_rehearsed(parts, rest)
        return OneWay(
            status=status_of(tuple(findings)),
            findings=(*findings, SCOPE),
            machine=self._whole.machine or self._vm.machine,
            source=self._whole.source,
            destination=last.destination or self._whole.destination,
            moves=self._count,
            compared=len(last.before.functions),
        )

    def _fit(self) -> None:
        """Take away, or stand in for, what keeps the source from starting here at all."""
        while True:
            self._moves.clear()
            self._whole = self._move(self._fitting.labels)
            if self._whole.ended != "source":
                self._asked.clear()
                return
            fitting = fitted(self._fitting, self._whole.said)
            if fitting is None:
                raise _SourceError(self._stage.source, self._vm.machine, self._whole)
            self._fitting = fitting

    def _move(self, labels: Sequence[str]) -> Move:
        """Return what became of a move with these devices, and with what they are plugged into."""
        wanted = self._closed(labels)
        key = frozenset(wanted)
        if key not in self._moves:
            every = self._fitting.labels
            without = [label for label in every if label not in key]
            count = "all devices" if not without else f"{len(wanted)} of {len(every)} devices"
            self._count += 1
            self._progress(f"move {self._count}: {count}")
            left_out = {*self._fitting.left_out, *without}
            self._moves[key] = self._stage.move(
                self._fitting.words(without),
                self._board_of,
                lambda end: end.places(self._types, self._vm, left_out),
            )
        return self._moves[key]

    def _board_of(self, machine: str) -> GuestBoard | None:
        looked_at = self._catalogue.guest_devices(self._vm.arch)
        return None if looked_at is None else looked_at.board_of(machine)

    def _closed(self, labels: Sequence[str]) -> list[str]:
        wanted = set(labels)
        for label in labels:
            while (label := self._needs.get(label, "")) and label not in wanted:
                wanted.add(label)
        return [label for label in self._fitting.labels if label in wanted]

    def _without(self, labels: Sequence[str], part: Sequence[str]) -> list[str]:
        """Return what is left of devices without a *part*, and what is plugged into it."""
        gone = set(part)
        left = []
        for label in labels:  # what others are plugged into comes before them
            if label in gone or self._needs.get(label) in gone:
                gone.add(label)
            else:
                left.append(label)
        return left

    def _stops(self, labels: Sequence[str]) -> bool:
        """Return whether the migration fails with these devices.

        A part of the machine that the source does not start with says nothing of it. Who asks a
        second time about what failed wants to know whether it does so again.
        """
        key = frozenset(self._closed(labels))
        before = self._moves.get(key) if key in self._asked else None
        if before is not None and _stopped(before):
            del self._moves[key]
        self._asked.add(key)
        stops = _stopped(self._move(labels))
        if before is not None and _stopped(before) and not stops:
            self._once = before
        return stops

    def _likely(self, labels: Sequence[str]) -> list[str]:
        move = self._move(labels)
        named = {*likely(move), *self._fitting.blamed(move.said)}
        return [label for label in labels if label in named]

    def _not_rehearsed(self, parts: Sequence[Sequence[str]], rest: Sequence[str]) -> list[Finding]:
        blamed = {label for part in parts for label in part}
        with_it = [
            label for label in self._fitting.labels if label not in rest and label not in blamed
        ]
        reasons = dict.fromkeys(with_it, "what it is plugged into does not move")
        found = [*unrehearsed({**self._fitting.left_out, **reasons}), *self._fitting.remarks()]
        if self._board_of(self._vm.machine) is None:
            found.append(
                Finding(
                    code="driver-not-played",
                    severity="unknown",
                    message=f"no driver took what it was offered, and no two views were compared: "
                    f"nobody can reach the devices of {self._vm.machine} of {self._vm.arch}",
                )
            )
        return found


def _stopped(move: Move) -> bool:
    return move.ended not in {"moved", "source"}


def _not_repeated(move: Move) -> Finding:
    said = last_line(move.said) if move.said else move.why
    return Finding(
        code="not-repeated",
        severity="unknown",
        message=f"it failed once, and not again with the same devices: {said}",
        help="rehearse it again; a host without memory or time fails for its own reasons",
    )
