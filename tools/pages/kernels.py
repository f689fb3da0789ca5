"""The page about what the sources of kernels were seen to have, from what was recorded of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import platform_abi as pa
from tools.pages.markdown import table

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "kernels"

#: What stands in a cell where there is no line.
_CELLS: Final = {"absent": "-", "unknown": "?"}


def records() -> dict[str, dict[str, Any]]:
    """Return what was recorded, by name, the oldest release first."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
    return dict(
        sorted(
            found.items(),
            key=lambda pair: ([*map(int, pair[1]["release"].split("-")[0].split("."))], pair[0]),
        )
    )


def kernels_page() -> str:
    """Return the page: a row for each capability, a column for each kernel, lines as witnesses."""
    catalogue = pa.load_catalogue()
    read = records()
    rows = []
    for name, capability in catalogue.capabilities().items():
        seen = [each["seen"].get(name) for each in read.values()]
        if not any(seen):
            continue
        witness = next((w for s, w in filter(None, seen) if s == "present"), "")
        cells = [_cell(name, each) for each in read.values()]
        rows.append((f"`{name}`", capability.since or "", witness.partition(":")[0], *cells))
    lines = [
        "# Kernels",
        "",
        "What the source of each kernel has, by the line that says so, in the file of the third",
        "column or the one that it has become. `-` is not in it, `?` is a constant that nothing",
        "shows the use of, *off* is turned off by its configuration. The second column is the",
        "first upstream release that is said to have it. `tools/kernel_record.py` adds a kernel;",
        "`platform-abi kernel TREE` says the same of any other.",
        "",
        *table(
            ("kernel", "release", "of"),
            ((f"`{name}`", each["release"], each["package"]) for name, each in read.items()),
        ),
        *table(("capability", "first kernel", "where", *read), rows),
    ]
    return "\n".join(lines)


def _cell(name: str, kernel: dict[str, Any]) -> str:
    state, witness = kernel["seen"].get(name, ("", ""))
    if state == "present":
        return "*off*" if name in kernel["off"] else str(witness.rpartition(":")[2])
    return _CELLS.get(state, "")
