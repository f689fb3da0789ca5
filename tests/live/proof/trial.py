"""What was said of a trial, what happened, and whether the two agree."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Final, Literal

from attrs import frozen

import platform_abi as pa
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.launch.asking import ThisHost
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.platform_option import platform_option
from platform_abi.launch.start import Start, start
from platform_abi.model.guest import GuestBoard
from platform_abi.qemu.paused import PausedQemu
from platform_abi.qemu.process import last_line
from platform_abi.rehearsal.findings import changed, changed_by_reset
from platform_abi.rehearsal.move import Move, Stage
from tests.live.conftest import BUILD_OF
from tests.live.migration.hosts import Hosts, SimulatedHost
from tests.live.proof.draw import Trial

#: ``surprise``: allowed, and then it failed or the guest changed. ``caution``: blocked, and nothing
#: would have been noticed. ``void``: QEMU itself does not start such a machine on that host.
Kind = Literal["kept", "stopped", "surprise", "caution", "void"]

_ARCH: Final = "x86_64"

#: How long a QEMU may take to answer on a busy machine, and to move a machine, in seconds.
_PATIENCE: Final = 60.0

#: What only the launcher is told: a trial's own QEMU has another socket.
_INCOMING: Final = ("-incoming", "defer")


@frozen(kw_only=True)
class Outcome:
    """A trial and its end: *said* is why it was blocked, *seen* what failed or changed."""

    trial: Trial
    kind: Kind
    said: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.kind} {self.trial}"]
        lines += [f"    said: {line}" for line in self.said]
        lines += [f"    seen: {line}" for line in self.seen]
        return "\n".join(lines)


class _Reported(ThisHost):
    """A host by its report, whose QEMU may be asked."""

    def __init__(self, catalogue: pa.FileCatalogue, host: SimulatedHost, report: pa.HostReport):
        super().__init__(catalogue, str(host.qemu))
        self._report = report

    def everything(self) -> pa.HostReport:
        return self._report

    def needed(self, abi: pa.GuestAbi) -> pa.HostReport:
        del abi
        return self._report


class Judge:
    """Who plays trials: *hosts* are where they happen, *folder* is for what they leave."""

    def __init__(self, catalogue: pa.FileCatalogue, hosts: Hosts, folder: Path) -> None:
        self._catalogue = catalogue
        self._hosts = hosts
        self._folder = folder

    def play(self, trial: Trial) -> Outcome:
        """Return what was said of *trial*, and what became of it."""
        ends = self._hosts.pair(trial.kernels, trial.qemus)
        if not self._starts(ends[0], trial.words):
            return Outcome(trial=trial, kind="void")
        said, words, abi = self._said(trial, ends)
        seen = self._seen(ends, words, abi)
        if said:
            return Outcome(trial=trial, kind="stopped" if seen else "caution", said=said, seen=seen)
        return Outcome(trial=trial, kind="surprise" if seen else "kept", seen=seen)

    def _starts(self, host: SimulatedHost, words: tuple[str, ...]) -> bool:
        how = {"timeout": _PATIENCE, "environment": host.environment}
        try:
            with PausedQemu(str(host.qemu), words, **how):  # type: ignore[arg-type]
                return True
        except pa.HostError:
            return False

    def _said(
        self, trial: Trial, ends: tuple[SimulatedHost, SimulatedHost]
    ) -> tuple[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]], pa.GuestAbi | None]:
        """Return why the migration is blocked, the words for both ends, and the guest ABI."""
        here, there = ends
        reports = [self._hosts.report(host) for host in ends]
        said: list[str] = []
        abi = None
        words = trial.words, trial.changed
        try:
            first = self._start(here, reports[0], trial.words, trial.platform)
            abi, words = first.abi, (first.words, trial.changed)
            said += [f"start: {f.code} {f.message}" for f in _blocking(first.verdict)]
            text = lockfile(self._catalogue, abi, build=BUILD_OF[trial.qemus[0]], ran=True)
            lock = self._folder / "vm.lock"
            lock.write_text(text)
            stored = read_lock(text, "vm.lock", catalogue=self._catalogue)
            verdict = pa.check_migration(self._catalogue, stored, *reports)
            said += [f"check: {f.code} {f.message}" for f in _blocking(verdict.forward)]
            second = self._start(there, reports[1], trial.changed, None, stored=stored)
            words = first.words, second.words[: -len(_INCOMING)]
            said += [f"arrive: {f.code} {f.message}" for f in _blocking(second.verdict)]
            # Nobody there can know better than who leaves a device out; so it is said by name.
            said += [f"arrive: {text}" for text in second.remarks if "plugged out" in text]
        except pa.PlatformAbiError as error:
            said.append(f"refused: {error.code} {error}")
        return tuple(said), words, abi

    def _start(
        self,
        host: SimulatedHost,
        report: pa.HostReport,
        words: tuple[str, ...],
        platform: str | None,
        *,
        stored: pa.GuestAbi | None = None,
    ) -> Start:
        if stored is not None:
            words = (*words, "-platform", "lock=vm.lock,force=on", *_INCOMING)
        elif platform is not None:
            words = (*words, "-platform", platform)
        line = read_command_line(self._catalogue.options(), words)
        return start(
            self._catalogue,
            line,
            platform_option(line),
            _Reported(self._catalogue, host, report),
            arch=_ARCH,
            stored=stored,
        )

    def _seen(
        self,
        ends: tuple[SimulatedHost, SimulatedHost],
        words: tuple[tuple[str, ...], tuple[str, ...]],
        abi: pa.GuestAbi | None,
    ) -> tuple[str, ...]:
        """Return what failed, changed, or was not as *abi* says."""
        here, there = ends
        stage = Stage(
            source=str(here.qemu),
            destination=str(there.qemu),
            timeout=_PATIENCE,
            environments=(here.environment, there.environment),
            flags=self._catalogue.cpus()[_ARCH].of_msrs,
        )
        move = stage.move(words[0], self._board_of, arriving=words[1])
        if move.ended != "moved":
            what = "migration failed" if move.ended in {"failed", "refused"} else move.ended
            return (f"{what}: {_telling(move.said) or move.why}",)
        found = changed(self._catalogue, move, {})
        found += changed_by_reset(self._catalogue, move, {}, found)
        return (*(finding.message for finding in found), *self._unlike(abi, move))

    def _board_of(self, machine: str) -> GuestBoard | None:
        looked_at = self._catalogue.guest_devices(_ARCH)
        return None if looked_at is None else looked_at.board_of(machine)

    def _unlike(self, abi: pa.GuestAbi | None, move: Move) -> list[str]:
        """Return which devices do not offer the bits that *abi* says."""
        if abi is None:
            return []
        offered = Counter(
            int(facts.get("features") or facts["legacy-features"], 16)
            for facts in move.before.functions.values()
            if "features" in facts or "legacy-features" in facts
        )
        found = []
        for label, _ in abi.vm.labelled():
            with contextlib.suppress(pa.UsageError):  # no virtio device, or none that is described
                bits = pa.offered_bits(self._catalogue, abi, label)
                if not offered[bits]:
                    found.append(f"{label} does not offer {bits:#x}")
                offered[bits] -= 1
        return found


def _telling(said: str) -> str:
    """Return the last line of what QEMU said that is no warning, else the last."""
    lines = [line for line in said.splitlines() if line.strip()]
    return last_line("\n".join([each for each in lines if "warning:" not in each] or lines))


def _blocking(verdict: pa.CheckVerdict) -> list[pa.Finding]:
    """Return what stands against it, or would if nobody had asked to go on regardless."""
    return [finding for finding in verdict.findings if finding.severity == "blocked"]
