"""What a kernel's release predicts where a probe could not tell, which proves nothing and says so.

What else proves something: see ``completion``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from platform_abi.compat.preference import preference, recognitions
from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.host import Fact, HostReport
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue

#: The upstream part of a kernel release: 5.14 of 5.14.0-503.el9.x86_64.
_UPSTREAM = re.compile(r"[0-9]+\.[0-9]+")


def predict(catalogue: Catalogue, report: HostReport) -> HostReport:
    """Return *report* with what its kernel's release predicts of all that is unknown.

    The levels of the distribution's own platform are asked where the release is of that line, else
    those of the upstream release. Every such fact says that it is ``inferred``: it proves nothing.
    """
    name, levels = _levels(catalogue, report)
    if not levels:
        return report
    facts = dict(report.facts)
    for key, capability in catalogue.capabilities().items():
        if report.fact(key).state == "unknown" and capability.since is not None:
            facts[key] = _predicted(capability, name, levels)
    return evolve(report, facts=facts)


def _predicted(capability: Capability, name: str, levels: Mapping[str, str]) -> Fact:
    from platform_abi.definitions.levels import reached

    since = capability.since or ""
    there = reached(since, capability.subsystem, levels)
    said = "no kernel has it" if since == NO_KERNEL else f"since Linux {since}"
    return Fact(state="present" if there else "absent", source="inferred", detail=f"{name}; {said}")


def _levels(catalogue: Catalogue, report: HostReport) -> tuple[str, Mapping[str, str]]:
    """Return the kernel line that the host is of, and its upstream level by subsystem."""
    found = _UPSTREAM.match(report.release)
    if report.system != "linux" or found is None:
        return "", {}
    own = preference(report, recognitions(catalogue))
    for platform in catalogue.every_platform():
        if (
            platform.lineage in own
            and platform.version == report.distribution_version
            # Another kernel than the distribution's own may be running.
            and found[0] in platform.levels.values()
        ):
            return platform.name, platform.levels
    from platform_abi.definitions.levels import EVERY

    return f"Linux {found[0]}", {EVERY: found[0]}
