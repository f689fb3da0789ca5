"""What else proves something of a host where a probe could not tell.

Another probe may have been answered, and the kernel's configuration proves what is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.model.host import Fact, HostReport
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.compat.agreement import Disagreement
    from platform_abi.model.catalogue import Catalogue


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
