"""Platforms by lineage, and what each turns on that the one before it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from platform_abi.model.catalogue import Catalogue
from platform_abi.model.mask import Mask
from platform_abi.model.platform import Platform, edition_key
from platform_abi.model.value import field, frozen
from platform_abi.resolver.compare import listed


@frozen(kw_only=True)
class Change:
    """A feature that a platform lists otherwise than the one before; None where it is unlisted."""

    feature: str
    before: str | None
    after: str | None


@frozen(kw_only=True)
class PlatformPage:
    """A platform at an edition, and *before*, the one that its changes are relative to.

    *before* is the platform of its own lineage that it extends, else the one that stands before it
    there; empty for the first, which has every feature as a change. *levels* are the upstream
    kernels that its subsystems are as.
    """

    platform: Platform
    edition: str
    aliases: tuple[str, ...] = ()
    before: str = ""
    changes: tuple[Change, ...] = ()
    features: Mapping[str, str] = field(factory=dict)
    levels: Mapping[str, str] = field(factory=dict)
    masks: tuple[Mask, ...] = ()

    @property
    def turned_on(self) -> int:
        """Return how many of the changes are features that the one before does not list."""
        return sum(each.before is None for each in self.changes)


@frozen(kw_only=True)
class LineagePart:
    """The platforms of one lineage, in their order; *also* are other systems with its kernels."""

    name: str
    title: str
    also: tuple[str, ...]
    platforms: tuple[PlatformPage, ...]


def lineage_parts(catalogue: Catalogue) -> tuple[LineagePart, ...]:
    """Return every platform below its lineage, lineages by name."""
    members: dict[str, list[Platform]] = {}
    for platform in catalogue.every_platform():
        members.setdefault(platform.lineage, []).append(platform)
    aliases: dict[str, list[str]] = {}
    for alias, name in catalogue.platform_aliases().items():
        aliases.setdefault(name, []).append(alias)
    known = catalogue.lineages()
    parts = []
    for name in sorted(members):
        entry = known.get(name)
        parts.append(
            LineagePart(
                name=name,
                title="" if entry is None else entry.title,
                also=() if entry is None else (*entry.clones, *entry.distributions),
                platforms=tuple(_pages(catalogue, members[name], aliases)),
            )
        )
    return tuple(parts)


def _pages(
    catalogue: Catalogue, members: Sequence[Platform], aliases: Mapping[str, Sequence[str]]
) -> list[PlatformPage]:
    names = {platform.name for platform in members}
    pages: dict[str, PlatformPage] = {}
    last = ""
    for platform in members:
        edition = _edition(catalogue, platform)
        features = listed(catalogue, f"{platform.name}@{edition}")
        own = next((each for each in platform.extends if each in names), "")
        before = own or last
        # At one edition: what another one brought is no difference of the two platforms.
        earlier = listed(catalogue, f"{before}@{edition}") if before else {}
        pages[platform.name] = PlatformPage(
            platform=platform,
            edition=edition,
            aliases=tuple(sorted(aliases.get(platform.name, ()))),
            before=before,
            changes=_changes(earlier, features),
            features=features,
            levels=platform.levels_at(edition_key(edition)),
            masks=tuple(m for m in catalogue.masks() if m.covers(platform.name)),
        )
        # A kernel for other pages stands beside the line, not in it.
        if not platform.page_size:
            last = platform.name
    return list(pages.values())


def _edition(catalogue: Catalogue, platform: Platform) -> str:
    """Return the newest edition that is released, or the later one that brings *platform*."""
    newest = catalogue.newest_edition() or catalogue.editions()[-1]
    return newest if platform.is_at(newest) else platform.edition


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(
        Change(feature=name, before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )
