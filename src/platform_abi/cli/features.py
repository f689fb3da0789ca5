"""The verb ``features``: every guest-visible behaviour that a host would decide."""

from __future__ import annotations

from typing import Final

from platform_abi.cli.identified import SHAPES as ENTRIES
from platform_abi.cli.identified import chosen, show_chosen
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import FeaturesOptions
from platform_abi.cli.render import print_json
from platform_abi.emit.plain import Shapes, document
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
    every = {feature.id: feature for feature in catalogue.sound_features()}
    found = chosen("feature", every, options.name, code="unknown-feature")
    if options.json:
        entries = tuple(feature_entry(catalogue, feature) for feature in found.values())
        print_json(document(FeatureList(features=entries), SHAPES))
        return 0
    rows = [[f.id, f.kind, f.generation or "", f.title] for f in found.values()]
    headings = ["FEATURE", "KIND", "SINCE", "TITLE"]
    show_chosen(catalogue, options, rows, headings, lambda i: feature_entry(catalogue, every[i]))
    return 0
