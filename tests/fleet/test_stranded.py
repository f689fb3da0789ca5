"""Which virtual machines a fleet leaves behind, and fleets that change."""

from __future__ import annotations

import platform_abi as pa
from platform_abi.fleet.stranded import joined, left, stranded
from platform_abi.model.host import FleetHost
from tests.compat.strategies import full_report, variants, without
from tests.compat.without_qemu import check
from tests.resolver.shipped import PINNED_CPU, machine_with_nics


def _vm(catalogue: pa.FileCatalogue, platform: str) -> pa.GuestAbi:
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", cpu=PINNED_CPU)
    return pa.resolve(catalogue, vm, platform)


def test_a_host_that_changes_strands_who_ran_on_it(catalogue: pa.FileCatalogue) -> None:
    """Named are the virtual machine, the host, and what blocks; who can stay is not."""
    full = full_report(catalogue)
    abis = {"new.lock": _vm(catalogue, "linux-6.9"), "old.lock": _vm(catalogue, "linux-6.1")}
    assert {"ok"} == {check(catalogue, abi, full).status for abi in abis.values()}
    before = [FleetHost(report=full, count=3, names=("a", "b", "c"))]
    worse = without(full, "tun.uso")
    after = [
        FleetHost(report=full, count=2, names=("a", "c")),
        FleetHost(report=worse, names=("b",)),
    ]

    (lost,) = stranded(catalogue, abis, before, after)
    assert ("new.lock", "changed", 1, ("b",)) == (lost.vm, lost.how, lost.count, lost.names)
    assert {"tun.uso"} == {finding.capability for finding in lost.findings}
    assert {"blocked"} == {finding.severity for finding in lost.findings}
    # The other way round nobody is stranded, nor where nothing changes, nor where it was no better.
    assert () == stranded(catalogue, abis, after, before)
    assert () == stranded(catalogue, abis, after, after)
    worst = [FleetHost(report=without(worse, "tun.tso4"), names=("b",))]
    assert ["old.lock"] == [s.vm for s in stranded(catalogue, abis, after, worst)]


def test_a_host_that_joins_strands_who_cannot_move_to_it(catalogue: pa.FileCatalogue) -> None:
    """A new host of a new kind, or one more of a kind that was always closed to the machine."""
    full = full_report(catalogue)
    poor = without(full, "tun.uso")
    abis = {"vm": _vm(catalogue, "linux-6.9")}
    rich = FleetHost(report=full, count=2, names=("a", "b"))

    def joins(before: list[FleetHost], after: list[FleetHost]) -> list[tuple[str, int, object]]:
        return [(s.how, s.count, s.names) for s in stranded(catalogue, abis, before, after)]

    new = FleetHost(report=poor, count=1, names=("c",))
    two = FleetHost(report=poor, count=2, names=("c", "d"))
    assert [("joined", 1, ("c",))] == joins([rich], [rich, new])
    assert [("joined", 1, ("d",))] == joins([rich, new], [rich, two])
    assert [] == joins([new], [new, rich])


def test_unknown_strands_unless_allowed(catalogue: pa.FileCatalogue) -> None:
    """What is not known of a host blocks there as what is absent does."""
    full = full_report(catalogue)
    vague = without(full, "tun.uso", state="unknown")
    abis = {"vm": _vm(catalogue, "linux-6.9")}
    before = [FleetHost(report=full, names=("a",))]
    after = [FleetHost(report=vague, names=("a",))]

    (lost,) = stranded(catalogue, abis, before, after)
    assert {"capability-unknown"} == {finding.code for finding in lost.findings}
    assert () == stranded(catalogue, abis, before, after, allow_unknown=True)


def test_a_fleet_of_which_nothing_earlier_is_known_is_asked_as_a_whole(
    catalogue: pa.FileCatalogue,
) -> None:
    """Without a *before*, named is every host that a virtual machine cannot be on."""
    full = full_report(catalogue)
    fleet = [
        FleetHost(report=full, count=2, names=("a", "b")),
        FleetHost(report=without(full, "tun.uso"), count=30, names=("c",)),
    ]
    (lost,) = stranded(catalogue, {"vm": _vm(catalogue, "linux-6.9")}, (), fleet)

    assert ("member", 30, ("c",)) == (lost.how, lost.count, lost.names)


def test_hosts_that_join_and_leave_give_the_fleet_back(catalogue: pa.FileCatalogue) -> None:
    """Hosts with the same report are counted together; one that leaves takes its name along."""
    one, two = variants(full_report(catalogue), 2)
    fleet = [FleetHost(report=one, count=2, names=("a", "b")), FleetHost(report=two, names=("c",))]
    more = joined(fleet, [FleetHost(report=one, names=("d",))])

    assert [(3, ("a", "b", "d")), (1, ("c",))] == [(h.count, h.names) for h in more]
    assert fleet == left(more, "d", one)
    assert fleet[:1] == left(fleet, "c", two)
    assert None is left(fleet[:1], "c", two)
    # Not every name is kept of many hosts: one of them leaves all the same.
    assert [(2, ("a", "b", "d")), (1, ("c",))] == [
        (h.count, h.names) for h in left(more, "not kept", one) or ()
    ]
