"""Record what the definitions say, so that no field of theirs changes unnoticed.

    python tools/record_definitions.py

Run it after a change that is meant; ``tests/definitions/test_digests.py`` then names no file, and
the change of the recorded digests shows in review which files say something else. Comments and the
order of keys are no content.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from platform_abi.files import write_text
from platform_abi.model.digest import canonical_digest

_ROOT = Path(__file__).parents[1]
DEFINITIONS = _ROOT / "definitions"
RECORDED = _ROOT / "tests" / "definitions" / "digests.json"

#: An edition has digests of its own, which ``platform-abi freeze`` keeps.
_FROZEN = "editions"


def digests(root: Path) -> dict[str, str]:
    """Return the digest of what each definition file below *root* says, by its name."""
    return {
        path.relative_to(root).as_posix(): canonical_digest(_plain(tomllib.loads(path.read_text())))
        for path in sorted(root.rglob("*.toml"))
        if path.parent.name != _FROZEN
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def main() -> int:
    """Write the digests of the definitions as they are, and print which files changed."""
    before = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    after = digests(DEFINITIONS)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            print(name)
    write_text(RECORDED, json.dumps(after, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
