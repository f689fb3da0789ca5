"""The verb ``freeze``: what every platform of an edition means, written down."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from platform_abi.author.editions import freeze
from platform_abi.cli.options import FreezeOptions
from platform_abi.cli.render import print_json, say
from platform_abi.emit.plain import Shapes, document

SHAPES: Final[Shapes] = {}


def run(options: FreezeOptions) -> int:
    """Begin an edition, let it follow the definitions while it is open, or release it."""
    today = datetime.now(UTC).date()
    found = freeze(Path(options.definitions), options.edition, today=today, release=options.release)
    if options.json:
        print_json(document(found, SHAPES))
        return 0
    for kind, names in (("new", found.new), ("changed", found.changed)):
        if names:
            say(f"{found.edition}: {len(names)} platforms {kind}: {', '.join(names)}")
    say(
        f"{found.edition}: released {found.released}"
        if found.released
        else f"{found.edition}: open"
    )
    return 0
