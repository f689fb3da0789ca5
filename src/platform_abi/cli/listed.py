"""The verb ``platforms`` without ``--host``: what platforms there are, and what one lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from platform_abi.cli.options import PlatformsOptions
from platform_abi.cli.render import print_json, say, table
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.plain import Shapes, document
from platform_abi.model.lineage import lineage_of
from platform_abi.model.mask import Mask
from platform_abi.model.platform import Platform, edition_key
from platform_abi.model.reference import Reference
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import choose, parse_platform


def run_listed(catalogue: FileCatalogue, options: PlatformsOptions) -> int:
    """List all platforms or those of a lineage, or show the one that was named."""
    name = options.name
    if name is not None and parse_platform(name).name in catalogue.platform_names():
        return _show(
            catalogue, name, as_json=options.json
        )  # what is wrong with others is not asked
    every = tuple(catalogue.every_platform())
    shown = every
    if name is not None:
        lineage = _lineage(catalogue, name, every)
        if lineage is None:
            return _show(catalogue, name, as_json=options.json)
        shown = tuple(platform for platform in every if platform.lineage == lineage)
    if options.json:
        found = PlatformList(edition=catalogue.newest_edition() or "", platforms=shown)
        print_json(document(found, SHAPES))
    elif options.names:
        for platform in shown:
            say(platform.name)
    elif name is None and not options.all:
        _print_lineages(catalogue, every)
    else:
        rows = [[p.name, p.released or "", p.confidence, _titled(p)] for p in shown]
        table(["NAME", "RELEASED", "CONFIDENCE", "TITLE"], rows)
    return 0


def _lineage(catalogue: FileCatalogue, name: str, platforms: Sequence[Platform]) -> str | None:
    """Return the lineage of *platforms* that *name* is of; None where it names no distribution."""
    found = lineage_of(catalogue.lineages().values(), name).name
    return found if any(platform.lineage == found for platform in platforms) else None


def _titled(platform: Platform) -> str:
    """Return the title of *platform*, and what else it is called."""
    if not platform.aliases:
        return platform.title
    return f"{platform.title}; also {', '.join(platform.aliases)}"


def _print_lineages(catalogue: FileCatalogue, platforms: Sequence[Platform]) -> None:
    """Print a line for each lineage: its oldest and its newest, and under which names it goes."""
    lineages: dict[str, list[Platform]] = {}
    for platform in platforms:
        lineages.setdefault(platform.lineage, []).append(platform)
    known = catalogue.lineages()
    rows = []
    for name in sorted(lineages):
        members = lineages[name]
        entry = known.get(name)
        also = "" if entry is None else ", ".join((*entry.clones, *entry.distributions))
        rows.append([name, str(len(members)), members[0].name, members[-1].name, also])
    table(["LINEAGE", "COUNT", "OLDEST", "NEWEST", "ALSO OF"], rows)
    say()
    say("'platform-abi platforms LINEAGE' lists those of one, --all lists all")


@frozen(kw_only=True)
class PlatformList:
    """Every platform, and the newest edition of the definitions."""

    edition: str
    platforms: tuple[Platform, ...]


@frozen(kw_only=True)
class PlatformListing:
    """What one platform lists at an edition, and what this site withdraws of it."""

    edition: str
    platform: Platform
    features: Mapping[str, str]
    masks: tuple[Mask, ...]


def _masked(listing: PlatformListing) -> dict[str, str]:
    return {m.feature: f"{m.date}: {m.reason} ({m.source})" for m in listing.masks}


def _levels(listing: PlatformListing) -> Mapping[str, str]:
    return listing.platform.levels_at(edition_key(listing.edition))


def _of_platform(key: str) -> str | tuple[str, Callable[[PlatformListing], Mapping[str, str]]]:
    if key == "levels":
        return key, _levels
    name = key.removesuffix("?")
    return f"{name}:platform.{key}"


_PLATFORM = (
    "name",
    "lineage",
    "system?",
    "version",
    "title",
    "released",
    "extends",
    "levels",
    "assumes",
    "page_size",
    "kernel?",
    "aliases",
    "confidence?",
    "unknown",
    "reference",
)

SHAPES: Final[Shapes] = {
    Reference: ("source", "note"),
    Platform: _PLATFORM,
    PlatformListing: (
        *("edition", *(_of_platform(key) for key in _PLATFORM), "features"),
        ("masked", _masked),
    ),
}


def _show(catalogue: FileCatalogue, name: str, *, as_json: bool) -> int:
    from platform_abi.resolver.compare import listed

    reference = parse_platform(name)
    platform = catalogue.platform(reference.name)
    found = PlatformListing(
        edition=choose(catalogue, reference).edition,
        platform=platform,
        features=listed(catalogue, reference),
        masks=tuple(m for m in catalogue.masks() if m.covers(platform.name)),
    )
    if as_json:
        print_json(document(found, SHAPES))
        return 0
    say(f"{platform.name}@{found.edition}  {platform.title}")
    names = [
        alias for alias, meant in catalogue.platform_aliases().items() if meant == platform.name
    ]
    if names:
        say(f"also called {', '.join(names)}")
    if platform.confidence:
        say(f"confidence: {platform.confidence}")
    for read in platform.reference:
        say(f"by {read.source}" + (f": {read.note}" if read.note else ""))
    for unknown in platform.unknown:
        say(f"unknown, and off: {unknown}")
    if platform.assumes:
        say(f"assumes the kernel configuration {', '.join(platform.assumes)}")
    if platform.page_size:
        say(f"is of kernels with pages of {platform.page_size} bytes")
    for mask in found.masks:
        say(f"masked here: {mask.feature}, {mask.date}: {mask.reason} ({mask.source})")
    table(["FEATURE", "DEFAULT"], [list(pair) for pair in sorted(found.features.items())])
    return 0
