"""The verb ``diff``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import DiffOptions
from platform_abi.cli.render import print_json, say, table
from platform_abi.errors import first_of
from platform_abi.model.value import frozen
from platform_abi.resolver.edition_diff import NOT_LISTED

if TYPE_CHECKING:
    from platform_abi.compat.agreement import HostDifference
    from platform_abi.resolver.compare import AbiDifference, PlatformDifference
    from platform_abi.resolver.edition_diff import EditionDifference

    Difference = PlatformDifference | AbiDifference | HostDifference | EditionDifference


def run(options: DiffOptions) -> int:
    """Print what differs; the exit code says whether anything does."""
    if options.kind in ("machine", "build"):
        from platform_abi.cli.diff_machine import builds, machines

        return (machines if options.kind == "machine" else builds)(options)
    kinds: dict[str, Callable[[str, str], Sequence[Difference]]]
    kinds = {"platform": _platforms, "abi": _abis, "host": _hosts, "edition": _editions}
    before, after = options.before, options.after
    found = Differences(
        before=before, after=after, differences=tuple(kinds[options.kind](before, after))
    )
    _print(found, as_json=options.json, in_prose=options.kind == "edition")
    return int(bool(found.differences))


@frozen(kw_only=True)
class Differences:
    """What differs between two things of one kind."""

    before: str
    after: str
    differences: tuple[Difference, ...]


def _platforms(before: str, after: str) -> Sequence[PlatformDifference]:
    from platform_abi.resolver.compare import diff_platforms

    return diff_platforms(load_catalogue(), before, after)


def _editions(before: str, after: str) -> Sequence[EditionDifference]:
    from platform_abi.resolver.edition_diff import diff_editions

    return diff_editions(load_catalogue(), before, after)


def _abis(before: str, after: str) -> Sequence[AbiDifference]:
    from platform_abi.cli.sources import abi_of_source
    from platform_abi.resolver.compare import diff_abis

    catalogue = load_catalogue()
    first, second = (abi_of_source(catalogue, name) for name in (before, after))
    return diff_abis(first, second)


def _hosts(before: str, after: str) -> Sequence[HostDifference]:
    from platform_abi.cli.hosts import reports_of
    from platform_abi.compat.agreement import diff_hosts

    catalogue = load_catalogue()
    return diff_hosts(*reports_of(catalogue, (before, after)))


def _print(found: Differences, *, as_json: bool, in_prose: bool) -> None:
    from platform_abi.emit.plain import document, plain

    if as_json:
        print_json(document(found, {}))
    elif in_prose:
        _print_editions(cast("Sequence[EditionDifference]", found.differences))
    elif found.differences:
        rows = plain(found.differences, {})
        table([key.upper() for key in rows[0]], [[v or "-" for v in row.values()] for row in rows])


#: What stands above the differences of one kind, in this order.
_HEADINGS = {
    "feature": "Features that came or went",
    "meaning": "What is said otherwise of a feature",
    "value": "What a platform gives otherwise",
    "vouched": "What a platform vouches for otherwise, with the same default",
    "platform": "Platforms that came or went",
    "kernel": "The first kernel of a capability",
}


def _print_editions(rows: Sequence[EditionDifference]) -> None:
    for change, heading in _HEADINGS.items():
        mine = [row for row in rows if _heading(row) == change]
        if mine:
            say(f"{heading}:")
        for row in mine:
            said = f"{row.before or 'not there'} -> {row.after or 'not there'}"
            if change == "vouched":
                now = NOT_LISTED not in (row.after or "")
                said = "a guest may ask for it" if now else "a guest may no longer ask for it"
            say(f"  {row.what}: {said}")
            for text in (row.why, first_of(row.platforms, _NAMES)):
                if text:
                    say(f"      {text}")


def _heading(row: EditionDifference) -> str:
    """Return which heading *row* stands below: a guest's value, or only what it may ask for."""
    values = [(said or "").removesuffix(NOT_LISTED) for said in (row.before, row.after)]
    return "vouched" if row.change == "value" and values[0] == values[1] else row.change


#: So many platforms are named of those that a difference is about.
_NAMES = 8
