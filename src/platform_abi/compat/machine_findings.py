"""What another build's meaning of a machine type says against starting a virtual machine in it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding, Severity
from platform_abi.errors import first_of

if TYPE_CHECKING:
    from platform_abi.compat.machine_content import MachineDifference, MachineVerdict


#: The code of what is told of properties that only one of two builds has or states.
ONE_SIDED = "machine-content-one-sided"


def machine_findings(verdict: MachineVerdict, *, allow_unknown: bool = False) -> list[Finding]:
    """Return what *verdict* says against starting the virtual machine in that build.

    What is not known blocks like what is known to differ, unless *allow_unknown*. Properties that
    only one of two releases has are told together, and block nothing: a warning where one of them
    switches something on that a guest can see.
    """
    unknown: Severity = "warn" if allow_unknown else "blocked"
    found = [
        Finding(
            code="machine-content",
            severity="blocked",
            message=_message(verdict, d),
            help=_cure(d),
            feature=d.feature,
            property=f"{d.driver}.{d.property}",
            value=d.after or "",
        )
        for d in verdict.differences
        if d.matters
    ]
    found += [
        Finding(
            code="driver-missing",
            severity="blocked",
            message=f"{verdict.build} has no driver {driver}",
            help="choose a build that has it, or take the device out",
            value=driver,
        )
        for driver in verdict.missing
    ]
    found += [
        Finding(
            code="machine-content-unknown",
            severity=unknown,
            message=f"{verdict.machine} of {verdict.build} gives {driver} other properties than "
            f"that of {_locked(verdict)} gave, and what these were is not known any more",
            help=f"install the definitions of {verdict.locked}, or resolve again",
        )
        for driver in verdict.unlocated
    ]
    one_sided = [d for d in verdict.differences if not d.matters]
    if one_sided:
        found.append(_told_together(verdict, one_sided))
    return found


def _locked(verdict: MachineVerdict) -> str:
    """Return how *verdict* names the build that the virtual machine was resolved against."""
    if not verdict.assumed:
        return verdict.locked
    return f"{verdict.locked}, the newest known when it was locked,"


def _message(verdict: MachineVerdict, d: MachineDifference) -> str:
    here = f"{verdict.machine} of {verdict.build}"
    there = f"that of {_locked(verdict)}".removesuffix(",")
    name = f"{d.driver}.{d.property}"
    if d.change == "added":
        return f"{name} is {d.after} in {here}, and there was no such property in {there}"
    if d.change == "removed":
        return f"{name} does not exist in {here}, and was {d.before} in {there}"
    if d.change == "unstated":
        which, value, other = (
            (here, d.after, there) if d.before is None else (there, d.before, here)
        )
        return f"{name} is {value} in {which}, and {other} does not say what it is"
    stream = "" if d.seen == "guest" else "; only the migration stream can tell"
    return f"{name} is {d.after} in {here}, and was {d.before} in {there}{stream}"


def _cure(d: MachineDifference) -> str:
    if d.argument:
        return f"start it with -global {shlex.quote(d.argument)}"
    if d.change == "removed":
        return "no argument keeps it: choose a build that has the property"
    return (
        f"nobody states the value that keeps it: a -global {d.driver}.{d.property} that does what "
        "the other build did"
    )


#: So many properties are named; a release brings more than anybody reads.
_NAMES = 3

#: Values that switch nothing on: most often what there was before there was the property.
_NOTHING = frozenset({"", "0", "off"})


def _told_together(verdict: MachineVerdict, differences: Sequence[MachineDifference]) -> Finding:
    """Return what there is to say of properties that only one of two releases has or states."""
    message = (
        f"{len(differences)} properties of the virtual machine's drivers are in "
        f"{_locked(verdict)} or {verdict.build} only, or stated by one of them only"
    )
    values = ((d, d.before or d.after or "") for d in differences if d.seen == "guest")
    # A property that many drivers inherit is named of the first of them.
    found = {(d.property, v): d.driver for d, v in reversed([*values]) if v not in _NOTHING}
    on = sorted(f"{driver}.{name}={value}" for (name, value), driver in found.items())
    if on:
        message += f"; a guest can see {first_of(on, _NAMES)}"
    return Finding(
        code=ONE_SIDED,
        severity="warn" if on else "info",
        message=message,
        help="'diff build --all' names them",
    )
