"""Findings for people: those with one cause and one cure stand together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from platform_abi.cli.render import Painted, say
from platform_abi.compat.folding import subject
from platform_abi.errors import first_of

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
    every = [*findings]
    for group in _grouped(every, by):
        for finding in group:
            word = Painted(f"{finding.severity:8}", _COLORS[finding.severity])
            say("  ", word, f" {finding.code}: {finding.message}")
            for line in _following(finding, every):
                say("           ", line)
        if group[0].help:
            say("           help: ", group[0].help)


def report_findings(findings: Iterable[Finding], *, by: Cause) -> None:
    """Say *findings* on stderr, as the errors that keep a QEMU from being started."""
    every = [*findings]
    for group in _grouped(every, by):
        for finding in group:
            say(Painted(f"error[{finding.code}]:", "red"), " ", finding.message, to=sys.stderr)
            for line in _following(finding, every):
                say("  ", line, to=sys.stderr)
        if group[0].help:
            say("help: ", group[0].help, to=sys.stderr)


#: So many of what follows from a finding are named.
_NAMED = 4


def _following(finding: Finding, every: Sequence[Finding]) -> Iterator[str]:
    """Yield in a line what of *every* follows from *finding*."""
    of = [f for f in every if f.follows_from and f.follows_from == finding.capability]
    if finding.device is not None:
        of = [f for f in of if f.device == finding.device]
    names = dict.fromkeys(subject(f) or f.code for f in of)
    if names:
        yield f"and with it: {first_of(names, _NAMED)}"


def _grouped(findings: Iterable[Finding], by: Cause) -> Iterator[list[Finding]]:
    heads = [finding for finding in findings if not finding.follows_from]
    groups = groupby(heads, key=lambda each: (each.code, getattr(each, by), each.help))
    return (list(group) for _, group in groups)
