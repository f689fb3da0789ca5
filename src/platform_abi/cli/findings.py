"""Findings for people: those with one cause and one cure stand together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from platform_abi.cli.render import Painted, say

if TYPE_CHECKING:
    from platform_abi.compat.finding import Finding, Severity

_COLORS: dict[Severity, str] = {
    "info": "dim", "warn": "yellow", "unknown": "yellow", "blocked": "red", "drift": "red",
}  # fmt: skip


#: What findings share besides code and help where one cure is for all of them: what the host lacks,
#: or the device that is not what it has to be.
Cause = Literal["capability", "device"]


def print_findings(findings: Iterable[Finding], *, by: Cause) -> None:
    """Print *findings*, each with how grave it is, and what helps once for those of one cause."""
    for group in _grouped(findings, by):
        for finding in group:
            word = Painted(f"{finding.severity:8}", _COLORS[finding.severity])
            say("  ", word, f" {finding.code}: {finding.message}")
        if group[0].help:
            say("           help: ", group[0].help)


def report_findings(findings: Iterable[Finding], *, by: Cause) -> None:
    """Say *findings* on stderr, as the errors that keep a QEMU from being started."""
    for group in _grouped(findings, by):
        for finding in group:
            say(Painted(f"error[{finding.code}]:", "red"), " ", finding.message, to=sys.stderr)
        if group[0].help:
            say("help: ", group[0].help, to=sys.stderr)


def _grouped(findings: Iterable[Finding], by: Cause) -> Iterator[list[Finding]]:
    groups = groupby(findings, key=lambda each: (each.code, getattr(each, by), each.help))
    return (list(group) for _, group in groups)
