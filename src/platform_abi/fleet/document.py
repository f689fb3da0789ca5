"""What a fleet has in common as the JSON object that tools build on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from platform_abi.compat.document import finding_document, missing_document
from platform_abi.emit.document import SCHEMA_VERSION
from platform_abi.fleet.baseline import Baseline, Common, Cost, HostCost, HostGroup
from platform_abi.fleet.stranded import Stranded
from platform_abi.fleet.stream import NAMES_KEPT
from platform_abi.model.host import FleetHost


def baseline_document(
    found: Baseline, *, before: Baseline | None = None, left_behind: Sequence[Stranded] = ()
) -> dict[str, Any]:
    """Return what ``baseline --json`` prints.

    *before* is what the fleet had in common until hosts joined or changed.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        **_summary(found),
        "before": None if before is None else _summary(before),
        "accelerator": found.scope.accelerator,
        "backends": list(found.scope.backends),
        "arch": found.scope.arch,
        "allowed_unknown": found.allowed_unknown,
        "common": [{"lineage": c.lineage, "platform": c.platform} for c in found.common],
        "groups": [_group(group) for group in found.groups],
        "obstacles": [
            {
                "lineage": entry.lineage,
                "platform": entry.platform,
                "count": entry.count,
                "lacking": dict(entry.lacking),
            }
            for entry in found.obstacles
        ],
        "hosts": [_host(entry) for entry in found.hosts],
        "unsupported": [_some(host) for host in found.unsupported],
        "masks": [
            {
                "platform": mask.platform,
                "feature": mask.feature,
                "reason": mask.reason,
                "date": mask.date,
                "source": mask.source,
            }
            for mask in found.masks
        ],
        "stranded": [
            {
                "vm": entry.vm,
                "how": entry.how,
                "count": entry.count,
                "names": list(entry.names),
                "findings": [finding_document(finding) for finding in entry.findings],
            }
            for entry in left_behind
        ],
    }


def _summary(found: Baseline) -> dict[str, Any]:
    return {
        "count": found.count,
        "kinds": len(found.hosts),
        "newest": _name(found.newest),
        "lineages": list(found.lineages),
    }


def _name(common: Common | None) -> str | None:
    return None if common is None else common.platform


def _some(host: FleetHost) -> dict[str, Any]:
    return {"count": host.count, "names": list(host.names)}


def _group(group: HostGroup) -> dict[str, Any]:
    names = [name for host in group.hosts for name in host.names]
    return {
        "count": group.count,
        "kinds": len(group.hosts),
        "names": names[:NAMES_KEPT],
        "newest": _name(group.newest),
        "supported": list(group.supported),
    }


def _host(entry: HostCost) -> dict[str, Any]:
    return {
        **_some(entry.host),
        "newest": _name(entry.own),
        "costs": [_cost(cost) for cost in entry.costs],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "lineage": cost.lineage,
        "common": cost.common,
        "without": cost.without,
        "missing": [missing_document(entry) for entry in cost.missing],
    }
