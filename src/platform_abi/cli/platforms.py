"""The verb ``platforms``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from platform_abi.cli.render import table
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.errors import printable
from platform_abi.model.platform import Platform
from platform_abi.resolver.choice import choose_edition, parse_platform


def run(arguments: argparse.Namespace) -> int:
    """List all platforms, or show one of them."""
    catalogue = load_catalogue()
    if arguments.host is not None:
        from platform_abi.cli.supported import run_supported

        return run_supported(catalogue, arguments)
    if arguments.name is not None:
        return _show(catalogue, arguments)
    names = catalogue.platform_names()
    if arguments.names:
        print("\n".join(names))
        return 0
    found = [catalogue.platform(name) for name in names]
    if arguments.json:
        from platform_abi.emit.document import SCHEMA_VERSION, to_json

        document = {
            "schema_version": SCHEMA_VERSION,
            "edition": catalogue.editions()[-1],
            "platforms": [_document(platform) for platform in found],
        }
        sys.stdout.write(to_json(document))
        return 0
    rows = [[p.name, p.lineage, p.released or "", p.title] for p in found]
    table(["NAME", "LINEAGE", "RELEASED", "TITLE"], rows)
    return 0


def _document(platform: Platform) -> dict[str, Any]:
    return {
        "name": platform.name,
        "lineage": platform.lineage,
        "version": platform.version,
        "title": platform.title,
        "released": platform.released,
        "extends": list(platform.extends),
        "levels": dict(platform.levels),
        "assumes": list(platform.assumes),
    }


def _show(catalogue: FileCatalogue, arguments: argparse.Namespace) -> int:
    from platform_abi.resolver.compare import listed

    reference = parse_platform(arguments.name)
    edition = choose_edition(catalogue, reference)
    platform = catalogue.platform(reference.name)
    features = listed(catalogue, reference)
    masks = [m for m in catalogue.masks() if m.covers(platform.name)]
    if arguments.json:
        from platform_abi.emit.document import SCHEMA_VERSION, to_json

        document = {
            "schema_version": SCHEMA_VERSION,
            "edition": edition,
            **_document(platform),
            "features": features,
            "masked": {m.feature: f"{m.date}: {m.reason} ({m.source})" for m in masks},
        }
        sys.stdout.write(to_json(document))
        return 0
    print(f"{platform.name}@{edition}  {printable(platform.title)}")
    if platform.assumes:
        print(f"assumes the kernel configuration {', '.join(platform.assumes)}")
    for mask in masks:
        print(f"masked here: {mask.feature}, {mask.date}: {printable(mask.reason)} ({mask.source})")
    table(["FEATURE", "DEFAULT"], [[name, value] for name, value in sorted(features.items())])
    return 0
