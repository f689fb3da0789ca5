"""What comes of a rehearsal, as values."""

from __future__ import annotations

from typing import Literal

from platform_abi.compat.finding import Finding
from platform_abi.model.value import frozen

RehearsalStatus = Literal["ok", "unknown", "blocked"]


@frozen(kw_only=True)
class OneWay:
    """What became of moving a guest one way.

    *blocked* where it cannot move or finds something else, now or once the machine is reset, else
    *unknown* where something of it was not rehearsed. *source* and *destination* are the versions
    that the QEMUs say they are, empty for one that was not asked. *moves* is how many migrations
    were tried, *compared* how many PCI functions were looked at on both sides.
    """

    status: RehearsalStatus
    findings: tuple[Finding, ...]
    machine: str
    source: str = ""
    destination: str = ""
    moves: int = 0
    compared: int = 0


@frozen(kw_only=True)
class Rehearsal:
    """A rehearsal of a migration, and of the way *back* where that was asked for."""

    status: RehearsalStatus
    forward: OneWay
    back: OneWay | None = None


def status_of(findings: tuple[Finding, ...]) -> RehearsalStatus:
    """Return what *findings* come to."""
    severities = {finding.severity for finding in findings}
    worst: tuple[RehearsalStatus, ...] = ("blocked", "unknown")
    return next((status for status in worst if status in severities), "ok")


def rehearsal(forward: OneWay, back: OneWay | None) -> Rehearsal:
    """Return what both ways come to together."""
    findings = (*forward.findings, *(() if back is None else back.findings))
    return Rehearsal(status=status_of(findings), forward=forward, back=back)
