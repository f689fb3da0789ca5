"""Features by their family and host capabilities by their subsystem, each with what it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.model.capability import Capability
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.value import frozen
from platform_abi.resolver.identified import (
    CapabilityEntry,
    FeatureEntry,
    feature_entry,
)


@frozen(kw_only=True)
class FeaturesPage:
    """The features of one family; *stem* is the file that they are defined in."""

    stem: str
    features: tuple[FeatureEntry, ...]


@frozen(kw_only=True)
class CapabilitiesPage:
    """The host capabilities of one subsystem of a kernel, or of what else a host has."""

    subsystem: str
    capabilities: tuple[CapabilityEntry, ...]


def features_pages(catalogue: Catalogue) -> Iterator[FeaturesPage]:
    """Yield every feature with the first platforms that turn it on, by family."""
    for stem in catalogue.feature_stems():
        found = catalogue.attempt("feature family", stem, catalogue.features) or ()
        if found:
            entries = tuple(feature_entry(catalogue, feature) for feature in found)
            yield FeaturesPage(stem=stem, features=entries)


def capabilities_pages(catalogue: Catalogue) -> Iterator[CapabilitiesPage]:
    """Yield every host capability with the features that need it, by subsystem."""
    needing: dict[str, list[str]] = {}
    for feature in catalogue.sound_features():
        for name in feature.capabilities:
            needing.setdefault(name, []).append(feature.id)
    of: dict[str, list[Capability]] = {}
    for capability in catalogue.capabilities().values():
        of.setdefault(capability.subsystem, []).append(capability)
    for subsystem in sorted(of):
        yield CapabilitiesPage(
            subsystem=subsystem,
            capabilities=tuple(
                CapabilityEntry(capability=each, features=tuple(sorted(needing.get(each.id, ()))))
                for each in sorted(of[subsystem], key=lambda each: each.id)
            ),
        )


def stems(pages: tuple[FeaturesPage, ...]) -> Mapping[str, str]:
    """Return the family that each feature of *pages* is on the page of."""
    return {entry.feature.id: page.stem for page in pages for entry in page.features}


def subsystems(pages: tuple[CapabilitiesPage, ...]) -> Mapping[str, str]:
    """Return the subsystem that each capability of *pages* is on the page of."""
    return {e.capability.id: page.subsystem for page in pages for e in page.capabilities}
