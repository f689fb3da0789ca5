"""What a guest ABI needs of a host: a capability, or a number of the host's own instead of it."""

from __future__ import annotations

import pytest
from attrs import evolve

from platform_abi.compat.met import fact_of, met, unmet
from platform_abi.model.abi import Precondition
from platform_abi.model.host import Fact, HostReport
from tests.compat.cpu_hosts import CATALOGUE, EVERY, abi, host
from tests.compat.without_qemu import check_migration


@pytest.mark.parametrize(
    ("khz", "expected"),
    [(2_532_609, "ok"), (2_532_609 + 600, "ok"), (2_532_609 + 700, "blocked"), (None, "blocked")],
)
def test_a_tsc_frequency_is_near_enough_within_qemus_tolerance(
    khz: int | None, expected: str
) -> None:
    """250 parts in a million: a host that cannot scale runs what runs at its own frequency."""
    cpu = "Skylake-Server-v4,vendor=GenuineIntel,invtsc=on,tsc-frequency=2532609000"
    here = host(EVERY, numbers={"kvm.tsc-khz": 2_532_609})
    fixed = {**here.facts, "kvm.tsc-control": Fact(state="absent", source="ioctl")}
    here = evolve(here, facts=fixed)
    there = evolve(here, numbers={} if khz is None else {"kvm.tsc-khz": khz})
    verdict = check_migration(CATALOGUE, abi(cpu), here, there)
    assert expected == verdict.status
    if khz is None:
        assert "capability-unknown" in {f.code for f in verdict.forward.findings}


def test_a_need_that_other_features_share_is_the_capability_itself() -> None:
    """A number does instead only where every feature that needs the capability can do with it."""
    report = host(EVERY, facts={}, numbers={"kvm.tsc-khz": 2_532_609})
    cpu = abi("Skylake-Server-v4,tsc-frequency=2532609000")
    own = Precondition(capability="kvm.tsc-control", because=("x86-cpu.tsc-scaling",))
    shared = Precondition(
        capability="kvm.tsc-control", because=("x86-cpu.tsc-scaling", "x86-cpu.lmce")
    )
    assert "present" == met(CATALOGUE, cpu, report, own).state
    assert "unknown" == met(CATALOGUE, cpu, report, shared).state
    assert "kvm.tsc-control" not in unmet(CATALOGUE, cpu, report)


@pytest.mark.parametrize(
    ("system", "name", "expected"),
    [
        ("windows", "tun.vnet-hdr", "absent"),
        ("darwin", "vhost-net", "absent"),
        ("freebsd", "macvtap.csum", "absent"),
        ("windows", "kvm.irqchip", "absent"),
        ("linux", "tun.vnet-hdr", "unknown"),
        ("", "tun.vnet-hdr", "unknown"),
        ("windows", "netdev.tap", "unknown"),
        ("windows", "backend", "unknown"),
        ("windows", "no-such", "unknown"),
    ],
)
def test_a_hosts_operating_system_says_what_no_report_has_to(
    system: str, name: str, expected: str
) -> None:
    """A tap of Windows has no vnet header, whoever asks; what any system may have stays unknown."""
    report = HostReport(system=system)
    assert expected == fact_of(CATALOGUE, report, name).proven


def test_what_a_report_proves_counts_before_its_operating_system() -> None:
    """Whoever asked the host knows better than a table."""
    told = Fact(state="present", source="ioctl")
    report = HostReport(system="freebsd", facts={"tun.vnet-hdr": told})
    assert told == fact_of(CATALOGUE, report, "tun.vnet-hdr")
