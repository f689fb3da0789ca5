"""The verb ``features``: every guest-visible behaviour that a host would decide."""

from __future__ import annotations

from typing import Final

from platform_abi.cli.identified import SHAPES as ENTRIES
from platform_abi.cli.identified import show
from platform_abi.cli.options import FeaturesOptions
from platform_abi.cli.render import print_json, say, table
from platform_abi.definitions.catalogue import load_catalogue
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import unknown
from platform_abi.model.feature import Feature
from platform_abi.model.value import frozen
from platform_abi.resolver.identified import FeatureEntry, feature_entry


@frozen(kw_only=True)
class FeatureList:
    """Features of the newest edition, each with the first platforms that turn it on."""

    features: tuple[FeatureEntry, ...]


SHAPES: Final[Shapes] = ENTRIES


def run(options: FeaturesOptions) -> int:
    """List all features, or those that are named by their id or their family."""
    catalogue = load_catalogue()
    chosen = [f for f in catalogue.every_feature() if _is_one(f, options.name)]
    if not chosen:
        names = (feature.id for feature in catalogue.every_feature())
        known = (*catalogue.feature_stems(), *names)
        raise unknown("feature", options.name or "", known, code="unknown-feature")
    if options.json:
        entries = tuple(feature_entry(catalogue, feature) for feature in chosen)
        print_json(document(FeatureList(features=entries), SHAPES))
    elif [options.name] == [feature.id for feature in chosen]:
        show(catalogue, feature_entry(catalogue, chosen[0]))
    elif options.names:
        for feature in chosen:
            say(feature.id)
    else:
        table(
            ["FEATURE", "KIND", "SINCE", "TITLE"],
            [[f.id, f.kind, f.generation or "", f.title] for f in chosen],
        )
    return 0


def _is_one(feature: Feature, name: str | None) -> bool:
    return name is None or feature.id == name or feature.id.startswith(f"{name}.")
