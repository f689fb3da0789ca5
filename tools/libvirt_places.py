#!/usr/bin/env python3
"""Keeps the table of docs/reference/libvirt.md in step with the definitions.

libvirt_places.py --check      # exit with 1 if the table is another
libvirt_places.py --write      # rewrite it; all around it stays
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import platform_abi as pa
from platform_abi.model.device import ACCELERATOR
from platform_abi.model.libvirt import LibvirtTable

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "libvirt.md"
BEGIN = "<!-- places: tools/libvirt_places.py -->\n"
END = "<!-- end of places -->\n"

VERSIONS = ("9.0", "11.3", "12.8")


def rows(catalogue: pa.FileCatalogue) -> Iterator[tuple[str, ...]]:
    """Yield each property that a platform can set, with where each libvirt says it."""
    names = {
        name
        for feature in catalogue.every_feature()
        if feature.kind in ("setting", "guard")
        for name in feature.properties
    }
    for name in sorted(names):
        yield (f"`{name}`", *(place(catalogue, name, version) for version in VERSIONS))


def place(catalogue: pa.FileCatalogue, name: str, version: str) -> str:
    """Return where libvirt *version* says property *name*, ``driver.property``."""
    table = catalogue.libvirt()
    if name in table.lost:
        return "lost"
    driver, _, prop = name.partition(".")
    family = catalogue.devices().family_of(driver)
    of_board = family is not None and family.backend == ACCELERATOR
    otherwise = "command line" if of_board or driver in table.whole else "override"
    native = _native(table, driver, prop, version)
    return f"{native}, else {otherwise}" if native.endswith("only") else native or otherwise


def _native(table: LibvirtTable, driver: str, prop: str, version: str) -> str:
    """Return the native places of a property, and of which values, where not of all."""
    texts = []
    for element in dict.fromkeys(each.element for each in table.native):
        for each in table.places({driver}, prop, element, version):
            path = "/".join(filter(None, (element, each.path)))
            values = " and ".join(each.values) if len(each.values) == 1 else ""
            texts.append(f"`{path}@{each.attribute}`" + (f" for {values} only" if values else ""))
    return ", ".join(texts)


def table_text(catalogue: pa.FileCatalogue) -> str:
    """Return the table, as Markdown."""
    head = ("property", *(f"libvirt {version}" for version in VERSIONS))
    lines = [head, ("---",) * len(head), *rows(catalogue)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(text: str, catalogue: pa.FileCatalogue) -> str:
    """Return the *text* of the page with the table of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table_text(catalogue) + "\n" + END + after


def main() -> int:
    """Check the page, or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true")
    what.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    made = page(text, pa.FileCatalogue([ROOT / "definitions"]))
    if options.write:
        PAGE.write_text(made, encoding="utf-8")
    elif made != text:
        print(f"{PAGE}: the table is another; run tools/libvirt_places.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
