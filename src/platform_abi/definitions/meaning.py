"""Whether what a platform lists, or a mask withdraws, is there at all.

A misspelt name would otherwise do nothing, which for a platform means: off, without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import DefinitionError, suggest
from platform_abi.model.names import feature_stem
from platform_abi.model.platform import ANY_PLATFORM, Mask, Platform

if TYPE_CHECKING:
    from platform_abi.definitions.files import DefinitionFiles
    from platform_abi.model.catalogue import Catalogue


def check_listings(
    catalogue: Catalogue, files: DefinitionFiles, platform: Platform, stem: str
) -> None:
    """Refuse what *platform* lists of the family *stem* where no feature is meant by it.

    *files* are those that the definitions of *catalogue* are in: they say where a fault stands.
    Only the feature file of *stem* is read for that. Raises DefinitionError with every place.
    """
    features = {feature.id: feature for feature in catalogue.features(stem)}
    faults: list[tuple[str, str, str]] = []
    for name, listing in platform.listings.items():
        if name in features:
            problems = map(features[name].problem, listing.values.values())
            faults += [(listing.source, name, problem) for problem in problems if problem]
        elif missing := _unmeant(catalogue, name, stem):
            faults.append((listing.source, name, missing))
    for name in sorted(platform.removed):
        missing = _unmeant(catalogue, name, stem)
        if missing:
            faults.append((_remover(files, platform, name), name, missing))
    if faults:
        placed = sorted(_placed(files, *fault) for fault in faults)
        raise DefinitionError([text for *_, text in placed], code="definition-invalid")


def mask_fault(catalogue: Catalogue, mask: Mask) -> tuple[str, str] | None:
    """Return the key and the fault of a mask that withdraws nothing, such as a misspelt one."""
    platforms = catalogue.platform_names()
    if mask.platform != ANY_PLATFORM and mask.platform not in platforms:
        return "platform", f"no platform '{mask.platform}'{suggest(mask.platform, platforms)}"
    missing = _unmeant(catalogue, mask.feature, feature_stem(mask.feature))
    return ("feature", missing) if missing else None


def _unmeant(catalogue: Catalogue, name: str, stem: str) -> str | None:
    """Return why no feature is meant by *name*, or None; of other families than *stem*."""
    family = feature_stem(name)
    if family not in catalogue.feature_stems():
        return f"no feature family '{family}'{suggest(family, catalogue.feature_stems())}"
    if family != stem:
        return None
    known = [feature.id for feature in catalogue.features(stem)]
    return None if name in known else f"no feature '{name}'{suggest(name, known)}"


def _remover(files: DefinitionFiles, platform: Platform, feature: str) -> str:
    """Return the source that removes *feature*: the platform's own file, or an ancestor's."""
    sources = [
        relative
        for name in (platform.name, *platform.extends)
        for _, relative in files.of("platforms", name)
    ]
    path = ("features", feature)
    within = (s for s in sources if files.position(s, path) != files.position(s, path[:1]))
    return next(within, platform.source)


def _placed(
    files: DefinitionFiles, source: str, feature: str, message: str
) -> tuple[str, int, int, str]:
    """Return a fault behind what sorts faults: file, line and column."""
    line, column = files.position(source, ("features", feature))
    path = files.locate(source) or source
    return path, line, column, f'{path}:{line}:{column}: features."{feature}": {message}'
