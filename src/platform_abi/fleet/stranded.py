"""Which virtual machines a fleet leaves behind when a host joins it or is upgraded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from platform_abi.compat.check import check
from platform_abi.compat.finding import Finding
from platform_abi.host.document import report_line
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import FleetHost, HostReport
from platform_abi.model.value import evolve, frozen

How = Literal["joined", "changed", "member"]


@frozen(kw_only=True)
class Stranded:
    """A virtual machine that cannot be on some hosts of a fleet.

    *how* says what came before: the hosts *joined*, or *changed* and had let it run; in a fleet of
    which nothing earlier is known they are a *member* as all others. *count* is how many hosts of
    one kind it is about, *names* what some of them are called; *findings* say what blocks there.
    """

    vm: str
    how: How
    count: int
    names: tuple[str, ...]
    findings: tuple[Finding, ...]


@frozen(kw_only=True)
class _Arrival:
    """Hosts of one kind that a fleet did not have before, and what they were if they changed."""

    host: FleetHost
    was: HostReport | None


def stranded(
    catalogue: Catalogue,
    abis: Mapping[str, GuestAbi],
    before: Sequence[FleetHost],
    after: Sequence[FleetHost],
    *,
    allow_unknown: bool = False,
) -> tuple[Stranded, ...]:
    """Return which virtual machines of *abis* cannot be on hosts that joined or changed.

    A host has changed where a name of *before* has another report in *after*; a virtual machine is
    stranded by that where it could be on the host before and cannot now. A host that is in *after*
    only has joined; what cannot be there is stranded by that. Without any *before*, all hosts are
    asked alike.
    """
    found = []
    new: How = "joined" if before else "member"
    for arrival in _arrivals(before, after):
        for vm in sorted(abis):
            verdict = check(catalogue, abis[vm], arrival.host.report, allow_unknown=allow_unknown)
            if verdict.status != "blocked":
                continue
            if arrival.was is not None:
                earlier = check(catalogue, abis[vm], arrival.was, allow_unknown=allow_unknown)
                if earlier.status == "blocked":
                    continue
            found.append(
                Stranded(
                    vm=vm,
                    how=new if arrival.was is None else "changed",
                    count=arrival.host.count,
                    names=arrival.host.names,
                    findings=tuple(f for f in verdict.findings if f.severity == "blocked"),
                )
            )
    return tuple(sorted(found, key=lambda s: (s.vm, s.how, s.names)))


def _arrivals(before: Sequence[FleetHost], after: Sequence[FleetHost]) -> Iterator[_Arrival]:
    """Yield what is new in *after*: by name what changed, by number what joined."""
    kinds = {report_line(host.report): host for host in before}
    named = {name: host for host in before for name in host.names}
    for host in after:
        old = kinds.get(report_line(host.report))
        known = () if old is None else old.names
        new = [name for name in host.names if name not in known]
        changed = [name for name in new if name in named]
        for name in changed:
            yield _Arrival(host=evolve(host, count=1, names=(name,)), was=named[name].report)
        joined = host.count - (0 if old is None else old.count) - len(changed)
        if joined > 0:
            names = tuple(name for name in new if name not in named)
            yield _Arrival(host=evolve(host, count=joined, names=names), was=None)


# --- fleets that change --------------------------------------------------------------------------


def joined(fleet: Sequence[FleetHost], hosts: Sequence[FleetHost]) -> list[FleetHost]:
    """Return *fleet* with *hosts* besides, those with the same report together."""
    kinds: dict[str, FleetHost] = {}
    for host in (*fleet, *hosts):
        key = report_line(host.report)
        old = kinds.get(key, evolve(host, count=0, names=()))
        kinds[key] = evolve(old, count=old.count + host.count, names=(*old.names, *host.names))
    return list(kinds.values())


def left(fleet: Sequence[FleetHost], name: str, report: HostReport) -> list[FleetHost] | None:
    """Return *fleet* without the host called *name* of *report*, or None if it has no such host."""
    rest = []
    found = False
    for host in fleet:
        if found or host.report != report:
            rest.append(host)
            continue
        found = True
        if host.count > 1:
            names = list(host.names)
            if name in names:
                names.remove(name)
            rest.append(evolve(host, count=host.count - 1, names=tuple(names)))
    return rest if found else None
