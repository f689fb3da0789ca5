"""What would help: another platform, a newer kernel, a better probe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from platform_abi.compat.supported import CONSERVATIVE, preference
from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import Fact, HostReport
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.resolve import resolve


@frozen(kw_only=True)
class Remedy:
    """What to choose instead: *choices* work on the host, but for what is *incurable*.

    No platform cures what was asked for explicitly, or what the kind of backend needs.
    """

    choices: tuple[str, ...]
    incurable: frozenset[str]


def remedy(catalogue: Catalogue, abi: GuestAbi, report: HostReport) -> Remedy:
    """Return which choices would let the virtual machine of *abi* run on the host of *report*.

    The same platform without what the host lacks, where that is little; and the newest platform
    that works as it is, looked for in the lineage that was chosen, then in the host's own.
    """
    lacking = unmet(abi, report)
    base = _resolved(catalogue, abi, CONSERVATIVE)
    incurable = lacking if base is None else unmet(base, report)
    if lacking <= incurable:
        return Remedy(choices=(), incurable=incurable)
    less = _overridden(catalogue, abi, lacking - incurable)
    choices = []
    for names in ([less] if less else [], _candidates(catalogue, abi, report)):
        for name in names:
            found = _resolved(catalogue, abi, name)
            if found is not None and unmet(found, report) <= incurable:
                choices.append(found.platform)
                break
    return Remedy(choices=tuple(choices), incurable=incurable)


def unmet(abi: GuestAbi, report: HostReport) -> frozenset[str]:
    """Return the preconditions of *abi* that are not proven on the host of *report*."""
    return frozenset(
        entry.capability
        for entry in abi.preconditions
        if report.state(entry.capability) != "present"
    )


def _resolved(catalogue: Catalogue, abi: GuestAbi, platform: str) -> GuestAbi | None:
    """Return the same virtual machine on *platform*, or None where that is not known here."""
    try:
        return resolve(catalogue, abi.vm, platform)
    except PlatformAbiError:
        return None


#: More than this is another platform, and not the same one with exceptions.
_FEW = 4


def _overridden(catalogue: Catalogue, abi: GuestAbi, lacking: frozenset[str]) -> str | None:
    """Return the choice of *abi* with what needs the *lacking* capabilities at its fallback."""
    chosen = parse_platform(abi.platform)
    names = {n for p in abi.preconditions if p.capability in lacking for n in p.because}
    features = [catalogue.feature(name) for name in sorted(names)]
    if len(names) > _FEW:
        return None
    overrides = dict(chosen.overrides)
    overrides |= {f.id: f.fallback for f in features if f is not None and f.properties}
    return str(evolve(chosen, overrides=tuple(sorted(overrides.items()))))


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


def needed(catalogue: Catalogue, capability: str, fact: Fact, instead: Sequence[str]) -> str:
    """Return the sentence that says what to do about a capability that is not there."""
    known = catalogue.capabilities().get(capability)
    ways = []
    if fact.proven == "unknown":
        ways.append("probe the host as the user that runs QEMU, and with a QEMU to ask")
    if known is not None and known.since == "never":
        ways.append(f"no kernel so far has it: {known.title}")
    elif known is not None:
        kernel = f" (since Linux {known.since})" if known.since else ""
        built = "".join(f", CONFIG_{option}" for option in known.config)
        ways.append(f"a host with: {known.title}{kernel}{built}")
    if instead:
        ways.append(f"a platform that works here: {' or '.join(instead)}")
    return "; or ".join(ways)
