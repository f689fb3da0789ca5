"""The verb ``platforms`` with ``--host``: what a host supports, and why not the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from platform_abi.cli.hosts import choose, report_of
from platform_abi.cli.options import PlatformsOptions
from platform_abi.cli.render import Painted, print_json, say, table
from platform_abi.cli.scope import scope_of
from platform_abi.compat.preference import preference, recognitions
from platform_abi.compat.supported import (
    Missing,
    PlatformVerdict,
    judge,
    query_platforms,
    scope_for,
)
from platform_abi.errors import UsageError, first_of
from platform_abi.resolver.choice import parse_platform

if TYPE_CHECKING:
    from platform_abi.compat.needs import Scope
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport


def run_supported(catalogue: FileCatalogue, options: PlatformsOptions, host: str) -> int:
    """Print a verdict for every platform, or for the one that was named; 1 if that is not 'yes'."""
    if options.json and options.format != "table":
        raise UsageError("--json and --format contradict each other", code="usage")
    report = report_of(catalogue, host)
    scope = scope_of(options, scope_for(catalogue, report))
    reference = None if options.name is None else parse_platform(options.name)
    if reference is not None and reference.overrides:
        raise UsageError("a host is asked about platforms, not about overrides", code="usage")
    edition = None if reference is None else reference.edition
    every = query_platforms(catalogue, report, scope=scope, edition=edition)
    chosen = choose(every, report, options.policy)
    shown = every
    if reference is not None:
        name = catalogue.platform(reference.name).name
        shown = tuple(verdict for verdict in every if verdict.name == name)
        if not shown:  # left out, unless it is none of the edition
            shown = (judge(catalogue, reference, report, scope),)
    if options.format == "labels":
        _print_labels(catalogue, options, shown, report, scope)
    else:
        lineages = preference(report, recognitions(catalogue)) if report.system else ()
        _print(options, shown, lineages, chosen)
    return int(reference is not None and shown[0].supported != "yes")


def _print(
    options: PlatformsOptions,
    shown: Sequence[PlatformVerdict],
    lineages: Sequence[str],
    chosen: PlatformVerdict | None,
) -> None:
    if options.json:
        from platform_abi.compat.document import SupportedPlatforms, platforms_document

        found = SupportedPlatforms(newest=chosen, platforms=tuple(shown))
        print_json(platforms_document(found))
    elif options.format == "traits":
        from platform_abi.compat.labels import traits

        _print_lines(traits(shown))
    elif options.names:
        _print_lines(v.name for v in shown if v.supported == "yes")
    elif options.name is not None:
        _print_one(shown[0])
    else:
        own = shown if options.all or not lineages else _of_lineages(shown, lineages)
        _print_all(own, chosen)
        if len(own) < len(shown):
            say("those of other distributions and operating systems: --all")


def _print_labels(
    catalogue: FileCatalogue,
    options: PlatformsOptions,
    shown: Sequence[PlatformVerdict],
    report: HostReport,
    scope: Scope,
) -> None:
    """Print the labels of platforms at every edition, or at the one that was named."""
    from platform_abi.compat.labels import labels

    everywhere = tuple(verdict for verdict in shown if verdict.everywhere)
    named = None if options.name is not None else choose(everywhere, report, options.policy)
    names = {verdict.name for verdict in shown}
    told = {verdict.platform: verdict for verdict in shown}
    if options.name is None or parse_platform(options.name).edition is None:
        for edition in catalogue.editions():
            every = query_platforms(catalogue, report, scope=scope, edition=edition)
            told |= {v.platform: v for v in every if v.name in names}
    _print_lines(f"{key}={value}" for key, value in labels(tuple(told.values()), named))


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _of_lineages(
    verdicts: Sequence[PlatformVerdict], lineages: Sequence[str]
) -> tuple[PlatformVerdict, ...]:
    """Return those of *lineages*, and those of no operating system in particular."""
    return tuple(v for v in verdicts if v.lineage in lineages or not v.system)


def _print_all(shown: Sequence[PlatformVerdict], chosen: PlatformVerdict | None) -> None:
    rows = [[v.name, _answer(v), _why_not(v)] for v in shown]
    table(["NAME", "SUPPORTED", "WHY NOT"], rows)
    name = "none" if chosen is None else chosen.platform
    say()
    say("newest: ", Painted(name, "bold"))
    say("'platform-abi platforms NAME --host ...' says everything about one of them")


def _answer(verdict: PlatformVerdict) -> str:
    """Return the answer, and behind which backends where it is not the same behind all."""
    if verdict.supported != "yes" or verdict.everywhere:
        return verdict.supported
    names = [name for name, answer in verdict.behind.items() if answer == "yes"]
    return f"yes, behind {first_of(names, _SHOWN)}"


def _why_not(verdict: PlatformVerdict) -> str:
    """Return the capabilities that are missing, the proven ones first, as far as a line goes."""
    ordered = sorted(verdict.missing, key=lambda entry: entry.fact.proven != "absent")
    names = list(dict.fromkeys(entry.capability for entry in ordered))
    return first_of(names, _SHOWN)


_SHOWN = 4


def _print_one(verdict: PlatformVerdict) -> None:
    color = {"yes": "green", "no": "red", "unknown": "yellow"}[verdict.supported]
    say(f"{verdict.platform}  supported: ", Painted(_answer(verdict), color))
    for note in verdict.notes:
        say(note)
    _print_entries("missing for what it turns on", verdict.missing)
    _print_entries("missing only for virtual machines that ask for it", verdict.limits)


def _print_entries(title: str, entries: Sequence[Missing]) -> None:
    """Print each capability with its evidence, and below it everything that rests on it."""
    import textwrap

    if not entries:
        return
    say()
    say(f"{title}:")
    for name in dict.fromkeys(entry.capability for entry in entries):
        on_it = [entry for entry in entries if entry.capability == name]
        fact = on_it[0].fact
        evidence = f"  ({fact.detail})" if fact.detail else ""
        say("  ", Painted(name, "bold"), f"  {fact.state}{evidence}")
        behind = ", ".join(dict.fromkeys(e.backend for e in on_it))
        features = ", ".join(dict.fromkeys(f"{e.feature}={e.value}" for e in on_it))
        text = f"behind {behind}: {features}"
        for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False):
            say(f"      {line}")


#: Of every terminal, so that output does not depend on one.
_WIDTH = 92
