"""Write the digests of an edition: what every platform means at it, once and for all.

    python tools/freeze_edition.py 2026.1

A released edition's digests never change: the tool refuses to replace one, and only adds platforms
that the edition does not have yet.
"""

from __future__ import annotations

import sys
from pathlib import Path

import tomli_w

import platform_abi as pa
from platform_abi.files import write_text

_DEFINITIONS = Path(__file__).parents[1] / "definitions"


def freeze(edition: str, *, draft: bool) -> list[str]:
    """Write the file of *edition* and return the platforms whose digest changed.

    With *draft*, changed digests are replaced, which is right only before the edition's release;
    without, nothing is written where one changed.
    """
    catalogue = pa.FileCatalogue([_DEFINITIONS])
    before = dict(catalogue.edition(edition).platforms)
    after = {
        name: pa.platform_digest(catalogue, name, edition) for name in catalogue.platform_names()
    }
    changed = [name for name, digest in before.items() if after.get(name) != digest]
    if draft or not changed:
        body = {"schema": 1, "edition": edition, "platforms": dict(sorted(after.items()))}
        write_text(_DEFINITIONS / "editions" / f"{edition}.toml", tomli_w.dumps(body))
    return changed


def main() -> int:
    """Freeze the edition named on the command line."""
    words = [word for word in sys.argv[1:] if word != "--draft"]
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    draft = "--draft" in sys.argv
    changed = freeze(words[0], draft=draft)
    for name in changed:
        print(f"{name}: its digest {'was replaced' if draft else 'would change'}")
    return 1 if changed and not draft else 0


if __name__ == "__main__":
    sys.exit(main())
