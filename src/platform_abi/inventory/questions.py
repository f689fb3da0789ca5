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
        about=ibis.coalesce(joined.about, ""),
        code=ibis.coalesce(joined.code, ""),
        message=ibis.coalesce(joined.message, ""),
    )


def counted(people: Table, name: str, count: str) -> Table:
    """Return how many of *people* have which digest, as columns *name* and *count*."""
    return people.group_by("digest").agg(**{count: people.count()}).rename({name: "digest"})


def matrix(asked: Asked) -> Table:
    """Return a row for every kind of virtual machine and kind of host, with how many of each.

    Columns: those of ``cells``, ``machine``, ``platform``, ``vms`` and ``hosts``.
    """
    return (
        _spoken(cells(asked))
        .join(asked.lock, "lock")
        .join(counted(asked.vm, "lock", "vms"), "lock")
        .join(counted(asked.host, "report", "hosts"), "report")
        .select("lock", "machine", "platform", "vms", "report", "hosts", *_VERDICT)
        .order_by(["lock", "report"])
    )


#: The columns of a verdict as people read it.
_VERDICT = ("status", "about", "code", "message")


def _spoken(table: Table) -> Table:
    """Return *table* with the word for how grave something is, in the place of its number."""
    words = table.level.cases(*enumerate(LEVELS), else_=LEVELS[BLOCKED])
    return table.mutate(status=words).drop("level")


def pairs(asked: Asked) -> Table:
    """Return a row for every virtual machine on every host, by name."""
    vms = asked.vm.rename({"vm": "name", "lock": "digest"})
    hosts = asked.host.rename({"host": "name", "report": "digest"})
    return (
        _spoken(cells(asked))
        .join(vms, "lock")
        .join(hosts, "report")
        .select("vm", "host", *_VERDICT)
        .order_by(["vm", "host"])
    )


def where(asked: Asked) -> Table:
    """Return a row for every host, by name, with how grave the one virtual machine is there."""
    hosts = asked.host.rename({"host": "name", "report": "digest"})
    return (
        _spoken(cells(asked))
        .join(hosts, "report")
        .select("host", "report", *_VERDICT)
        .order_by("host")
    )


def reach(asked: Asked) -> Table:
    """Return on how many hosts each kind of VM can be, as ``lock``, ``vms`` and ``hosts``."""
    every = cells(asked).join(counted(asked.host, "report", "count"), "report")
    fit = every.group_by("lock").agg(hosts=(every.level < BLOCKED).ifelse(every["count"], 0).sum())
    return (
        fit.join(counted(asked.vm, "lock", "vms"), "lock")
        .select("lock", "vms", "hosts")
        .order_by("lock")
    )


def lost(before: Asked, after: Asked) -> Table:
    """Return which kinds of virtual machine can be on fewer hosts after a change than before.

    Columns: ``lock``, ``machine``, ``platform``, ``vms``, ``before`` and ``after``, how many hosts.
    """
    first = reach(before).rename({"before": "hosts"})
    second = reach(after).rename({"after": "hosts"})[["lock", "after"]]
    both = first.join(second, "lock")
    return (
        both.filter(both.after < both.before)
        .join(before.lock, "lock")
        .select("lock", "machine", "platform", "vms", "before", "after")
        .order_by("lock")
    )


def barred(asked: Asked, old: str, new: str) -> Table:
    """Return which kinds of virtual machine a host of report *old* could have and of *new* cannot.

    Columns: ``lock``, ``machine``, ``platform``, ``vms`` and those of a verdict, on the new one.
    """
    every = cells(asked)
    had = every.filter(every.report == old, every.level < BLOCKED)[["lock"]]
    return (
        _spoken(every.filter(every.report == new, every.level == BLOCKED))
        .semi_join(had, "lock")
        .join(asked.lock, "lock")
        .join(counted(asked.vm, "lock", "vms"), "lock")
        .select("lock", "machine", "platform", "vms", *_VERDICT)
        .order_by("lock")
    )


def changed(host: Table, changes: Table) -> Table:
    """Return the hosts of *host* with *changes*, of the same columns, in the place of their own."""
    return host.anti_join(changes, "name").union(changes)
