"""What follows from another finding is folded under it: one cause, one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from platform_abi.errors import first_of
from platform_abi.model.host import NOT_ASKED
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.compat.finding import Finding
    from platform_abi.model.catalogue import Catalogue

#: So many capabilities are named of those that one cause takes away.
_NAMED = 3


def folded(catalogue: Catalogue, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield *findings* of what a host lacks, each behind the one that it follows from.

    A device node that is not there, or may not be opened, is one cause of all that only it could
    tell; so is a report in which nobody was asked. Of one capability of one device the first
    finding stands for the others.
    """
    groups: dict[tuple[str | None, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_cause(catalogue, finding), []).append(finding)
    for (cause, *_), group in groups.items():
        first, *rest = group
        yield _leading(cause or "", group) if cause else first
        yield from (evolve(finding, follows_from=first.capability) for finding in rest)


def _cause(catalogue: Catalogue, finding: Finding) -> tuple[str | None, ...]:
    """Return what *finding* has in common with others, at first the cause if it has to be said."""
    cause = NOT_ASKED.detail if finding.fact == NOT_ASKED else node_cause(catalogue, finding)
    if cause:
        return (cause, finding.code)
    return ("", finding.code, finding.capability, finding.device)


def node_cause(catalogue: Catalogue, finding: Finding) -> str:
    """Return what is wrong with the device node that a capability is asked of, if that is it."""
    fact, known = finding.fact, catalogue.capabilities().get(finding.capability)
    node = "" if known is None or known.probe is None else known.probe.node
    return fact.detail if fact and node and fact.detail.startswith(f"{node}: ") else ""


def _leading(cause: str, group: list[Finding]) -> Finding:
    """Return the first finding of a *group*, which says the *cause* of all of them."""
    first = group[0]
    names = list(dict.fromkeys(finding.capability for finding in group))
    if len(names) == 1:
        return first
    node, colon, _ = cause.partition(": ")
    ways = [
        f"a host where QEMU may open {node}" if colon else "probe the host again, as QEMU's user"
    ]
    ways += [part for part in first.help.split("; or ") if _INSTEAD in part]
    return evolve(
        first,
        message=f"{cause}, and so not {first_of(names, _NAMED)}, which {subject(first)} and "
        f"{len(group) - 1} more need",
        help="; or ".join(ways),
    )


#: How a help begins that names another platform.
_INSTEAD = "a platform that "


def subject(finding: Finding) -> str:
    """Return what of a virtual machine *finding* is about: a property with its value, a feature."""
    name = f"{finding.property}={finding.value}" if finding.property else finding.feature
    return name if finding.device is None else f"{name} of {finding.device}"
