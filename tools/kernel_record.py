#!/usr/bin/env python3
"""Records what a kernel's source says of every capability, as evidence that stays.

    kernel_record.py linux-debian-13 linux-source-6.12.tar.xz --config config.amd64_none_amd64.xz \
        --package "linux-source-6.12 6.12.118-1"

writes docs/kernels/linux-debian-13.json: by capability the line of the implementation, or why there
is none. The page of kernels is made of these files, and a test holds the first kernel of each
capability, and the platform of that name, against them, for ever and without any source.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from platform_abi.author.kernel_tree import read_configuration, read_tree
from platform_abi.author.kernel_witness import KernelWitness
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import PlatformAbiError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "kernels"


def record(tree: str, config: str | None, revision: str | None, package: str) -> dict[str, object]:
    """Return what the source at *tree* says, and what its configuration turns off."""
    catalogue = FileCatalogue(roots=[ROOT / "definitions"])
    sources = catalogue.kernel_sources()
    read = read_tree(tree, sources, revision=revision)
    capabilities = catalogue.capabilities().values()
    seen = KernelWitness(read, sources).all(capabilities)
    off: dict[str, tuple[str, ...]] = {}
    if config is not None:
        configured = KernelWitness(read, sources, read_configuration(config)).all(capabilities)
        off = {each.capability: each.lacking for each in configured if each.lacking}
    return {
        "release": read.release,
        "vendor": read.vendor,
        "package": package,
        "configured": config is not None,
        "seen": {each.capability: [each.state, each.witness] for each in seen},
        "off": off,
    }


def text(document: Mapping[str, object]) -> str:
    """Return *document* as JSON, a capability a line, so that a change shows single ones."""
    parts = []
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            parts.append(f"{json.dumps(key)}: {{\n{rows}\n }}")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one record; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", help="the platform that it is of, or another name")
    parser.add_argument("tree", help="a source, as 'platform-abi kernel' takes one")
    parser.add_argument("--config", help="its configuration")
    parser.add_argument("--revision", help="of a git repository")
    parser.add_argument("--package", required=True, help="where it is from, to the version")
    options = parser.parse_args(arguments)
    try:
        found = record(options.tree, options.config, options.revision, options.package)
    except PlatformAbiError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{options.name}.json").write_text(text(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
