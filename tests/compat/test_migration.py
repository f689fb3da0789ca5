"""A guest moves where both hosts have what it needs, and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.finding import MigrationVerdict
from platform_abi.host.document import read_report
from platform_abi.testing import Scenario, host_reports, scenarios
from tests.compat.scenes import (
    CPU,
    FULL,
    NIC,
    abi_of,
    host_without,
    resolved,
)
from tests.compat.without_qemu import check, check_migration
from tests.resolver.shipped import machine_with_nics

# --- laws of a migration -------------------------------------------------------------------------


def _moves(verdict: MigrationVerdict) -> bool:
    return verdict.status != "blocked"


def _closed(abi: pa.GuestAbi) -> pa.GuestAbi:
    """Return *abi* without what nobody pinned."""
    return evolve(abi, unpinned=())


@given(scenarios(), host_reports())
def test_migration_is_reflexive(scenario: Scenario, report: pa.HostReport) -> None:
    """With nothing left open, a guest may move to a host that says the same if it may start."""
    abi = _closed(resolved(scenario))
    starts = check(scenario.catalogue, abi, report).status != "blocked"
    assert starts == _moves(check_migration(scenario.catalogue, abi, report, report))


@given(scenarios(), host_reports(), host_reports(), host_reports())
def test_migration_is_transitive(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport, c: pa.HostReport
) -> None:
    """Moving from a to b and from b to c means moving from a to c: a preorder for a fixed ABI."""
    abi = _closed(resolved(scenario))
    full = {p.capability: FULL for p in abi.preconditions}
    one, two, three = (
        evolve(r, arch=scenario.vm.arch, facts={**r.facts, **full}) for r in (a, b, c)
    )
    catalogue = scenario.catalogue
    assume(_moves(check_migration(catalogue, abi, one, two)))
    assume(_moves(check_migration(catalogue, abi, two, three)))
    assert _moves(check_migration(catalogue, abi, one, three))


@given(
    scenarios(),
    host_reports(),
    host_reports(),
    st.sampled_from(["tun.a", "tun.b", "vhost.a", "kvm.a"]),
)
def test_a_host_that_gains_a_capability_is_never_a_worse_destination(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport, gained: str
) -> None:
    """With nothing left open, more capabilities turn no migration from ok or warn to blocked."""
    abi = _closed(resolved(scenario))
    better = evolve(b, facts={**b.facts, gained: FULL})
    if _moves(check_migration(scenario.catalogue, abi, a, b)):
        assert _moves(check_migration(scenario.catalogue, abi, a, better))


@given(scenarios(), host_reports(), host_reports())
def test_there_and_back_is_one_question(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport
) -> None:
    """Swapping the hosts swaps the directions and nothing else."""
    abi = resolved(scenario)
    there = check_migration(scenario.catalogue, abi, a, b)
    back = check_migration(scenario.catalogue, abi, b, a)
    assert (there.forward, there.back) == (back.back, back.forward)
    assert there.status == back.status


@given(scenarios(), host_reports(), host_reports())
def test_a_migration_needs_a_start_on_both_sides(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport
) -> None:
    """Whoever may move could also have been started on either host."""
    abi = resolved(scenario)
    if _moves(check_migration(scenario.catalogue, abi, a, b)):
        for report in (a, b):
            assert check(scenario.catalogue, abi, report).status != "blocked"


# --- examples ------------------------------------------------------------------------------------


def test_old_to_new_says_what_the_destination_would_offer_more(
    catalogue: pa.FileCatalogue,
) -> None:
    """Both directions work with the lock's values, and what a fresh start would change is named."""
    abi = abi_of(catalogue, "linux-6.1")
    old, new = host_without(catalogue, "tun.uso"), host_without(catalogue)
    verdict = check_migration(catalogue, abi, old, new)
    assert "ok" == verdict.status
    more = [f for f in verdict.forward.findings if f.code == "offers-more"]
    assert {"virtio-net-device.host_uso", "virtio-net-device.guest_uso4"} <= {
        f.property for f in more
    }
    assert {f.property for f in more} == {
        f.property for f in verdict.back.findings if f.code == "offers-less"
    }


def test_what_the_machine_type_does_not_have_is_not_offered_more(
    catalogue: pa.FileCatalogue,
) -> None:
    """pc-q35-8.1 has no USO on any host: its QEMU would offer nothing more there."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-8.1", cpu=CPU, **NIC)
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    verdict = check_migration(
        catalogue, abi, host_without(catalogue, "tun.uso"), host_without(catalogue)
    )
    assert () == verdict.forward.findings


def test_a_destination_without_the_feature_is_refused_before_any_memory_is_copied(
    catalogue: pa.FileCatalogue,
) -> None:
    """The case that platforms are for: blocked there, by name, and fine on the way back."""
    verdict = check_migration(
        catalogue, abi_of(catalogue), host_without(catalogue), host_without(catalogue, "tun.uso")
    )
    assert ("blocked", "blocked", "ok") == (
        *(verdict.status, verdict.forward.status, verdict.back.status),
    )


CPU_SAID: dict[str, Any] = {
    "masks": {"kvm.cpuid.00000007.00.ebx": 0xFF},
    "values": {"cpu.vendor": "GenuineIntel", "cpu.model": "6.85.4", "kvm.msr.0000010a": "0x1"},
    "numbers": {"kvm.phys-bits": 46},
    "sets": {"kvm.msr-features": ("0x10a",)},
}


def test_a_cpu_left_to_the_host_moves_as_far_as_hosts_provably_agree(
    catalogue: pa.FileCatalogue,
) -> None:
    """``-cpu host``: info between equal CPUs, a warning where nobody knows, refused where not."""
    abi = abi_of(catalogue, cpu="host")
    here = evolve(host_without(catalogue), **CPU_SAID)
    fewer = evolve(here, masks={"kvm.cpuid.00000007.00.ebx": 0x1})
    silent = evolve(here, masks={}, values={})
    for report, expected in ((here, "ok"), (silent, "warn"), (fewer, "blocked")):
        assert expected == check_migration(catalogue, abi, here, report).status
    found = check_migration(catalogue, abi, here, fewer).forward.findings
    assert any("kvm.cpuid.00000007.00.ebx (0xff and 0x1)" in f.message for f in found)


def test_what_breaks_blocks_unless_the_hosts_provably_agree(catalogue: pa.FileCatalogue) -> None:
    """An explicit auto goes where what it rests on is known and equal, and nowhere else."""
    nic = {**NIC, "devices": ["vhost-vsock-pci,seqpacket=auto,guest-cid=3,id=v0"], "netdevs": []}
    abi = abi_of(catalogue, **nic)
    full, without = host_without(catalogue), host_without(catalogue, "vhost-vsock.seqpacket")
    unknown = evolve(
        full, facts={k: f for k, f in full.facts.items() if k != "vhost-vsock.seqpacket"}
    )
    unrelated = host_without(catalogue, "macvtap.uso")
    for one, other, expected in (
        (full, full, "ok"),
        (full, unrelated, "ok"),
        (without, without, "ok"),
        (full, without, "blocked"),
        (unknown, unknown, "blocked"),
    ):
        assert expected == check_migration(catalogue, abi, one, other).status


def test_hosts_of_one_cpu_vendor_agree_on_it(catalogue: pa.FileCatalogue) -> None:
    """What the reports show to be shared is no reason to warn; what they show to differ refuses."""
    abi = abi_of(catalogue, cpu="Skylake-Server-v4")
    intel = evolve(host_without(catalogue), values={"cpu.vendor": "GenuineIntel"})
    amd = evolve(intel, values={"cpu.vendor": "AuthenticAMD"})
    newer = evolve(intel, release="6.9.4")
    assert "ok" == check_migration(catalogue, abi, intel, newer).status
    assert "blocked" == check_migration(catalogue, abi, intel, amd).status
    assert "warn" == check_migration(catalogue, abi, intel, evolve(newer, values={})).status


# --- a host whose taps have no vnet header -------------------------------------------------------


def _captured(name: str) -> pa.HostReport:
    path = Path(__file__).parent.parent / "captures" / f"{name}.json"
    return read_report(path.read_bytes(), name)


@pytest.mark.parametrize("platform", ["windows-2022", "windows-2025", "conservative"])
@pytest.mark.parametrize("netdev", ["tap,ifname=t", "user"])
def test_a_virtual_machine_moves_from_linux_to_windows_and_back(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """The platform asks nothing of a tap, on either: what travels in the stream is the same."""
    linux, windows = _captured("this-host"), _captured("constructed-windows-qemu")
    vm = machine_with_nics(catalogue, "pc-q35-9.1", netdev, accelerator="tcg", cpu="qemu64")
    abi = pa.resolve(catalogue, vm, platform)
    for report in (linux, windows):
        assert "ok" == check(catalogue, abi, report).status
    assert "ok" == check_migration(catalogue, abi, linux, windows).status


@pytest.mark.parametrize(
    ("platform", "netdev"),
    [("linux-4.18", "tap"), ("windows-2022", "tap,vnet_hdr=on"), ("windows-2022", "tap,fd=3")],
)
def test_a_vnet_header_stays_on_hosts_that_have_it(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """Blocked by name, provably, and not for want of a probe; what would work is named if it is."""
    linux, windows = _captured("this-host"), _captured("constructed-windows-qemu")
    vm = machine_with_nics(catalogue, "pc-q35-9.1", netdev, accelerator="tcg", cpu="qemu64")
    abi = pa.resolve(catalogue, vm, platform)
    verdict = check_migration(catalogue, abi, linux, windows)
    assert ("blocked", "warn" if "windows" in platform else "ok") == (
        verdict.forward.status,
        verdict.back.status,
    )
    found = [f for f in verdict.forward.findings if f.capability == "tun.vnet-hdr"]
    assert {"capability-missing"} == {f.code for f in found}
    assert ("windows-2025" in found[0].help) == (netdev == "tap")
