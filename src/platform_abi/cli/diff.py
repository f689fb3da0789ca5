"""The verb ``diff``."""

from __future__ import annotations

import argparse
import sys

from platform_abi.cli.render import table
from platform_abi.definitions.catalogue import load_catalogue


def run(arguments: argparse.Namespace) -> int:
    """Print what differs; the exit code says whether anything does."""
    kinds = {
        "platform": _platforms,
        "abi": _abis,
        "host": _hosts,
        "machine": _machines,
        "build": _builds,
    }
    return kinds[arguments.kind](arguments)


def _machines(arguments: argparse.Namespace) -> int:
    from platform_abi.cli.diff_machine import machines

    return machines(arguments)


def _builds(arguments: argparse.Namespace) -> int:
    from platform_abi.cli.diff_machine import builds

    return builds(arguments)


def _platforms(arguments: argparse.Namespace) -> int:
    from platform_abi.resolver.compare import diff_platforms

    found = diff_platforms(load_catalogue(), arguments.before, arguments.after)
    rows = [[d.feature, d.before, d.after, d.title] for d in found]
    return _print(arguments, ("feature", "before", "after", "title"), rows)


def _abis(arguments: argparse.Namespace) -> int:
    from platform_abi.emit.lockfile import read_lock, read_text
    from platform_abi.resolver.compare import diff_abis

    first, second = (
        read_lock(read_text(name), name) for name in (arguments.before, arguments.after)
    )
    found = diff_abis(first, second)
    rows = [[d.kind, d.what, d.before, d.after] for d in found]
    return _print(arguments, ("kind", "what", "before", "after"), rows)


def _hosts(arguments: argparse.Namespace) -> int:
    from platform_abi.cli.hosts import report_of
    from platform_abi.compat.agreement import diff_hosts

    catalogue = load_catalogue()
    first, second = (report_of(catalogue, n) for n in (arguments.before, arguments.after))
    rows = [[d.kind, d.what, d.before, d.after] for d in diff_hosts(first, second)]
    return _print(arguments, ("kind", "what", "before", "after"), rows)


def _print(
    arguments: argparse.Namespace, keys: tuple[str, ...], rows: list[list[str | None]]
) -> int:
    if arguments.json:
        from platform_abi.emit.document import SCHEMA_VERSION, to_json

        document = {
            "schema_version": SCHEMA_VERSION,
            "before": arguments.before,
            "after": arguments.after,
            "differences": [dict(zip(keys, row, strict=True)) for row in rows],
        }
        sys.stdout.write(to_json(document))
    elif rows:
        table([key.upper() for key in keys], [[cell or "-" for cell in row] for row in rows])
    return 1 if rows else 0
