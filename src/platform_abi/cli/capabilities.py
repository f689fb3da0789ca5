"""The verb ``capabilities``: every fact about a host that a feature may need."""

from __future__ import annotations

from typing import Final

from platform_abi.cli.identified import SHAPES as ENTRIES
from platform_abi.cli.identified import chosen, show_chosen
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import CapabilitiesOptions
from platform_abi.cli.render import print_json
from platform_abi.emit.plain import Shapes, document
from platform_abi.model.value import frozen
from platform_abi.resolver.identified import CapabilityEntry, capability_entry


@frozen(kw_only=True)
class CapabilityList:
    """Host capabilities, each with the features that need it."""

    capabilities: tuple[CapabilityEntry, ...]


SHAPES: Final[Shapes] = ENTRIES


def run(options: CapabilitiesOptions) -> int:
    """List all capabilities, or those that are named by their id or what it begins with."""
    catalogue = load_catalogue()
    every = dict(sorted(catalogue.capabilities().items()))
    found = chosen("capability", every, options.name, code="unknown-capability")
    if options.json:
        entries = tuple(capability_entry(catalogue, each) for each in found.values())
        print_json(document(CapabilityList(capabilities=entries), SHAPES))
        return 0
    rows = [
        [c.id, c.since or "", c.probe.method if c.probe else "", c.title] for c in found.values()
    ]
    headings = ["CAPABILITY", "LINUX", "ASKED BY", "TITLE"]
    show_chosen(catalogue, options, rows, headings, lambda i: capability_entry(catalogue, every[i]))
    return 0
