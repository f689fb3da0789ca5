"""What would help: another platform, a newer kernel, a better probe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from platform_abi.compat.carriers import Carriers
from platform_abi.compat.met import unmet
from platform_abi.compat.preference import CONSERVATIVE, preference, recognitions
from platform_abi.errors import PlatformAbiError
from platform_abi.model.capability import NO_KERNEL
from platform_abi.model.feature import Feature
from platform_abi.model.platform import PlatformReference
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.choice import Choice, chosen, decide, parse_platform
from platform_abi.resolver.resolve import resolve

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.host import Fact, HostReport
    from platform_abi.model.platform import Platform


@frozen(kw_only=True)
class Remedy:
    """What to choose instead: *choices* work on the host, but for what is *incurable*.

    No platform cures what was asked for explicitly, or what the kind of backend needs.
    """

    choices: tuple[str, ...]
    incurable: frozenset[str]


def remedy(
    catalogue: Catalogue,
    abi: GuestAbi,
    report: HostReport,
    lacking: frozenset[str] | None = None,
) -> Remedy:
    """Return which choices would let the virtual machine of *abi* run on the host of *report*.

    The same platform without what the host lacks, where that is little; and the newest platform
    that works as it is, looked for in the lineage that was chosen, then in the host's own.
    *lacking* is what ``unmet`` says, where that was asked already.
    """
    if lacking is None:
        lacking = unmet(catalogue, abi, report)
    least = [PlatformReference(name=CONSERVATIVE, edition=e) for e in _editions(catalogue, abi)]
    bases = [base for each in least if (base := _resolved(catalogue, abi, each)) is not None]
    still = [unmet(catalogue, base, report) for base in bases] or [lacking]
    incurable = frozenset.intersection(*still)
    if lacking <= incurable:
        return Remedy(choices=(), incurable=incurable)
    cure = lacking - incurable
    less = _overridden(catalogue, abi, cure)
    asking = _asking(catalogue, abi, cure)
    other = _asking_less(catalogue, _candidates(catalogue, abi, report), asking)
    choices = []
    for references in (less, other):
        for reference in references:
            resolved = _resolved(catalogue, abi, reference)
            if resolved is not None and unmet(catalogue, resolved, report) <= incurable:
                choices.append(resolved.platform)
                break
    return Remedy(choices=tuple(choices), incurable=incurable)


#: A feature behind a backend of the virtual machine's, where it needs a capability.
_Asking = tuple[Feature, str, str]


def _asking(catalogue: Catalogue, abi: GuestAbi, lacking: frozenset[str]) -> list[_Asking]:
    """Return where in the virtual machine of *abi* its platform asks for something *lacking*.

    A thousand devices behind one kind of backend ask once.
    """
    asking: dict[tuple[str, str, str], _Asking] = {}
    carriers = Carriers(catalogue, abi)
    for entry in abi.preconditions:
        if entry.capability not in lacking:
            continue
        for name in entry.because:
            feature = catalogue.feature(name)
            if feature is None:
                continue
            for carrier in carriers.of(name, entry.capability):
                place = (carrier.backend, entry.capability)
                asking.setdefault((name, *place), (feature, *place))
    return list(asking.values())


def _asking_less(
    catalogue: Catalogue, choices: Iterable[Choice], asking: Sequence[_Asking]
) -> Iterator[PlatformReference]:
    """Yield those of *choices* that do not ask for any of that: others need not be resolved."""
    for choice in choices:
        try:
            asks = _asks(catalogue, choice, asking)
        except PlatformAbiError:
            continue  # one whose definition is wrong cannot be resolved either
        if not asks:
            yield PlatformReference(name=choice.platform.name, edition=choice.edition)


def _asks(catalogue: Catalogue, choice: Choice, asking: Sequence[_Asking]) -> bool:
    """Return whether *choice* makes a feature need the capability behind the backend, of any."""
    for feature, behind, name in asking:
        decided = decide(catalogue, choice, feature, behind)
        if feature.demands(decided.value) and name in (decided.needs or ()):
            return True
    return False


def _resolved(catalogue: Catalogue, abi: GuestAbi, platform: PlatformReference) -> GuestAbi | None:
    """Return the same virtual machine on *platform*, or None where that is not known here."""
    try:
        # Without devices of its own, a virtual machine needs nothing for those that may come;
        # unless it was resolved for the usual ones, which its notes say.
        return resolve(catalogue, abi.vm, platform, hotplug=not abi.notes)
    except PlatformAbiError:
        return None


#: More than this is another platform, and not the same one with exceptions.
_FEW = 4


def _overridden(
    catalogue: Catalogue, abi: GuestAbi, lacking: frozenset[str]
) -> list[PlatformReference]:
    """Return the choice of *abi* with what needs the *lacking* capabilities at its fallback."""
    reference = parse_platform(abi.platform)
    names = {n for p in abi.preconditions if p.capability in lacking for n in p.because}
    features = [catalogue.feature(name) for name in sorted(names)]
    if len(names) > _FEW:
        return []
    overrides = dict(reference.overrides)
    overrides |= {f.id: f.fallback for f in features if f is not None and f.properties}
    return [evolve(reference, overrides=tuple(sorted(overrides.items())))]


def _candidates(catalogue: Catalogue, abi: GuestAbi, report: HostReport) -> Iterator[Choice]:
    """Yield what may be chosen instead, at the edition of *abi*; at the newest in the last place.

    What a newer edition corrected is another change than the one that was asked for.
    """
    platforms, masks = list(_platforms(catalogue, abi, report)), catalogue.masks()
    known = catalogue.editions()
    for edition in (each for each in _editions(catalogue, abi) if each in known):
        for platform in platforms:
            if platform.is_at(edition):
                yield chosen(platform, edition, masks)


def _editions(catalogue: Catalogue, abi: GuestAbi) -> list[str]:
    """Return the edition of *abi*, and the newest where that is another."""
    return [e for e in dict.fromkeys((abi.edition, catalogue.newest_edition())) if e is not None]


def _platforms(catalogue: Catalogue, abi: GuestAbi, report: HostReport) -> Iterator[Platform]:
    own = parse_platform(abi.platform).name
    platforms = {each.name: each for each in reversed([*catalogue.every_platform()])}
    lineages = [platforms[own].lineage] if own in platforms else []
    preferred = preference(report, recognitions(catalogue))
    for lineage in dict.fromkeys((*lineages, *preferred)):
        for platform in platforms.values():
            # One for a size of pages is no better than the one that it is of.
            if platform.lineage == lineage and not platform.page_size:
                yield platform
    if CONSERVATIVE in platforms:
        yield platforms[CONSERVATIVE]


def needed(
    catalogue: Catalogue, capability: str, fact: Fact, instead: Sequence[str], *, works: bool
) -> str:
    """Return the sentence that says what to do about a capability that is not there.

    *instead* are platforms that do not ask for it; *works* is whether nothing else is in their way.
    """
    known = catalogue.capabilities().get(capability)
    # Neither a probe nor a kernel's release tells of what another process does.
    untold = known is not None and known.probe is None and known.since is None
    ways = []
    if untold and fact.proven == "unknown":
        ways.append("allow-unknown=on or --allow-unknown lets it pass; nobody can ask beforehand")
    elif fact.proven == "unknown":
        ways.append("probe the host as the user that runs QEMU, and with a QEMU to ask")
    if known is not None and known.since == NO_KERNEL:
        ways.append(f"no kernel so far has it: {known.title}")
    elif known is not None and not untold:
        kernel = f" (since Linux {known.since})" if known.since else ""
        built = "".join(f", CONFIG_{option}" for option in known.config)
        ways.append(f"a host with: {known.title}{kernel}{built}")
    if instead:
        said = "a platform that works here" if works else "a platform that does not need it"
        ways.append(f"{said}: {' or '.join(instead)}")
    return "; or ".join(ways)
