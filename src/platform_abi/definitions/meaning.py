"""Whether what a platform lists, or a mask withdraws, is there at all.

A misspelt name would otherwise do nothing, which for a platform means: off, without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import DefinitionError, suggest
from platform_abi.model.names import feature_stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from platform_abi.definitions.files import DefinitionFiles
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.mask import Mask
    from platform_abi.model.platform import Platform


class _Hints:
    """Says which name may have been meant, for the first so many faults.

    Nobody reads more of them, and looking for the nearest name takes longer than anything else.
    """

    def __init__(self) -> None:
        self._left = 20

    def of(self, name: str, known: Iterable[str]) -> str:
        """Return the hint for a *name* that is none of those *known*."""
        self._left -= 1
        return suggest(name, known) if self._left >= 0 else ""


class ListedFeatures:
    """The features that a platform lists or removes, by family."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.families: dict[str, list[str]] = {}
        for name in (*platform.listings, *sorted(platform.removed)):
            self.families.setdefault(feature_stem(name), []).append(name)

    def check(self, catalogue: Catalogue, files: DefinitionFiles, family: str) -> None:
        """Refuse what is listed of *family*, or of none that there is, and no feature is meant by.

        *files* are those that the definitions of *catalogue* are in: they say where a fault stands.
        Only the feature file of *family* is read for that. Raises DefinitionError with every place.
        """
        faults = [
            *self._strangers(catalogue.feature_stems()),
            *self._unmeant({feature.id: feature for feature in catalogue.features(family)}, family),
        ]
        if faults:
            placed = sorted(
                _placed(files, self._source(files, name), name, message) for name, message in faults
            )
            raise DefinitionError([text for *_, text in placed], code="definition-invalid")

    def _strangers(self, known: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield each feature of a family that there is not, and what is wrong with it."""
        hints = _Hints()
        for family in sorted(self.families.keys() - set(known)):
            hint = hints.of(family, known)
            for name in self.families[family]:
                yield name, f"no feature family '{family}'{hint}"

    def _unmeant(self, known: Mapping[str, Feature], family: str) -> Iterator[tuple[str, str]]:
        """Yield each feature of *family* that there is not, or not with the values listed."""
        hints = _Hints()
        for name in self.families.get(family, ()):
            listing = self.platform.listings.get(name)
            if name not in known:
                yield name, f"no feature '{name}'{hints.of(name, known)}"
            elif listing is not None:
                listed = (value for value in listing.values.values() if value is not None)
                problems = map(known[name].problem, listed)
                yield from ((name, problem) for problem in problems if problem)

    def _source(self, files: DefinitionFiles, name: str) -> str:
        """Return the file that lists feature *name*, or removes it."""
        listing = self.platform.listings.get(name)
        return _remover(files, self.platform, name) if listing is None else listing.source


def mask_faults(catalogue: Catalogue, masks: Sequence[Mask]) -> dict[int, tuple[str, str]]:
    """Return which of *masks* withdraw nothing, such as misspelt ones: key and fault, by index."""
    from platform_abi.model.mask import ANY_PLATFORM

    names = frozenset(catalogue.platform_names())
    families = catalogue.feature_stems()
    meant = {mask.feature for mask in masks if catalogue.feature(mask.feature)}
    hints = _Hints()
    faults: dict[int, tuple[str, str]] = {}
    for index, mask in enumerate(masks):
        if mask.platform != ANY_PLATFORM and mask.platform not in names:
            meant_by = catalogue.platform_aliases().get(mask.platform)
            hint = f"; it is {meant_by}" if meant_by else hints.of(mask.platform, names)
            faults[index] = ("platform", f"no platform '{mask.platform}'{hint}")
        elif mask.feature not in meant:
            family = feature_stem(mask.feature)
            if family in families:
                known = [feature.id for feature in catalogue.features(family)]
                hint = hints.of(mask.feature, known)
                faults[index] = ("feature", f"no feature '{mask.feature}'{hint}")
            else:
                hint = hints.of(family, families)
                faults[index] = ("feature", f"no feature family '{family}'{hint}")
    return faults


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
