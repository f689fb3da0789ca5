"""Two probes of one host, held against each other: a second witness keeps the first honest."""

from __future__ import annotations

from attrs import frozen

from platform_abi.model.host import Fact, HostReport
from platform_abi.model.value import Value


@frozen(kw_only=True, repr=False)
class Disagreement(Value):
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
