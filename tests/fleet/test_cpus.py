"""The best CPU model that a whole fleet can run, and who keeps it from better ones."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.check import check
from platform_abi.compat.needs import Scope
from platform_abi.fleet.common import CommonCpu
from platform_abi.fleet.cpus import common_cpu
from platform_abi.model.host import CPU_MODELS, FleetHost
from tests.compat.cpu_hosts import CATALOGUE, EVERY, TABLE, abi, flags, host, without

lacks = st.lists(st.lists(flags, max_size=3), min_size=1, max_size=4)


def _lacking(names: list[str]) -> pa.HostReport:
    registers = dict(EVERY)
    for name in names:
        registers = {r: word & without(name)[r] for r, word in registers.items()}
    return host(registers)


def _common(*reports: pa.HostReport, **how: Any) -> CommonCpu:
    hosts = [FleetHost(report=each, count=n + 1) for n, each in enumerate(reports)]
    found = common_cpu(CATALOGUE, hosts, Scope(), **{"allow_unknown": False, **how})
    assert found is not None
    return found


@given(lacks)
def test_every_host_can_run_what_is_named(fleet: list[list[str]]) -> None:
    """No check of any host finds a flag of it missing; of those before it some host lacks one."""
    reports = [_lacking(names) for names in fleet]
    found = _common(*reports)
    for name in found.models[:1]:
        for report in reports:
            codes = {f.code for f in check(CATALOGUE, abi(name), report).findings}
            assert "cpu-model" not in codes
    for obstacle in found.obstacles:
        assert 0 < obstacle.count <= sum(range(1, len(reports) + 1))
        assert obstacle.lacking.keys() <= {name for names in fleet for name in names}
        assert obstacle.model not in found.models


@given(lacks)
def test_a_host_more_never_adds_a_model(fleet: list[list[str]]) -> None:
    """And the order of hosts changes nothing but its own."""
    reports = [_lacking(names) for names in fleet]
    whole, less = _common(*reports), _common(*reports[:1])
    assert set(whole.models) <= set(less.models)
    assert whole.models == _common(*reversed(reports)).models


def test_a_report_of_a_qemu_counts_before_registers() -> None:
    """What each QEMU says it can run is what its host can; the vendor decides what is best."""
    one = host(EVERY, sets={CPU_MODELS: ("Skylake-Server-v4", "EPYC-v4")})
    two = host(EVERY, sets={CPU_MODELS: ("Skylake-Server-v4", "EPYC-v4", "Haswell-v1")})
    found = _common(one, two)
    assert ("Skylake-Server-v4", "EPYC-v4") == found.models
    amd = [evolve(each, values={"cpu.vendor": "AuthenticAMD"}) for each in (one, two)]
    assert "EPYC-v4" == _common(*amd).model
    assert "" == _common(one, amd[1]).vendor


def test_what_nobody_knows_of_a_host_is_no_model() -> None:
    """A report without registers and without a QEMU is counted apart; allowed, it hinders none."""
    silent = pa.HostReport(arch="x86_64")
    found = _common(host(EVERY), silent)
    assert (None, 2) == (found.model, found.unknown)
    assert found.obstacles
    allowed = _common(host(EVERY), silent, allow_unknown=True)
    assert allowed.models == _common(host(EVERY)).models


def test_an_architecture_without_a_table_has_no_answer() -> None:
    """And neither has an accelerator whose registers no report has."""
    hosts = [FleetHost(report=host(EVERY))]
    for scope in (Scope(arch="aarch64"), Scope(accelerator="tcg")):
        assert common_cpu(CATALOGUE, hosts, scope, allow_unknown=False) is None
    assert TABLE.accelerator == Scope().accelerator
