"""What would help: the choices that resolving every platform one by one would find."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given

import platform_abi as pa
from platform_abi.compat import remedy as subject
from platform_abi.compat.met import unmet
from platform_abi.compat.remedy import remedy
from platform_abi.compat.supported import CONSERVATIVE
from platform_abi.testing import Scenario, host_reports, scenarios


def _naive(catalogue: pa.Catalogue, abi: pa.GuestAbi, report: pa.HostReport) -> str | None:
    """Return the newest platform that works, found by resolving all of them."""
    base = pa.resolve(catalogue, abi.vm, CONSERVATIVE)
    incurable = unmet(catalogue, base, report)
    for name in subject._candidates(catalogue, abi, report):
        other = pa.resolve(catalogue, abi.vm, name)
        if unmet(catalogue, other, report) <= incurable:
            return other.platform
    return None


@given(scenarios(), host_reports())
def test_a_candidate_is_passed_over_only_where_resolving_it_would_show_the_same(
    scenario: Scenario, report: pa.HostReport
) -> None:
    """And what is cured is exactly what a platform is to blame for."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    found = remedy(scenario.catalogue, abi, report)
    base = pa.resolve(scenario.catalogue, scenario.vm, CONSERVATIVE)
    assert found.incurable == unmet(scenario.catalogue, base, report)
    if unmet(scenario.catalogue, abi, report) <= found.incurable:
        assert found.choices == ()
    else:
        assert found.choices[-1:] == (_naive(scenario.catalogue, abi, report),)
    for choice in found.choices:
        other = pa.resolve(scenario.catalogue, scenario.vm, choice)
        assert unmet(scenario.catalogue, other, report) <= found.incurable


@pytest.mark.parametrize(("extra", "offered"), [(0, True), (1, False)])
def test_few_exceptions_are_four(catalogue: pa.FileCatalogue, extra: int, *, offered: bool) -> None:
    """With more than that it is another platform, and not the same one with exceptions."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,id=net0"],
        netdevs=["tap,id=n0"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    by_need = {entry.capability: set(entry.because) for entry in abi.preconditions}
    base = pa.resolve(catalogue, vm, "conservative")
    curable = by_need.keys() - {entry.capability for entry in base.preconditions}
    gone = next(
        names
        for size in range(1, 5)
        for names in combinations(sorted(curable), size)
        if len(set().union(*(by_need[name] for name in names))) == 4 + extra
    )
    facts = {
        name: pa.Fact(state="absent" if name in gone else "present", source="ioctl")
        for name in catalogue.capabilities()
    }
    choices = remedy(catalogue, abi, pa.HostReport(facts=facts, system="linux")).choices
    assert any("," in choice for choice in choices) is offered
