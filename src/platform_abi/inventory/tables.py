"""What a question of a fleet is asked of: tables of terms, their answers, and who has which.

However many hosts and virtual machines there are, these tables grow with the kinds of them only:
what is worked out here is worked out once, and joined by the engine that has the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from platform_abi.compat.finding import Status
from platform_abi.fleet.terms import Answer, Term, answer, part_of, terms_of
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import HostReport
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    import pyarrow as pa

#: How grave a status is, as a number that engines compare.
LEVELS: tuple[Status, ...] = ("ok", "warn", "blocked")


@frozen(kw_only=True)
class FleetTables:
    """The tables of a question, each with its columns.

    *need*: ``lock``, ``term``. *answer*, where it is not ``ok``: ``term``, ``scope``, ``part``,
    ``level``, ``about``, ``code``, ``message``. *part*: ``scope``, ``report``, ``part``. *lock*:
    ``lock``, ``lock_digest``, ``machine``, ``platform``. *report*: ``report``, ``report_digest``.

    Lockfiles and reports are numbers here, in the order of their digests: what is joined a million
    times is small. A term is a number by the place where it was met first; its *scope* tells which
    part of a report it depends on, and *part* which of those that differ a report has.
    """

    need: pa.Table
    answer: pa.Table
    part: pa.Table
    lock: pa.Table
    report: pa.Table

    def named(self) -> dict[str, pa.Table]:
        """Return each table by its name."""
        return {name: getattr(self, name) for name in TABLES}


TABLES = ("need", "answer", "part", "lock", "report")


def fleet_tables(
    catalogue: Catalogue,
    abis: Mapping[str, GuestAbi],
    reports: Mapping[str, HostReport],
    *,
    allow_unknown: bool = False,
) -> FleetTables:
    """Return the tables for *abis* and *reports*, each by its digest.

    What is not known of a host blocks there as what is absent does, unless *allow_unknown*.
    """
    terms: dict[Term, int] = {}
    needs: list[tuple[int, int]] = []
    locks = sorted(abis.items())
    digests = sorted(reports)
    for lock, (_, abi) in enumerate(locks):
        numbers = dict.fromkeys(
            terms.setdefault(term, len(terms)) for term in terms_of(catalogue, abi)
        )
        needs += [(lock, number) for number in numbers]
    parts = _Parts([reports[digest] for digest in digests])
    answers = [
        (number, scope, part, LEVELS.index(found.status), term.about, found.code, found.message)
        for term, number in terms.items()
        for scope, part, found in parts.answers(catalogue, term, allow_unknown=allow_unknown)
        if found.status != "ok"
    ]
    return FleetTables(
        need=_table({"lock": int, "term": int}, needs),
        answer=_table(
            {
                "term": int, "scope": int, "part": int, "level": int,
                "about": str, "code": str, "message": str,
            },
            answers,
        ),
        part=_table({"scope": int, "report": int, "part": int}, parts.rows),
        lock=_table(
            {"lock": int, "lock_digest": str, "machine": str, "platform": str},
            [(n, digest, abi.vm.machine, abi.platform) for n, (digest, abi) in enumerate(locks)],
        ),
        report=_table({"report": int, "report_digest": str}, [*enumerate(digests)]),
    )  # fmt: skip


class _Parts:
    """What reports are as far as terms depend on it: those that are alike have one number."""

    def __init__(self, reports: Sequence[HostReport]) -> None:
        self._reports = reports
        self._scopes: dict[object, tuple[int, dict[HostReport, int]]] = {}
        self.rows: list[tuple[int, int, int]] = []

    def answers(
        self, catalogue: Catalogue, term: Term, *, allow_unknown: bool
    ) -> list[tuple[int, int, Answer]]:
        """Return the answer to *term* for every part that differs, with its scope and number."""
        scope, parts = self._scope(term)
        return [
            (scope, number, answer(catalogue, term, part, allow_unknown=allow_unknown))
            for part, number in parts.items()
        ]

    def _scope(self, term: Term) -> tuple[int, dict[HostReport, int]]:
        """Return the number of what *term* depends on of a host, and the parts that differ."""
        key = term.about if term.need is None else (term.need.capability, bool(term.need.because))
        if key not in self._scopes:
            scope = len(self._scopes)
            parts: dict[HostReport, int] = {}
            for place, report in enumerate(self._reports):
                number = parts.setdefault(part_of(term, report), len(parts))
                self.rows.append((scope, place, number))
            self._scopes[key] = scope, parts
        return self._scopes[key]


def _table(columns: Mapping[str, type], rows: list[tuple[Any, ...]]) -> pa.Table:
    import pyarrow as pa

    kinds = {int: pa.int64(), str: pa.string()}
    by_column = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return pa.table(
        {
            name: pa.array(values, kinds[kind])
            for (name, kind), values in zip(columns.items(), by_column, strict=True)
        }
    )
