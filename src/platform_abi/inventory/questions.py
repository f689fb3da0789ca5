"""The questions of a fleet, each said once, for whatever engine has the tables.

Every function takes tables of Ibis and returns one: nothing is computed here. *host* and *vm* have
the columns ``name`` and ``digest``, the others are of ``inventory/tables.py``. How grave something
is, is its place in ``LEVELS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.inventory.tables import LEVELS
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from ibis.expr.types import Table

#: A reason is one number, first how grave it is and then how early its term comes: the largest is
#: the one to tell. There are fewer terms than this.
_TERMS = 1 << 40

#: What is said where nothing has to be.
_NOTHING = ""

BLOCKED = LEVELS.index("blocked")


@frozen(kw_only=True)
class Asked:
    """The tables that a question is asked of, as an engine has them."""

    need: Table
    answer: Table
    part: Table
    lock: Table
    report: Table
    host: Table
    vm: Table


def cells(asked: Asked) -> Table:
    """Return how grave every kind of virtual machine is on every kind of host, and why.

    Columns: ``lock``, ``report``, ``level``, ``about``, ``code``, ``message``.
    """
    import ibis

    weighed = asked.answer.mutate(
        weight=asked.answer.level * _TERMS + (_TERMS - 1 - asked.answer.term)
    )
    hits = weighed.join(asked.part, ["scope", "part"])[["term", "report", "weight"]]
    gravest = (
        asked.need.join(hits, "term")
        .group_by(["lock", "report"])
        .agg(weight=lambda table: table.weight.max())
    )
    why = gravest.mutate(
        level=(gravest.weight / _TERMS).floor().cast("int64"),
        term=_TERMS - 1 - gravest.weight % _TERMS,
    )
    told = asked.answer.join(asked.part, ["scope", "part"])[
        ["term", "report", "about", "code", "message"]
    ].join(why, ["term", "report"])[["lock", "report", "level", "about", "code", "message"]]
    every = asked.lock[["lock"]].cross_join(asked.report[["report"]])
    joined = every.left_join(told, ["lock", "report"])
    return joined.select(
        lock=joined.lock,
        report=joined.report,
        level=ibis.coalesce(joined.level, 0),
        about=ibis.coalesce(joined.about, _NOTHING),
        code=ibis.coalesce(joined.code, _NOTHING),
        message=ibis.coalesce(joined.message, _NOTHING),
    )


def _locks(asked: Asked) -> Table:
    """Return the kinds of virtual machine that there are, with how many of each: ``vms``."""
    vms = asked.vm.group_by("digest").agg(vms=asked.vm.count())
    return asked.lock.join(vms, asked.lock.lock_digest == vms.digest).drop("digest")


def _reports(asked: Asked) -> Table:
    """Return the kinds of host that there are, with how many of each: ``hosts``."""
    hosts = asked.host.group_by("digest").agg(hosts=asked.host.count())
    return asked.report.join(hosts, asked.report.report_digest == hosts.digest).drop("digest")


#: The columns of a verdict as people read it.
_VERDICT = ("status", "about", "code", "message")


def _spoken(table: Table) -> Table:
    """Return *table* with the word for how grave something is, in the place of its number."""
    words = table.level.cases(*enumerate(LEVELS), else_=LEVELS[BLOCKED])
    return table.mutate(status=words).drop("level")


def _digests(table: Table, *columns: str) -> Table:
    """Return *columns* of *table*, and its order; numbers give place to the digests they are of."""
    numbers = [name for name in ("lock", "report") if f"{name}_digest" in table.columns]
    return table.order_by(numbers).select(
        *(table[f"{name}_digest"].name(name) if name in numbers else name for name in columns)
    )


def matrix(asked: Asked) -> Table:
    """Return a row for every kind of virtual machine and kind of host, with how many of each.

    Columns: ``lock`` and ``report``, their digests, ``machine``, ``platform``, ``vms``, ``hosts``,
    ``status``, ``about``, ``code``, ``message``.
    """
    found = _spoken(cells(asked)).join(_locks(asked), "lock").join(_reports(asked), "report")
    return _digests(found, "lock", "machine", "platform", "vms", "report", "hosts", *_VERDICT)


def _hosts(asked: Asked) -> Table:
    """Return every host by name, with the number of its report."""
    hosts = asked.host.rename({"host": "name"})
    joined = asked.report.join(hosts, asked.report.report_digest == hosts.digest)
    return joined.select("host", "report")


def pairs(asked: Asked) -> Table:
    """Return a row for every virtual machine on every host, by name."""
    vms = asked.vm.rename({"vm": "name"})
    numbered = asked.lock.join(vms, asked.lock.lock_digest == vms.digest).select("vm", "lock")
    return (
        _spoken(cells(asked))
        .join(numbered, "lock")
        .join(_hosts(asked), "report")
        .select("vm", "host", *_VERDICT)
        .order_by(["vm", "host"])
    )


def where(asked: Asked) -> Table:
    """Return a row for every host, by name, with how grave the one virtual machine is there."""
    return (
        _spoken(cells(asked))
        .join(_hosts(asked), "report")
        .select("host", *_VERDICT)
        .order_by("host")
    )


def _reach(asked: Asked, name: str) -> Table:
    """Return on how many hosts each kind of virtual machine can be: ``lock``, and *name*."""
    every = cells(asked).join(_reports(asked), "report")
    fit = (every.level < BLOCKED).ifelse(every.hosts, 0).sum()
    return every.group_by("lock").agg(**{name: fit})


def lost(before: Asked, after: Asked) -> Table:
    """Return which kinds of virtual machine can be on fewer hosts after a change than before.

    Columns: ``lock``, ``machine``, ``platform``, ``vms``, ``before`` and ``after``, how many hosts.
    Both have the same lockfiles and reports.
    """
    both = _reach(before, "before").join(_reach(after, "after"), "lock")
    fewer = both.filter(both.after < both.before).join(_locks(before), "lock")
    return _digests(fewer, "lock", "machine", "platform", "vms", "before", "after")


def barred(asked: Asked, old: str, new: str) -> Table:
    """Return which kinds of virtual machine a host of report *old* could have and of *new* cannot.

    Columns: ``lock``, ``machine``, ``platform``, ``vms`` and those of a verdict, on the new one.
    """
    every = cells(asked).join(asked.report, "report")
    had = every.filter(every.report_digest == old, every.level < BLOCKED)[["lock"]]
    lacks = _spoken(every.filter(every.report_digest == new, every.level == BLOCKED))
    found = lacks.drop("report", "report_digest").semi_join(had, "lock").join(_locks(asked), "lock")
    return _digests(found, "lock", "machine", "platform", "vms", *_VERDICT)


def changed(host: Table, changes: Table) -> Table:
    """Return the hosts of *host* with *changes*, of the same columns, in the place of their own."""
    return host.anti_join(changes, "name").union(changes)
