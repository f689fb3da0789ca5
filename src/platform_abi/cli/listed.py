"""The verb ``platforms`` without ``--host``: what platforms there are, and what one lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from platform_abi.cli.options import PlatformsOptions
from platform_abi.cli.render import print_json, say, table
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.plain import Shapes, document
from platform_abi.model.mask import Mask
from platform_abi.model.platform import Platform, edition_key
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import choose_edition, parse_platform


def run_listed(catalogue: FileCatalogue, options: PlatformsOptions) -> int:
    """List all platforms, or show the one that was named."""
    if options.name is not None:
        return _show(catalogue, options.name, as_json=options.json)
    if options.names and not options.json:
        for name in catalogue.platform_names():
            say(name)
        return 0
    found = PlatformList(
        edition=catalogue.newest_edition() or "", platforms=tuple(catalogue.every_platform())
    )
    if options.json:
        print_json(document(found, SHAPES))
        return 0
    rows = [[p.name, p.lineage, p.released or "", p.title] for p in found.platforms]
    table(["NAME", "LINEAGE", "RELEASED", "TITLE"], rows)
    return 0


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
)

SHAPES: Final[Shapes] = {
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
        edition=choose_edition(catalogue, reference),
        platform=platform,
        features=listed(catalogue, reference),
        masks=tuple(m for m in catalogue.masks() if m.covers(platform.name)),
    )
    if as_json:
        print_json(document(found, SHAPES))
        return 0
    say(f"{platform.name}@{found.edition}  {platform.title}")
    if platform.assumes:
        say(f"assumes the kernel configuration {', '.join(platform.assumes)}")
    if platform.page_size:
        say(f"is of kernels with pages of {platform.page_size} bytes")
    for mask in found.masks:
        say(f"masked here: {mask.feature}, {mask.date}: {mask.reason} ({mask.source})")
    table(["FEATURE", "DEFAULT"], [list(pair) for pair in sorted(found.features.items())])
    return 0
