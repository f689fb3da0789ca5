"""Many hosts as one: what every one of them offers.

A meet of what is known, taken entry by entry: it is associative, commutative and idempotent, so a
fleet may be merged in any order, in parts, and a merged report merged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import TypeVar

from platform_abi.errors import UsageError
from platform_abi.model.host import NOT_ASKED, Fact, HostReport, State
from platform_abi.model.reported import ReportedQemu

T = TypeVar("T")

#: Weakest first: a prediction is weaker than a finding, and what is not known is between both.
_WEAKEST: tuple[tuple[State, bool], ...] = (
    ("absent", False),
    ("absent", True),
    ("unknown", False),
    ("present", True),
    ("present", False),
)


def merge_reports(reports: Iterable[HostReport]) -> HostReport:
    """Return the report of a host that offers what every one of *reports* does, and no more.

    A fact is the weakest of all: absent before unknown before present, and on either side what was
    only predicted is nearer to unknown. A capability that one report does not mention is unknown
    there. Numbers are the least, masks and sets what is in all; words, such as release,
    distribution or a processor's vendor, and QEMUs are kept where all agree. The distribution is
    therefore known only of hosts of one distribution.

    Raises UsageError (``no-reports``) for none at all.
    """
    found = list(reports)
    if not found:
        raise UsageError(
            "no host reports to merge", code="no-reports", help="name at least one host's report"
        )
    return HostReport(
        name=_agreed([r.name for r in found], ""),
        system=_agreed([r.system for r in found], ""),
        release=_agreed([r.release for r in found], ""),
        arch=_agreed([r.arch for r in found], ""),
        distribution=_agreed([r.distribution for r in found], ""),
        distribution_version=_agreed([r.distribution_version for r in found], ""),
        distribution_like=_agreed([r.distribution_like for r in found], ()),
        facts=_facts([r.facts for r in found]),
        numbers=_shared([r.numbers for r in found], min),
        masks=_shared([r.masks for r in found], lambda masks: reduce(and_, masks)),
        sets=_shared([r.sets for r in found], _in_all),
        values=_identical([r.values for r in found]),
        config=_identical([r.config for r in found]),
        qemus=_qemus([r.qemus for r in found]),
    )


def _facts(tables: Sequence[Mapping[str, Fact]]) -> dict[str, Fact]:
    names = sorted({name for table in tables for name in table})
    return {
        name: min((table.get(name, NOT_ASKED) for table in tables), key=_weakness) for name in names
    }


def _weakness(fact: Fact) -> tuple[int, str, str]:
    """Return what orders facts, weakest first; of equally weak ones, always the same is first."""
    predicted = fact.source == "inferred" and fact.state != "unknown"
    return (_WEAKEST.index((fact.state, predicted)), fact.source, fact.detail)


def _agreed(values: Sequence[T], otherwise: T) -> T:
    return values[0] if all(value == values[0] for value in values) else otherwise


def _shared(tables: Sequence[Mapping[str, T]], meet: Callable[[Sequence[T]], T]) -> dict[str, T]:
    """Return what *meet* makes of each entry that all *tables* have; the others are left out."""
    common = set(tables[0]).intersection(*tables[1:])
    return {name: meet([table[name] for table in tables]) for name in sorted(common)}


def _in_all(sets: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(set(sets[0]).intersection(*sets[1:])))


def _qemus(tables: Sequence[tuple[ReportedQemu, ...]]) -> tuple[ReportedQemu, ...]:
    """Return the QEMUs that all have, in an order of their own."""
    shared = [q for q in dict.fromkeys(tables[0]) if all(q in table for table in tables)]
    return tuple(sorted(shared, key=lambda qemu: qemu.order))


def _identical(tables: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the entries that all *tables* have with one and the same value."""
    first = tables[0]
    return {
        name: first[name]
        for name in sorted(first)
        if all(table.get(name) == first[name] for table in tables)
    }
