"""The kinds ``machine`` and ``build`` of the verb ``diff``.

A process that compares two machine types is done sooner than QEMU has started. What it needs is
kept as plain data, and read without the classes that other verbs make of it.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import DiffOptions
from platform_abi.cli.render import note, print_json, say, table, write_data
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import UsageError, first_of, printable, unknown
from platform_abi.resolver.machine_diff import Row, diff_builds, diff_machines, shown
from platform_abi.resolver.machine_table import Grouped, reached

if TYPE_CHECKING:
    from typing import Any

    from platform_abi.model.catalogue import Catalogue

_KEYS = ("driver", "property", "before", "after", "change", "seen", "feature")
_COLUMNS = ("driver", "property", "before", "after", "feature")

#: The architecture of a machine type where none is named.
_ARCH = "x86_64"

#: So many names of drivers stand in one row of a table for people.
_NAMES = 3


def machines(options: DiffOptions) -> int:
    """Print what differs between two machine types of one build; 1 where something does."""
    catalogue, arch = load_catalogue(), options.arch or _ARCH
    build, before, after = _chosen(catalogue, options)

    def reach(_: Catalogue, *of: str) -> Grouped:
        return catalogue.kept(("reached", *of), lambda: reached(catalogue, *of))

    rows = diff_machines(catalogue, build, before, after, arch, reach=reach)
    tree = _tree(catalogue, build, arch)
    head = {"before": before, "after": after, "build": build, "arch": arch}
    return _print(options, head, rows, tree)


def builds(options: DiffOptions) -> int:
    """Print what differs in one machine type between two builds; 1 where something does."""
    from platform_abi.resolver.machine_choice import choose_machine

    name = options.machine
    if name is None:
        raise UsageError(
            "--machine is missing", code="usage", help="for example --machine pc-q35-9.1"
        )
    catalogue, names, arch = _meant(load_catalogue(), options)
    chosen = [choose_machine(catalogue, name, arch, build) for build in names]
    meant = [machine.name for _, machine in chosen]
    if meant[0] != meant[1]:
        raise UsageError(
            f"'{name}' is {meant[0]} in {names[0]} and {meant[1]} in {names[1]}",
            code="machine-alias",
            help="write the versioned name",
        )
    rows = catalogue.kept(
        ("differences", *names, meant[0], arch),
        lambda: diff_builds(catalogue, *names, meant[0], arch),
    )
    first, second = (_tree(catalogue, build, arch) for build in names)
    tree = {driver: line for driver, line in second.items() if driver in first}
    head: dict[str, Any] = {
        "before": names[0],
        "after": names[1],
        "machine": meant[0],
        "arch": arch,
    }
    if options.json:
        prints = [_fingerprint(catalogue, build, meant[0], arch) for build in names]
        head["fingerprints"] = dict(zip(("before", "after"), prints, strict=True))
    one_version = chosen[0][0].version == chosen[1][0].version
    return _print(options, head, rows, tree, one_version=one_version)


def _meant(
    catalogue: FileCatalogue, options: DiffOptions
) -> tuple[FileCatalogue, tuple[str, str], str]:
    """Return the builds to compare, a catalogue that has both, and their architecture.

    A word with a slash is a binary: it is the build that it is, and one that nobody knows is asked.
    """
    arch, names = options.arch, [options.before, options.after]
    for place, word in enumerate(names):
        if "/" in word:
            from platform_abi.author.learning import known_qemu

            catalogue, build = known_qemu(catalogue, word, partial(note, "unknown QEMU"))
            names[place], arch = build.name, arch or build.arch
    return catalogue, (names[0], names[1]), arch or _ARCH


def _fingerprint(catalogue: FileCatalogue, build: str, machine: str, arch: str) -> str:
    """Return the digest of all that a guest can see of the machine type of one build."""
    from platform_abi.resolver.fingerprint import machine_fingerprints

    return catalogue.kept(
        ("fingerprint", build, machine, arch),
        lambda: machine_fingerprints(catalogue, build, machine, arch).guest,
    )


def _chosen(catalogue: FileCatalogue, options: DiffOptions) -> tuple[str, str, str]:
    """Return the build to compare in, the newest that has both machine types, and their names."""
    arch = options.arch or _ARCH
    names = (options.before, options.after)
    known: Mapping[str, Sequence[str]] = catalogue.kept(
        ("machines-of", arch),
        lambda: {b: list(catalogue.build(b, arch).machines) for b in catalogue.builds(arch)},
    )
    if options.build is None:
        for build, machines_ in known.items():
            if all(name in machines_ for name in names):
                return (build, *names)
    elif all(name in known.get(options.build, ()) for name in names):
        return (options.build, *names)
    from platform_abi.resolver.machine_choice import choose_machine

    # An alias, or a name that is unknown, or two that no build has both of.
    found = [choose_machine(catalogue, name, arch, options.build) for name in names]
    if found[0][0] != found[1][0]:
        raise UsageError(
            f"no build has both {names[0]} and {names[1]}",
            code="no-common-build",
            help="'diff build' compares one machine type in two builds",
        )
    return (found[0][0].name, found[0][1].name, found[1][1].name)


def _tree(catalogue: FileCatalogue, build: str, arch: str) -> Mapping[str, Sequence[str]]:
    """Return, for each concrete driver, its parents, nearest first."""

    def read() -> dict[str, list[str]]:
        types = catalogue.types(build, arch)
        return {
            name: [*types.ancestry(name)][1:]
            for name in types.parents
            if name not in types.abstract
        }

    return catalogue.kept(("tree", build, arch), read)


def _print(
    options: DiffOptions,
    head: Mapping[str, Any],
    every: Sequence[Row],
    tree: Mapping[str, Sequence[str]],
    *,
    one_version: bool = False,
) -> int:
    drivers = _drivers(options.driver, every, tree)
    rows = shown(every, drivers=drivers, every=options.all, one_version=one_version)
    if options.json:
        from platform_abi.emit.plain import SCHEMA_VERSION

        differences = [dict(zip(_KEYS, row, strict=True)) for row in rows]
        print_json({"schema_version": SCHEMA_VERSION, **head, "differences": differences})
    elif options.csv:
        import csv

        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_KEYS)
        writer.writerows([cell and printable(cell) for cell in row] for row in rows)
        write_data(out.getvalue())
    else:
        _print_table(head, rows, tree)
        left_out = len(shown(every, drivers=drivers, every=True)) - len(rows)
        if left_out:
            note("note", f"{left_out} more that no guest can see, or one side only: --all", "dim")
    return 1 if rows else 0


def _drivers(
    wanted: Sequence[str], rows: Iterable[Row], tree: Mapping[str, Sequence[str]]
) -> set[str]:
    """Return the drivers that a user names; an abstract type stands for all below it."""
    named = {row[0] for row in rows} - tree.keys()
    types = {*tree, *named, *(step for line in tree.values() for step in line)}
    for name in wanted:
        if name not in types:
            raise unknown("driver", name, types, code="unknown-driver")
    return {
        driver
        for driver in (*tree, *named)
        if any(
            name == driver or (name not in tree and name in tree.get(driver, ())) for name in wanted
        )
    }


def _print_table(
    head: Mapping[str, Any], rows: Sequence[Row], tree: Mapping[str, Sequence[str]]
) -> None:
    place = head.get("build") or head["machine"]
    say(f"{head['before']} -> {head['after']}  ({place})")
    groups: dict[tuple[str | None, ...], list[str]] = {}
    for driver, *rest in rows:
        groups.setdefault((rest[0], rest[1], rest[2], rest[5]), []).append(driver)
    below: dict[str, set[str]] = {}
    for driver, line in tree.items():
        for step in line:
            if step not in tree:
                below.setdefault(step, set()).add(driver)
    lines = [
        [_listed(_covering(drivers, tree, below)), *(cell or "-" for cell in group)]
        for group, drivers in groups.items()
    ]
    if lines:
        table([key.upper() for key in _COLUMNS], lines)


def _covering(
    drivers: Sequence[str], tree: Mapping[str, Sequence[str]], below: Mapping[str, Collection[str]]
) -> list[str]:
    """Return *drivers*, those that are all below one abstract type by its name and their number."""
    left = set(drivers)
    found = []
    for driver in drivers:
        if driver not in left:
            continue
        wide = [
            t
            for t in tree.get(driver, ())
            if t in below and len(below[t]) > 1 and left.issuperset(below[t])
        ]
        if wide:
            found.append(f"{wide[-1]} ({len(below[wide[-1]])} drivers)")
            left -= set(below[wide[-1]])
        else:
            found.append(driver)
            left.discard(driver)
    return found


def _listed(names: Sequence[str]) -> str:
    return first_of(names, _NAMES)
