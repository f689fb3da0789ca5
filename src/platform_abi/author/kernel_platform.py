"""What a kernel's source says of platforms: whether it keeps a promise, and which it could be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from platform_abi.author.kernel_tree import KernelTree
from platform_abi.author.kernel_witness import ABSENT, PRESENT, UNKNOWN, SourceSeen
from platform_abi.author.starting import Begun, new_platform
from platform_abi.definitions.levels import predicted
from platform_abi.errors import UsageError
from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.feature import Feature
from platform_abi.model.platform import PlatformReference, edition_key, version_key
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import choose_edition
from platform_abi.resolver.compare import listed

Kept = Literal["kept", "broken", "left-out", "unknown"]


@frozen(kw_only=True)
class PromiseSeen:
    """What the source says of a feature: whether a platform that lists it, as *value*, is right.

    ``broken``: it is listed, and *because* of these capabilities no such kernel can honour it;
    ``left-out``: it is not listed, and such a kernel could; ``unknown``: nobody can tell by the
    source. *value* is empty where it is not listed.
    """

    feature: str
    kept: Kept
    value: str
    because: tuple[str, ...]


def promises(
    catalogue: Catalogue, reference: PlatformReference, seen: Iterable[SourceSeen]
) -> tuple[PromiseSeen, ...]:
    """Return what the source says of every feature that a kernel's release decides.

    Raises UnknownNameError for a platform or an edition that there is not.
    """
    edition = edition_key(choose_edition(catalogue, reference))
    values = listed(catalogue, reference)
    states = {each.capability: each.state for each in seen}
    dated = {
        name
        for name, each in catalogue.capabilities().items()
        if each.since_at(edition) is not None
    }
    found = (
        _promise(feature, values.get(feature.id, ""), dated, states)
        for feature in catalogue.features_at(edition)
    )
    return tuple(sorted((each for each in found if each), key=lambda each: each.feature))


def _promise(
    feature: Feature, value: str, dated: set[str], states: Mapping[str, str]
) -> PromiseSeen | None:
    needed = [name for name in feature.capabilities if name in dated]
    if not needed or not (value or feature.when_supported):
        return None
    absent = [name for name in needed if states.get(name) == ABSENT]
    unknown = [name for name in needed if states.get(name, UNKNOWN) == UNKNOWN]
    kept: Kept
    if value:
        kept, because = ("broken", absent) if absent else ("unknown", unknown)
        kept = kept if because else "kept"
    elif absent:
        return None  # Neither says that it is there.
    else:
        kept, because = ("unknown", unknown) if unknown else ("left-out", needed)
    return PromiseSeen(feature=feature.id, kept=kept, value=value, because=tuple(because))


# --- which platform it could be ------------------------------------------------------------------


def proposed(
    catalogue: Catalogue,
    name: str,
    tree: KernelTree,
    seen: Iterable[SourceSeen],
    *,
    options: Mapping[str, str] | None = None,
    title: str | None = None,
) -> Begun:
    """Return a platform called *name* that lists what the source of *tree* was seen to have.

    A subsystem's level is the newest release of which it has everything that is looked for; what
    it has beyond that is listed, each with its witness. What nobody can tell is left out. With
    the *options* of its configuration, those that are on are assumed; else all that are needed.
    Raises UsageError (``kernel-bare``) where nothing of it gives a level.
    """
    capabilities = catalogue.capabilities()
    witnesses = {each.capability: each for each in seen}
    levels = dict(_levels(capabilities, witnesses, tree.version))
    if not levels:
        raise UsageError(
            "nothing that is looked for was seen in that tree",
            code="kernel-bare",
            help="a whole source, or one of the folders that a rule of kernels/*.toml names",
        )
    dates = catalogue.kernel_dates()
    beyond: dict[str, tuple[str, str]] = {}
    assumed: set[str] = set()
    for feature in catalogue.every_feature():
        needed = [each for each in feature.capabilities if each in dates]
        if feature.when_supported is None or not needed:
            continue
        if any(_state(witnesses, each) != PRESENT for each in needed):
            continue
        assumed |= {option for each in needed for option in capabilities[each].config}
        if not predicted([dates[each] for each in needed], levels):
            past = [each for each in needed if not predicted([dates[each]], levels)]
            said = ", ".join(f"{each}: {witnesses[each].witness}" for each in past)
            beyond[feature.id] = (feature.when_supported, said)
    if options is not None:
        assumed = {each for each in assumed if options.get(each, "n") != "n"}
    return new_platform(
        catalogue,
        name,
        levels=levels,
        title=title,
        assumes=sorted(assumed),
        features=beyond,
        known=_sources(capabilities, witnesses, levels, tree),
    )


def _state(witnesses: Mapping[str, SourceSeen], name: str) -> str:
    return witnesses[name].state if name in witnesses else UNKNOWN


def _levels(
    capabilities: Mapping[str, Capability], witnesses: Mapping[str, SourceSeen], version: str
) -> Iterator[tuple[str, str]]:
    """Yield each subsystem's level: before the first release of which anything is not seen."""
    for subsystem in sorted({each.subsystem for each in capabilities.values()}):
        dated = [
            (each.since, _state(witnesses, each.id))
            for each in capabilities.values()
            if each.subsystem == subsystem and each.since not in (None, NO_KERNEL)
        ]
        missing = [since for since, state in dated if since and state != PRESENT]
        first = min(missing, key=version_key, default=None)
        reached = [
            since
            for since, _ in dated
            if since and (first is None or version_key(since) < version_key(first))
        ]
        if not reached:
            continue
        level = max(reached, key=version_key)
        # Between two releases that brought something its own number is as good, and says more.
        if (
            version
            and version_key(level) < version_key(version)
            and (first is None or version_key(version) < version_key(first))
        ):
            level = version
        yield subsystem, level


#: So many of what is not there are named by subsystem.
_NAMED: Final = 4


def _sources(
    capabilities: Mapping[str, Capability],
    witnesses: Mapping[str, SourceSeen],
    levels: Mapping[str, str],
    tree: KernelTree,
) -> Iterator[str]:
    """Yield by which lines each level is known, and what the source lacks or nobody can tell."""
    said = " ".join(filter(None, (tree.release, tree.vendor and f"({tree.vendor})")))
    yield f"By the source of a kernel that calls itself {said or 'nothing'}."
    for subsystem, level in levels.items():
        mine = [c for c in capabilities.values() if c.subsystem == subsystem and c.since]
        newest = [
            each
            for each in mine
            if _state(witnesses, each.id) == PRESENT and each.since != NO_KERNEL
        ]
        last = max(newest, key=lambda each: version_key(each.since or "0"))
        known = f"has {last.id} (Linux {last.since}), {witnesses[last.id].witness}"
        yield f"{subsystem} {level}: {known}"
        for state in (ABSENT, UNKNOWN):
            names = [
                each.id
                for each in mine
                if _state(witnesses, each.id) == state and each.since != NO_KERNEL
            ]
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                yield f"  {state}: {', '.join(names[:_NAMED])}{more}"
