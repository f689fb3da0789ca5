"""A fleet at a glance: how much of it fits, what mostly does not, and what holds its hosts back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from platform_abi.compat.finding import Status
from platform_abi.fleet.baseline import baseline
from platform_abi.fleet.common import Baseline
from platform_abi.inventory.tables import LEVELS
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import FleetHost
from platform_abi.model.value import frozen
from platform_abi.page.data import Fleet, Page

#: So many reasons are told of those why virtual machines cannot be somewhere.
_REASONS = 12


@frozen(kw_only=True)
class Glance:
    """What the first view of a fleet's page says.

    *pairs* are how many there are of a virtual machine and a host, by how grave that is; *reasons*
    are messages with how many pairs each bars, the most first; *platforms* of virtual machines with
    how many have each; *stuck* virtual machines that no host can have. *common* is what the hosts
    of every architecture have in common.
    """

    pairs: Mapping[Status, int]
    reasons: tuple[tuple[str, int], ...]
    platforms: tuple[tuple[str, int], ...]
    stuck: tuple[str, ...]
    common: tuple[tuple[str, Baseline], ...]


def glance_of(
    catalogue: Catalogue, fleet: Fleet, page: Page, *, allow_unknown: bool = False
) -> Glance:
    """Return what is to be seen first of *fleet*, whose *page* is worked out."""
    hosts = Counter(kind for _, kind in page.hosts)
    vms = Counter(kind for _, kind in page.vms)
    pairs: dict[Status, int] = dict.fromkeys(LEVELS, 0)
    verdicts: Counter[int] = Counter()
    homeless = set()
    for lock, row in enumerate(page.cells):
        reach = 0
        for report, verdict in enumerate(row):
            verdicts[verdict] += vms[lock] * hosts[report]
            reach += hosts[report] * (page.verdicts[verdict].level < len(LEVELS) - 1)
        if not reach:
            homeless.add(lock)
    reasons: Counter[str] = Counter()
    for number, count in verdicts.items():
        found = page.verdicts[number]
        pairs[LEVELS[found.level]] += count
        for said in found.said:
            finding = page.findings[said]
            if finding.level == len(LEVELS) - 1:
                reasons[finding.message] += count
    platforms: Counter[str] = Counter()
    for _, kind in page.vms:
        platforms[page.vm_kinds[kind].platform] += 1
    return Glance(
        pairs=pairs,
        reasons=tuple(reasons.most_common(_REASONS)),
        platforms=tuple(platforms.most_common()),
        stuck=tuple(name for name, kind in page.vms if kind in homeless),
        common=tuple(_common(catalogue, fleet, allow_unknown=allow_unknown)),
    )


def _common(
    catalogue: Catalogue, fleet: Fleet, *, allow_unknown: bool
) -> list[tuple[str, Baseline]]:
    names: dict[str, list[str]] = {}
    for name, digest in sorted(fleet.hosts.items()):
        names.setdefault(digest, []).append(name)
    by_arch: dict[str, list[FleetHost]] = {}
    for digest, called in sorted(names.items()):
        report = fleet.reports[digest]
        host = FleetHost(report=report, count=len(called), names=tuple(called))
        by_arch.setdefault(report.arch, []).append(host)
    return [
        (arch, baseline(catalogue, hosts, allow_unknown=allow_unknown))
        for arch, hosts in sorted(by_arch.items())
    ]
