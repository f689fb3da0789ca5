"""A fleet at a glance: what is counted adds up, whatever the fleet is."""

from __future__ import annotations

from hypothesis import given, settings

import platform_abi as pa
from platform_abi.page.data import page_of
from platform_abi.page.glance import Glance, glance_of
from tests.inventory.fleets import locks, reports, shipped
from tests.page.fleets import HOSTS, VMS, Kinds, fleet


def _glance(hosts: Kinds, vms: Kinds) -> Glance:
    shown = fleet(hosts, vms)
    return glance_of(shipped(), shown, page_of(shipped(), shown, most_moves=0))


@settings(max_examples=10)
@given(HOSTS, VMS)
def test_what_is_counted_is_what_there_is(hosts: Kinds, vms: Kinds) -> None:
    """Every pair counts once, by its verdict; who is stuck is blocked on every host."""
    found = _glance(hosts, vms)
    statuses = {
        vm: [pa.check(shipped(), locks()[lock][2], reports()[k]).status for k in hosts.values()]
        for vm, lock in vms.items()
    }
    every = [status for each in statuses.values() for status in each]
    assert {status: every.count(status) for status in found.pairs} == found.pairs
    assert sorted(vm for vm, each in statuses.items() if {*each} == {"blocked"}) == [*found.stuck]
    assert len(vms) == sum(count for _, count in found.platforms)
    assert len(hosts) == sum(common.count for _, common in found.common)
    assert all(0 < count <= found.pairs["blocked"] for _, count in found.reasons)
    assert bool(found.reasons) == bool(found.pairs["blocked"])


def test_hosts_of_several_architectures_have_a_part_each() -> None:
    """They have no platform in common, and are not asked for one."""
    arm = next(n for n, report in enumerate(reports()) if report.arch == "aarch64")
    found = _glance({"a": 0, "b": arm, "c": 0}, {"vm": 0})
    assert [("aarch64", 1), ("x86_64", 2)] == [(arch, each.count) for arch, each in found.common]


def test_an_empty_fleet_is_seen_too() -> None:
    """Nothing is counted, and nobody is stuck who has no place to be."""
    assert ({"ok": 0, "warn": 0, "blocked": 0}, ()) == (
        _glance({}, {}).pairs,
        _glance({}, {}).stuck,
    )
