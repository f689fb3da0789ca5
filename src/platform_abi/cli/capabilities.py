"""The verb ``capabilities``: every fact about a host that a feature may need."""

from __future__ import annotations

from typing import Final

from platform_abi.cli.identified import SHAPES as ENTRIES
from platform_abi.cli.identified import show
from platform_abi.cli.options import CapabilitiesOptions
from platform_abi.cli.render import print_json, say, table
from platform_abi.definitions.catalogue import load_catalogue
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import unknown
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
    known = catalogue.capabilities()
    name = options.name
    chosen = [
        known[each]
        for each in sorted(known)
        if name is None or each == name or each.startswith(f"{name}.")
    ]
    if not chosen:
        raise unknown("capability", name or "", known, code="unknown-capability")
    if options.json:
        entries = tuple(capability_entry(catalogue, each) for each in chosen)
        print_json(document(CapabilityList(capabilities=entries), SHAPES))
    elif [name] == [each.id for each in chosen]:
        show(catalogue, capability_entry(catalogue, chosen[0]))
    elif options.names:
        for each in chosen:
            say(each.id)
    else:
        table(
            ["CAPABILITY", "LINUX", "ASKED BY", "TITLE"],
            [[c.id, c.since or "", c.probe.method if c.probe else "", c.title] for c in chosen],
        )
    return 0
