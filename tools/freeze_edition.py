#!/usr/bin/env python3
"""Write the digests of an edition: what every platform means at it.

    freeze_edition.py 2026.3             # start it, or let it follow the definitions
    freeze_edition.py 2026.3 --release   # released today: bare names mean it from now on

When the day of its release is over (UTC), an edition never changes again: the tool says what would
mean something else, and leaves the file as it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from platform_abi.author.editions import freeze
from platform_abi.errors import PlatformAbiError

DEFINITIONS = Path(__file__).resolve().parent.parent / "definitions"


def main(arguments: Sequence[str] | None = None) -> int:
    """Freeze the edition named in *arguments*; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("edition")
    parser.add_argument("--release", action="store_true", help="release it today")
    parser.add_argument(
        "--definitions", type=Path, default=DEFINITIONS, help="folder of the definitions"
    )
    options = parser.parse_args(arguments)
    today = datetime.now(UTC).date()
    try:
        found = freeze(options.definitions, options.edition, today=today, release=options.release)
    except PlatformAbiError as error:
        print(f"{error}\nhelp: {error.help}" if error.help else error, file=sys.stderr)
        return 1
    for kind, names in (("new", found.new), ("changed", found.changed)):
        if names:
            print(f"{found.edition}: {len(names)} platforms {kind}: {', '.join(names)}")
    state = f"released {found.released}" if found.released else "open"
    print(f"{found.edition}: {state}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
