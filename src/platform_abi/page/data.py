"""What the page of a fleet shows, by kinds: each verdict and each finding once, names apart.

A verdict depends on the kind of a host and on the lockfile of a virtual machine only. So the page
holds a row of numbers for every lockfile, with a number for every kind of host, and finds what is
said of two names by their kinds: it grows with the kinds, and by a line for each name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from platform_abi.compat.finding import CheckVerdict
from platform_abi.inventory.tables import LEVELS, FleetTables, fleet_tables
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import HostReport
from platform_abi.model.value import field, frozen

if TYPE_CHECKING:
    import pyarrow as pa

#: So many moves between two kinds of host are worked out for the page; of a fleet with more it has
#: none, and says what to ask. They take under a millisecond each.
MOVES = 10_000


@frozen(kw_only=True)
class Fleet:
    """Hosts and virtual machines by name, each with a digest, and what these are of."""

    hosts: Mapping[str, str]
    vms: Mapping[str, str]
    reports: Mapping[str, HostReport]
    abis: Mapping[str, GuestAbi]


@frozen(kw_only=True)
class HostKind:
    """Hosts with one report."""

    digest: str
    arch: str
    what: str


@frozen(kw_only=True)
class VmKind:
    """Virtual machines with one lockfile."""

    digest: str
    arch: str
    machine: str
    platform: str


@frozen(kw_only=True)
class Said:
    """Something that is said of a virtual machine on a host; *level* is a place in ``LEVELS``."""

    level: int
    code: str
    message: str
    help: str = ""


@frozen(kw_only=True)
class Verdict:
    """How grave a virtual machine is on a host, and what is said of that, gravest first.

    *said* are numbers of findings of the page.
    """

    level: int
    said: tuple[int, ...]


@frozen(kw_only=True)
class Page:
    """Everything that the page of a fleet shows.

    *hosts* and *vms* are names with the number of their kind. *cells* has a row for every lockfile,
    with the number of a verdict for every kind of host. *moves* has such a row too: for every kind
    of host to begin with and every one to go to the verdicts on that and on the way back, one after
    another; it is empty where they would be more than ``MOVES``.
    """

    host_kinds: tuple[HostKind, ...]
    vm_kinds: tuple[VmKind, ...]
    hosts: tuple[tuple[str, int], ...]
    vms: tuple[tuple[str, int], ...]
    findings: tuple[Said, ...]
    verdicts: tuple[Verdict, ...]
    cells: tuple[tuple[int, ...], ...]
    moves: tuple[tuple[int, ...], ...] = field(factory=tuple)


def page_of(
    catalogue: Catalogue, fleet: Fleet, *, allow_unknown: bool = False, most_moves: int = MOVES
) -> Page:
    """Return what the page of *fleet* shows.

    What is not known of a host blocks there as what is absent does, unless *allow_unknown*.
    """
    tables = fleet_tables(catalogue, fleet.abis, fleet.reports, allow_unknown=allow_unknown)
    numbers = _Numbers()
    cells = tuple(_rows(tables, numbers))
    reports, abis = sorted(fleet.reports.items()), sorted(fleet.abis.items())
    moves: tuple[tuple[int, ...], ...] = ()
    if len(abis) * len(reports) ** 2 <= most_moves:
        kinds = [report for _, report in reports]
        moves = tuple(
            tuple(_moves(catalogue, abi, kinds, numbers, allow_unknown=allow_unknown))
            for _, abi in abis
        )
    return Page(
        host_kinds=tuple(
            HostKind(digest=digest, arch=report.arch, what=host_words(report))
            for digest, report in reports
        ),
        vm_kinds=tuple(
            VmKind(digest=digest, arch=abi.vm.arch, machine=abi.vm.machine, platform=abi.platform)
            for digest, abi in abis
        ),
        hosts=_named(fleet.hosts, [digest for digest, _ in reports]),
        vms=_named(fleet.vms, [digest for digest, _ in abis]),
        findings=tuple(numbers.findings),
        verdicts=tuple(numbers.verdicts),
        cells=cells,
        moves=moves,
    )


def host_words(report: HostReport) -> str:
    """Return what a host is, as its report says it: distribution, kernel and architecture."""
    words = (report.distribution, report.distribution_version, report.release, report.arch)
    return " ".join(filter(None, words)) or "nothing is said of it"


def page_document(page: Page) -> dict[str, Any]:
    """Return *page* as the JSON that its script reads: rows in the place of objects."""
    return {
        "levels": [*LEVELS],
        "hostKinds": [[kind.digest, kind.arch, kind.what] for kind in page.host_kinds],
        "vmKinds": [[k.digest, k.arch, k.machine, k.platform] for k in page.vm_kinds],
        "hosts": [[*host] for host in page.hosts],
        "vms": [[*vm] for vm in page.vms],
        "findings": [[s.level, s.code, s.message, s.help] for s in page.findings],
        "verdicts": [[verdict.level, [*verdict.said]] for verdict in page.verdicts],
        "cells": [[*row] for row in page.cells],
        "moves": [[*row] for row in page.moves],
    }


class _Numbers:
    """Findings and verdicts, each with the number of its place."""

    def __init__(self) -> None:
        self.findings: dict[Said, int] = {}
        self.verdicts: dict[Verdict, int] = {}

    def finding(self, said: Said) -> int:
        return self.findings.setdefault(said, len(self.findings))

    def verdict(self, level: int, said: Iterable[int]) -> int:
        verdict = Verdict(level=level, said=tuple(said))
        return self.verdicts.setdefault(verdict, len(self.verdicts))


def _rows(tables: FleetTables, numbers: _Numbers) -> Iterable[tuple[int, ...]]:
    """Yield a row of verdicts for every lockfile, made of its terms on each kind of host."""
    by_part: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for row in tables.answer.to_pylist():
        level = row["level"]
        code, message = row["code"], row["message"]
        number = numbers.finding(Said(level=level, code=code, message=message))
        # The gravest sorts first, and then the term that comes first.
        by_part.setdefault((row["scope"], row["part"]), []).append((-level, row["term"], number))
    says: list[dict[int, tuple[int, int, int]]] = [{} for _ in range(tables.report.num_rows)]
    for scope, report, part in _columns(tables.part, "scope", "report", "part"):
        for each in by_part.get((scope, part), ()):
            says[report][each[1]] = each
    needs: list[set[int]] = [set() for _ in range(tables.lock.num_rows)]
    for lock, term in _columns(tables.need, "lock", "term"):
        needs[lock].add(term)
    for need in needs:
        cells = []
        for answers in says:
            told = sorted(answers[term] for term in answers.keys() & need)
            cells.append(
                numbers.verdict(-told[0][0] if told else 0, dict.fromkeys(t[2] for t in told))
            )
        yield tuple(cells)


def _columns(table: pa.Table, *names: str) -> Iterable[tuple[Any, ...]]:
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def _moves(
    catalogue: Catalogue,
    abi: GuestAbi,
    kinds: Sequence[HostReport],
    numbers: _Numbers,
    *,
    allow_unknown: bool,
) -> Iterable[int]:
    from platform_abi.compat.migration import check_migration

    for start in kinds:
        for end in kinds:
            found = check_migration(catalogue, abi, start, end, allow_unknown=allow_unknown)
            yield _numbered(found.forward, numbers)
            yield _numbered(found.back, numbers)


def _numbered(verdict: CheckVerdict, numbers: _Numbers) -> int:
    """Return the number of a *verdict* of the library's."""
    told = [
        Said(
            level=LEVELS.index(found.severity) if found.severity in LEVELS else 0,
            code=found.code,
            message=found.message,
            help=found.help,
        )
        for found in verdict.findings
    ]
    told.sort(key=lambda said: -said.level)
    return numbers.verdict(
        LEVELS.index(verdict.status), dict.fromkeys(numbers.finding(said) for said in told)
    )


def _named(names: Mapping[str, str], digests: Sequence[str]) -> tuple[tuple[str, int], ...]:
    numbers = {digest: number for number, digest in enumerate(digests)}
    return tuple((name, numbers[digest]) for name, digest in sorted(names.items()))
