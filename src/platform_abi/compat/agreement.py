"""Two reports held against each other.

Two probes of one host: a second witness keeps the first honest. Two hosts: whether they agree on
what a command line leaves to them, and what differs at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from platform_abi.model.host import Fact, HostReport
from platform_abi.model.value import evolve, frozen

if TYPE_CHECKING:
    from platform_abi.model.feature import Feature


@frozen(kw_only=True)
class Disagreement:
    """A capability that one probe found present and another absent, with the evidence of each."""

    capability: str
    first: Fact
    second: Fact


def compare_probes(first: HostReport, second: HostReport) -> tuple[Disagreement, ...]:
    """Return the capabilities on which two reports of one host contradict each other, by name.

    Only what both prove counts: what one could not find out, was not asked or has only predicted
    contradicts nothing.
    """
    return tuple(
        Disagreement(capability=name, first=first.facts[name], second=second.facts[name])
        for name in sorted(first.facts.keys() & second.facts.keys())
        if {first.state(name), second.state(name)} == {"present", "absent"}
    )


@frozen(kw_only=True)
class Agreement:
    """Whether two hosts agree on a feature: *known* where both reports say all that decides it.

    *on* names what decides it, *differ* what provably differs, with both values.
    """

    known: bool
    on: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()


def agree(
    feature: Feature | None,
    first: HostReport,
    second: HostReport,
    settled: Mapping[str, int] | None = None,
    *,
    qemu: str | None = None,
    returns: bool = False,
    off: Collection[str] = (),
) -> Agreement:
    """Return whether two hosts agree on *feature* where nobody pins it.

    Where registers decide it, that is whether the *second* host takes those of the first, by the
    *qemu* of that version; a guest that *returns* has values that it brought from there. Properties
    of its CPU that the user turns *off* are what they are on no host.

    It is decided by the values of a report that the feature names, or else by the capabilities
    that it needs; of masks that the feature calls inclusive the *second* may have more than the
    first. A host agrees with itself on everything: two reports of one name that say the same are of
    one host. *settled* are, by register, bits that decide nothing.
    """
    if first.name and first == second:
        return Agreement(known=True, on=("everything: they are one host",))
    if feature is None:
        return Agreement(known=False)
    if feature.registers is not None:
        from platform_abi.compat.registers import taken

        known, differ = taken(feature.registers, first, second, qemu=qemu, returns=returns, off=off)
        on = (feature.registers.listed, f"{feature.registers.values}*")
        return Agreement(known=known, on=on, differ=differ)
    names = feature.decided_by or feature.capabilities
    one, two = (dict(_deciding(names, _cleared(report, settled))) for report in (first, second))
    keys = sorted(one.keys() | two.keys())
    known = bool(keys) and all(one.get(key) and two.get(key) for key in keys)
    return Agreement(
        known=known and all(any(fnmatchcase(key, name) for key in keys) for name in names),
        on=names,
        differ=tuple(
            f"{key} ({one[key]} and {two[key]})"
            for key in keys
            if one.get(key)
            and two.get(key)
            and one[key] != two[key]
            and not (
                any(fnmatchcase(key, name) for name in feature.inclusive)
                and _contained(one[key], two[key])
            )
        ),
    )


def _contained(first: str, second: str) -> bool:
    """Return whether the mask *second* has every bit of *first*, both as ``_deciding`` has them."""
    return not int(first, 16) & ~int(second, 16)


def _cleared(report: HostReport, settled: Mapping[str, int] | None) -> HostReport:
    """Return *report* without the bits that are *settled*; a register's value is hexadecimal."""
    if not settled:
        return report
    masks = {name: word & ~settled.get(name, 0) for name, word in report.masks.items()}
    values = {
        name: f"{int(word, 16) & ~settled[name]:#x}"
        if name in settled and re.fullmatch(_HEX, word)
        else word
        for name, word in report.values.items()
    }
    return evolve(report, masks=masks, values=values)


_HEX = "0x[0-9a-f]{1,16}"


def _deciding(names: tuple[str, ...], report: HostReport) -> Iterator[tuple[str, str]]:
    """Yield what *report* says of *names*, which may be patterns; nothing for what is unknown."""
    tables: tuple[tuple[Mapping[str, Any], Callable[[Any], str | None]], ...] = (
        (report.values, str),
        (report.numbers, str),
        (report.masks, hex),
        (report.sets, _members),
        (report.facts, _known),
    )
    for name in names:
        pattern = not _WILD.isdisjoint(name)
        for table, word_of in tables:
            for key in [k for k in table if fnmatchcase(k, name)] if pattern else [name]:
                word = word_of(table[key]) if key in table else None
                if word is not None:
                    yield key, word


#: What makes a pattern of a name (fnmatch).
_WILD = frozenset("*?[")


def _members(members: Sequence[str]) -> str:
    return " ".join(members) or "none"


def _known(fact: Fact) -> str | None:
    return None if fact.proven == "unknown" else fact.proven


# --- what differs --------------------------------------------------------------------------------


@frozen(kw_only=True)
class HostDifference:
    """Something that two hosts do not share; None where one report does not say it."""

    kind: str
    what: str
    before: str | None
    after: str | None


def diff_hosts(before: HostReport, after: HostReport) -> list[HostDifference]:
    """Return what two reports do not say alike, sorted; evidence and names do not count."""
    first, second = _entries(before), _entries(after)
    return [
        HostDifference(kind=key[0], what=key[1], before=first.get(key), after=second.get(key))
        for key in sorted(first.keys() | second.keys())
        if first.get(key) != second.get(key)
    ]


def _entries(report: HostReport) -> dict[tuple[str, str], str]:
    said = {
        ("host", key): getattr(report, key)
        for key in ("system", "release", "arch", "distribution", "distribution_version")
    }
    said["host", "distribution_like"] = " ".join(report.distribution_like)
    for name, fact in report.facts.items():
        predicted = " (inferred)" if fact.source == "inferred" else ""
        said["fact", name] = f"{fact.state}{predicted}"
    said |= {("number", name): str(number) for name, number in report.numbers.items()}
    said |= {("mask", name): f"{mask:#x}" for name, mask in report.masks.items()}
    said |= {("value", name): value for name, value in report.values.items()}
    said |= {("config", name): value for name, value in report.config.items()}
    for qemu in report.qemus:
        said["qemu", qemu.path] = " ".join(filter(None, (qemu.known_by, qemu.identity)))
        for machine in qemu.machines:
            said["machine", f"{machine.name} of {qemu.path}"] = machine.fingerprint or "there"
    for name, members in report.sets.items():
        said |= {("set", f"{name} {member}"): "there" for member in members}
    return said
