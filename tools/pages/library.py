"""The page about the library, from the stub that is its public face."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import platform_abi as pa


def library_page() -> str:
    """Return the page about every public name, in the order and under the headings of the stub."""
    lines = [
        "# Library",
        "",
        "`import platform_abi as pa`: what a management tool needs first comes first. Nothing is",
        "imported before one of its names is used. Values are frozen; only `PlatformAbiError` and",
        "its children cross this edge.",
        "",
    ]
    for heading, names in ranks():
        lines += [f"## {heading}", ""]
        for name in names:
            value = getattr(pa, name)
            members = _members(value) if isinstance(value, type) else ()
            lines += [f"::: platform_abi.{name}"]
            lines += ["    options:", f"      members: {json.dumps(members)}", ""]
    return "\n".join(lines)


def ranks() -> Iterator[tuple[str, list[str]]]:
    """Yield each rank of the public face: what the stub calls it, and its names."""
    stub = Path(pa.__file__).with_suffix(".pyi").read_text("utf-8")
    for part in re.split(r"^# \d+\. ", stub, flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0].rstrip(".")
        yield heading, re.findall(r"^from \S+ import (\w+) as", part, flags=re.MULTILINE)


def _members(value: type) -> list[str]:
    """Return the fields and the methods of a class of ours that are for everybody."""
    own = [each for each in value.__mro__ if each.__module__.startswith("platform_abi")]
    names = [name for each in own for name in (*each.__annotations__, *vars(each))]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]
