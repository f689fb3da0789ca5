"""The questions of a fleet: what an engine answers is what the library says of each pair."""

from __future__ import annotations

from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.inventory import questions
from platform_abi.inventory.engine import Engine
from platform_abi.inventory.questions import Asked
from platform_abi.inventory.tables import fleet_tables
from tests.inventory.fleets import digest_of, locks, reports, shipped

HOSTS = st.dictionaries(
    st.sampled_from([f"host-{n}" for n in range(8)]),
    st.integers(0, len(reports()) - 1),
    min_size=1,
)
VMS = st.dictionaries(
    st.sampled_from([f"vm-{n}" for n in range(5)]), st.integers(0, len(locks()) - 1), min_size=1
)
MEMORY = ibis.duckdb.connect()

Kinds = dict[str, int]


class _Fleet:
    """A fleet in memory, and what the library says of each of its pairs."""

    def __init__(self, hosts: Kinds, vms: Kinds, *, allow: bool, more: Kinds | None = None) -> None:
        self.hosts = hosts
        self.vms = vms
        self.allow = allow
        self.engine = Engine(MEMORY, None, None)
        named = self.engine.named_digests
        host = named({name: digest_of(kind) for name, kind in hosts.items()})
        vm = named({name: locks()[kind][0] for name, kind in vms.items()})
        self.engine = Engine(MEMORY, host, vm)
        kinds = {*hosts.values(), *(more or {}).values()}
        abis = {locks()[kind][0]: locks()[kind][2] for kind in vms.values()}
        self.tables = fleet_tables(
            shipped(), abis, {digest_of(k): reports()[k] for k in kinds}, allow_unknown=allow
        )

    def asked(self, changes: Kinds | None = None) -> Asked:
        if changes is None:
            return self.engine.asked(self.tables)
        new = self.engine.named_digests({n: digest_of(kind) for n, kind in changes.items()})
        return self.engine.asked(self.tables, questions.changed(self.engine.host, new))

    def status(self, vm: str, kind: int) -> str:
        return _verdict(self.vms[vm], kind, self.allow).status

    def rows(self, question: Any) -> list[dict[str, Any]]:
        return self.engine.rows(question)


def _verdict(lock: int, kind: int, allow: bool) -> pa.CheckVerdict:
    return pa.check(shipped(), locks()[lock][2], reports()[kind], allow_unknown=allow)


@settings(max_examples=8)
@given(HOSTS, VMS, st.booleans())
def test_every_pair_is_what_a_check_says(hosts: Kinds, vms: Kinds, allow: bool) -> None:
    """By name, by kind and for one VM: the same verdict, and a reason that the check has too."""
    fleet = _Fleet(hosts, vms, allow=allow)
    expected = {(v, h): fleet.status(v, kind) for v in vms for h, kind in hosts.items()}
    pairs = fleet.rows(questions.pairs(fleet.asked()))
    assert expected == {(row["vm"], row["host"]): row["status"] for row in pairs}
    assert sorted(expected) == [(row["vm"], row["host"]) for row in pairs]
    for row in pairs:
        verdict = _verdict(vms[row["vm"]], hosts[row["host"]], allow)
        codes = {finding.code for finding in verdict.findings}
        assert (row["code"] in codes) if row["status"] != "ok" else row["code"] == ""
    cells = fleet.rows(questions.matrix(fleet.asked()))
    assert len(cells) == len({*vms.values()}) * len({*hosts.values()})
    assert len(expected) == sum(row["vms"] * row["hosts"] for row in cells)


@settings(max_examples=8)
@given(HOSTS, st.integers(0, len(locks()) - 1))
def test_where_has_every_host_once(hosts: Kinds, lock: int) -> None:
    """All hosts by name, each with the verdict on the one virtual machine."""
    fleet = _Fleet(hosts, {"vm": lock}, allow=False)
    rows = fleet.rows(questions.where(fleet.asked()))
    expected = [(name, fleet.status("vm", kind)) for name, kind in sorted(hosts.items())]
    assert expected == [(row["host"], row["status"]) for row in rows]


@settings(max_examples=8)
@given(HOSTS, VMS, st.data())
def test_what_a_change_costs_is_what_can_be_counted(
    hosts: Kinds, vms: Kinds, data: st.DataObject
) -> None:
    """Hosts that change and hosts that come: how many each VM can be on before and after."""
    changes = data.draw(HOSTS)
    fleet = _Fleet(hosts, vms, allow=False, more=changes)
    after = hosts | changes

    def reach(lock: int, of: Kinds) -> int:
        return sum(_verdict(lock, kind, allow=False).status != "blocked" for kind in of.values())

    expected = {
        locks()[lock][0]: (reach(lock, hosts), reach(lock, after))
        for lock in vms.values()
        if reach(lock, after) < reach(lock, hosts)
    }
    rows = fleet.rows(questions.lost(fleet.asked(), fleet.asked(changes)))
    assert expected == {row["lock"]: (row["before"], row["after"]) for row in rows}
    for name in hosts.keys() & changes.keys():
        old, new = hosts[name], changes[name]
        gone = fleet.rows(questions.barred(fleet.asked(), digest_of(old), digest_of(new)))
        assert {row["lock"] for row in gone} == {
            locks()[lock][0]
            for lock in vms.values()
            if _verdict(lock, old, allow=False).status != "blocked"
            and _verdict(lock, new, allow=False).status == "blocked"
        }


def test_a_fleet_without_hosts_has_no_answers() -> None:
    """No rows, and no error."""
    fleet = _Fleet({}, {"vm": 0}, allow=False)
    for question in (questions.matrix, questions.pairs, questions.where):
        assert [] == fleet.rows(question(fleet.asked()))


@pytest.mark.parametrize("kind", range(len(reports())))
def test_the_reason_is_the_gravest(kind: int) -> None:
    """What blocks is told before what only warns."""
    fleet = _Fleet({"host": kind}, {f"vm-{n}": n for n in range(len(locks()))}, allow=True)
    for row in fleet.rows(questions.pairs(fleet.asked())):
        verdict = _verdict(fleet.vms[row["vm"]], kind, allow=True)
        severities = {
            f.code: f.severity for f in reversed(verdict.findings) if f.code == row["code"]
        }
        if row["status"] == "blocked":
            assert "blocked" == severities[row["code"]]
