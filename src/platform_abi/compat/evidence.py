"""What else is known where a probe could not tell.

Another probe may have been answered, the kernel's configuration proves what is not there, and its
release predicts, which proves nothing and says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.host import Fact, HostReport

if TYPE_CHECKING:
    from platform_abi.compat.agreement import Disagreement
    from platform_abi.model.catalogue import Catalogue

#: The upstream part of a kernel release: 5.14 of 5.14.0-503.el9.x86_64.
_UPSTREAM = re.compile(r"[0-9]+\.[0-9]+")


def complete(report: HostReport, other: HostReport) -> HostReport:
    """Return *report* with what *other*, another report of the same host, adds to it.

    Where one proves what the other disproves, neither is believed: the fact is unknown, and its
    detail has the word of both.
    """
    from platform_abi.compat.agreement import compare_probes

    added = {k: f for k, f in other.facts.items() if report.fact(k).state == "unknown"}
    disputed = {d.capability: _disputed(d) for d in compare_probes(report, other)}
    return evolve(
        report,
        facts={**report.facts, **added, **disputed},
        numbers={**other.numbers, **report.numbers},
        masks={**other.masks, **report.masks},
        sets={**other.sets, **report.sets},
        values={**other.values, **report.values},
    )


def _disputed(found: Disagreement) -> Fact:
    said = (f"{f.state} by {f.source} ({f.detail})" for f in (found.first, found.second))
    return Fact(state="unknown", detail="; but ".join(said))


def from_configuration(catalogue: Catalogue, report: HostReport) -> HostReport:
    """Return *report* with absent what its kernel was built without, where no probe could tell."""
    facts = dict(report.facts)
    for name, capability in catalogue.capabilities().items():
        if report.fact(name).state != "unknown":
            continue
        without = [option for option in capability.config if report.config.get(option) == "n"]
        if without:
            detail = f"CONFIG_{without[0]} is not set"
            facts[name] = Fact(state="absent", source="file", detail=detail)
    return evolve(report, facts=facts)


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
    own = (report.distribution, *report.distribution_like)
    for platform in map(catalogue.platform, catalogue.platform_names()):
        if (
            platform.lineage in own
            and platform.version == report.distribution_version
            # Another kernel than the distribution's own may be running.
            and found[0] in platform.levels.values()
        ):
            return platform.name, platform.levels
    from platform_abi.definitions.levels import EVERY

    return f"Linux {found[0]}", {EVERY: found[0]}
