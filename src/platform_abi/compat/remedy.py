"""What would help: another platform, a newer kernel, a better probe."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.compat.platforms import CONSERVATIVE, preference
from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import Fact, HostReport
from platform_abi.resolver.reference import parse_platform
from platform_abi.resolver.resolve import resolve


def working_platform(catalogue: Catalogue, abi: GuestAbi, report: HostReport) -> str | None:
    """Return the newest platform on which the virtual machine of *abi* would run on the host.

    Looked for in the lineage that was chosen, then in the host's own; None where no platform
    helps, because what is missing was asked for explicitly or by the kind of backend.
    """
    for name in _candidates(catalogue, abi, report):
        try:
            found = resolve(catalogue, abi.vm, name)
        except PlatformAbiError:
            continue  # the definitions here do not know this virtual machine
        if all(report.state(entry.capability) == "present" for entry in found.preconditions):
            return found.platform
    return None


def _candidates(catalogue: Catalogue, abi: GuestAbi, report: HostReport) -> Iterator[str]:
    chosen = parse_platform(abi.platform).name
    names = catalogue.platform_names()
    lineages = [catalogue.platform(chosen).lineage] if chosen in names else []
    for lineage in dict.fromkeys((*lineages, *preference(report))):
        for name in reversed(names):
            if catalogue.platform(name).lineage == lineage:
                yield name
    if CONSERVATIVE in names:
        yield CONSERVATIVE


def needed(catalogue: Catalogue, capability: str, fact: Fact, instead: str | None) -> str:
    """Return the sentence that says what to do about a capability that is not there."""
    known = catalogue.capabilities().get(capability)
    ways = []
    if fact.proven == "unknown":
        ways.append("probe the host as the user that runs QEMU")
    if known is not None and known.since == "never":
        ways.append(f"no kernel so far has it: {known.title}")
    elif known is not None:
        kernel = f" (since Linux {known.since})" if known.since else ""
        built = "".join(f", CONFIG_{option}" for option in known.config)
        ways.append(f"a host with: {known.title}{kernel}{built}")
    if instead is not None:
        ways.append(f"the newest platform that would work here: {instead}")
    return "; or ".join(ways)
