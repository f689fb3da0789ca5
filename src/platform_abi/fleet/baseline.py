"""Many hosts: the newest platform that all of them support, and what each of them costs the others.

Set inclusion, as everywhere: a platform is common where every host has all that it rests on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from platform_abi.compat.needs import Need, Scope
from platform_abi.compat.preference import preference, recognitions
from platform_abi.compat.supported import (
    PlatformVerdict,
    judge,
    newest,
    paged_for,
    query_platforms,
    scope_for,
)
from platform_abi.errors import UsageError
from platform_abi.fleet.common import Baseline, Common, Cost, HostCost, HostGroup, Obstacle
from platform_abi.fleet.cpus import common_cpu
from platform_abi.fleet.merge import merge_reports
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import FleetHost, HostReport
from platform_abi.model.value import evolve


def baseline(
    catalogue: Catalogue,
    hosts: Sequence[FleetHost],
    *,
    scope: Scope | None = None,
    edition: str | None = None,
    allow_unknown: bool = False,
) -> Baseline:
    """Return what *hosts* have in common, for virtual machines of *scope*.

    What is not known of a host is not there, unless *allow_unknown*. Raises UsageError for no hosts
    (``no-reports``) and for hosts of several architectures (``mixed-architectures``): a guest of
    one does not run on another.
    """
    fleet = _SupportTable(catalogue, hosts, scope, edition, allow_unknown=allow_unknown)
    own = [fleet.choose([index]) for index in range(len(hosts))]
    costs = fleet.costs()
    return Baseline(
        count=sum(host.count for host in hosts),
        scope=fleet.scope,
        allowed_unknown=allow_unknown,
        newest=fleet.choose(range(len(hosts))),
        lineages=fleet.lineages,
        common=tuple(fleet.by_lineage()),
        hosts=tuple(
            HostCost(host=host, own=own[index], costs=tuple(costs[index]))
            for index, host in enumerate(hosts)
        ),
        groups=tuple(fleet.groups()),
        obstacles=tuple(fleet.obstacles()),
        unsupported=tuple(
            host
            for host, chosen in zip(hosts, own, strict=True)
            if chosen is None
            or chosen.lineage not in preference(host.report, recognitions(catalogue))
        ),
        masks=catalogue.masks(),
        cpu=common_cpu(catalogue, hosts, fleet.scope, allow_unknown=allow_unknown),
    )


def usual_scope(catalogue: Catalogue, hosts: Sequence[FleetHost]) -> Scope:
    """Return the virtual machines that *hosts* are judged for where nobody says.

    A report that names no architecture goes with any. Raises UsageError as ``baseline`` does.
    """
    found = sorted({host.report.arch for host in hosts} - {""})
    if len(found) > 1:
        raise UsageError(
            f"these hosts are of several architectures: {', '.join(found)}",
            code="mixed-architectures",
            help="a guest of one does not run on another: take the hosts of each by themselves",
        )
    said = merge_reports(_identity(host.report) for host in hosts)
    return scope_for(catalogue, evolve(said, arch=found[0] if found else ""))


class _SupportTable:
    """The hosts, every platform with what it rests on, and which host lacks what of that."""

    def __init__(
        self,
        catalogue: Catalogue,
        hosts: Sequence[FleetHost],
        scope: Scope | None,
        edition: str | None,
        *,
        allow_unknown: bool,
    ) -> None:
        self._catalogue = catalogue
        self._hosts = hosts
        self._allow_unknown = allow_unknown
        merged = merge_reports(host.report for host in hosts)
        usual = usual_scope(catalogue, hosts)
        self.scope = usual if scope is None else scope
        self._identities = [_identity(host.report) for host in hosts]
        known = recognitions(catalogue)
        self._lineages = [preference(each, known)[:1] for each in self._identities]
        #: Best lineage first, newest first in each; needs that are equal are one object.
        self._verdicts = _interned(
            query_platforms(catalogue, merged, scope=self.scope, edition=edition)
        )
        asked = {v.name: v.needs.guarantees for v in self._verdicts}
        mentioned = frozenset[str]().union(*asked.values())
        self._lacks = [
            frozenset(name for name in mentioned if self._lacking(host.report, name))
            for host in hosts
        ]
        self._asked = asked
        #: Platforms of a size of pages that somebody here has not: of another kernel altogether,
        #: so that they are neither in the way nor a cost.
        self._apart = frozenset(
            name
            for name in asked
            if catalogue.platform(name).page_size
            and not all(self._paged(name, host.report) for host in hosts)
        )
        self._supports = [
            frozenset(
                name
                for name, needs in asked.items()
                if needs.isdisjoint(lacks)
                and (name not in self._apart or self._paged(name, host.report))
            )
            for lacks, host in zip(self._lacks, hosts, strict=True)
        ]
        self._votes = Counter(name for supported in self._supports for name in supported)
        lineages = tuple(dict.fromkeys(v.lineage for v in self._verdicts))
        preferred = tuple(
            name for name in preference(merged, recognitions(catalogue)) if name in lineages
        )
        self.lineages = preferred or lineages

    def _paged(self, name: str, report: HostReport) -> bool:
        """Return whether the host's kernel has the pages that the platform called *name* is of."""
        answer = paged_for(self._catalogue.platform(name), report)
        return answer == "yes" or (answer == "unknown" and self._allow_unknown)

    def _lacking(self, report: HostReport, capability: str) -> bool:
        state = report.state(capability)
        return state == "absent" or (state == "unknown" and not self._allow_unknown)

    def choose(self, indices: Sequence[int], lineage: str | None = None) -> Common | None:
        """Return the platform to choose for some of the hosts, of *lineage* if one is given.

        With a lineage they are held against the others, and pages that not all have are no matter.
        """
        if len(indices) == len(self._hosts):
            shared = {name for name, votes in self._votes.items() if votes == len(indices)}
        else:
            shared = set(self._supports[indices[0]]).intersection(
                *(self._supports[index] for index in indices[1:])
            )
        found = [
            verdict
            for verdict in self._verdicts
            if verdict.name in shared
            and lineage in (None, verdict.lineage)
            and (lineage is None or verdict.name not in self._apart)
        ]
        together = _speaker([self._identities[index] for index in indices])
        if len({self._lineages[index] for index in indices}) > 1:
            # The oldest kernel's name says whose it is, which not all of them are.
            together = evolve(together, release=_BEHIND_NUMBERS.sub("", together.release))
        chosen = newest(found, together)
        if chosen is None and lineage is not None and found:
            chosen = found[0]
        return None if chosen is None else _common(chosen)

    def by_lineage(self) -> Iterator[Common]:
        """Yield the newest common platform of every lineage that has one."""
        everybody = range(len(self._hosts))
        lineages = dict.fromkeys(v.lineage for v in self._verdicts)
        found = (self.choose(everybody, lineage) for lineage in lineages)
        yield from (common for common in found if common is not None)

    def costs(self) -> list[list[Cost]]:
        """Return for every host what it alone keeps the others from."""
        costs: list[list[Cost]] = [[] for _ in self._hosts]
        everybody = range(len(self._hosts))
        for lineage in self.lineages if len(everybody) > 1 else ():
            newer, _ = self._newer(lineage)
            nearly = {v.name for v in newer if self._votes[v.name] == len(everybody) - 1}
            for index, supported in enumerate(self._supports):
                if nearly <= supported:
                    continue
                common = self.choose(everybody, lineage)
                without = self.choose([other for other in everybody if other != index], lineage)
                if without is not None:
                    costs[index].append(self._cost(index, lineage, common, without))
        return costs

    def _cost(self, index: int, lineage: str, common: Common | None, without: Common) -> Cost:
        host = self._hosts[index].report
        missing = judge(self._catalogue, without.platform, host, self.scope).missing
        return Cost(
            lineage=lineage,
            common=None if common is None else common.platform,
            without=without.platform,
            missing=tuple(m for m in missing if m.capability in self._lacks[index]),
        )

    def _newer(self, lineage: str) -> tuple[list[PlatformVerdict], PlatformVerdict | None]:
        """Return the platforms of *lineage* newer than the newest common one, and that one."""
        newer: list[PlatformVerdict] = []
        for verdict in self._verdicts:
            if verdict.lineage == lineage:
                if self._votes[verdict.name] == len(self._hosts):
                    return newer, verdict
                if verdict.name not in self._apart:
                    newer.append(verdict)
        return newer, None

    def groups(self) -> Iterator[HostGroup]:
        """Yield hosts with equal sets of supported platforms, most hosts first."""
        members: dict[frozenset[str], list[int]] = {}
        for index, supported in enumerate(self._supports):
            members.setdefault(supported, []).append(index)
        found = [
            HostGroup(
                newest=self.choose(indices),
                supported=tuple(v.name for v in self._verdicts if v.name in supported),
                hosts=tuple(self._hosts[index] for index in indices),
            )
            for supported, indices in members.items()
        ]
        yield from sorted(found, key=lambda group: -group.count)

    def obstacles(self) -> Iterator[Obstacle]:
        """Yield the newer platforms of each lineage, oldest first, where they turn on more."""
        for lineage in self.lineages:
            newer, common = self._newer(lineage)
            defaults = () if common is None else common.needs.defaults
            for verdict in reversed(newer):
                if verdict.needs.defaults != defaults:
                    defaults = verdict.needs.defaults
                    yield self._obstacle(verdict)

    def _obstacle(self, verdict: PlatformVerdict) -> Obstacle:
        count = 0
        lacking: Counter[str] = Counter()
        for host, lacks in zip(self._hosts, self._lacks, strict=True):
            lacked = self._asked[verdict.name] & lacks
            count += host.count if lacked else 0
            lacking.update(dict.fromkeys(lacked, host.count))
        most = sorted(lacking.items(), key=lambda item: (-item[1], item[0]))
        return Obstacle(
            lineage=verdict.lineage, platform=verdict.platform, count=count, lacking=dict(most)
        )


def _interned(verdicts: Iterable[PlatformVerdict]) -> tuple[PlatformVerdict, ...]:
    """Return *verdicts* as of supported platforms, with equal needs as one object.

    What is supported, and behind what, is asked of other hosts than these verdicts are for.
    Comparing thousands of needs that are identical costs nothing.
    """
    pool: dict[Need, Need] = {}
    return tuple(
        evolve(
            verdict,
            supported="yes",
            behind={},
            missing=(),
            limits=(),
            needs=evolve(
                verdict.needs,
                defaults=tuple(pool.setdefault(need, need) for need in verdict.needs.defaults),
            ),
        )
        for verdict in verdicts
    )


def _identity(report: HostReport) -> HostReport:
    """Return what *report* says of a host's name and origin, without what was found there."""
    return evolve(report, facts={}, numbers={}, masks={}, sets={}, values={}, config={})


def _speaker(words: Sequence[HostReport]) -> HostReport:
    """Return what hosts say of themselves together: what all agree on, and the oldest release."""
    merged = merge_reports(words)
    return evolve(
        merged,
        release=min((w.release for w in words if w.release), key=_release, default=""),
        distribution_version=min(
            (w.distribution_version for w in words if w.distribution_version),
            key=_release,
            default="",
        ),
    )


#: What comes behind the numbers of a kernel's release.
_BEHIND_NUMBERS = re.compile(r"[^0-9.].*", re.DOTALL)


def _release(text: str) -> tuple[list[int], str]:
    """Return what orders releases: 6.9.1-generic is before 6.10."""
    return ([int(number) for number in re.findall(r"[0-9]+", text)[:2]], text)


def _common(verdict: PlatformVerdict) -> Common:
    return Common(lineage=verdict.lineage, name=verdict.name, platform=verdict.platform)
