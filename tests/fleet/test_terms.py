"""Terms of a verdict: what they say together is what a check says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.finding import Status
from platform_abi.fleet.terms import Answer, answer, part_of, terms_of
from platform_abi.model.host import HostReport
from platform_abi.testing import Scenario, host_reports, scenarios
from tests.compat.scenes import resolved
from tests.compat.strategies import full_report, variants, without
from tests.resolver.shipped import PINNED_CPU, machine_with_nics

_ORDER: tuple[Status, ...] = ("ok", "warn", "blocked")


def _answers(
    catalogue: pa.Catalogue, abi: pa.GuestAbi, report: HostReport, *, allow_unknown: bool
) -> list[Answer]:
    return [
        answer(catalogue, term, part_of(term, report), allow_unknown=allow_unknown)
        for term in terms_of(catalogue, abi)
    ]


def _gravest(answers: list[Answer]) -> Status:
    return max((each.status for each in answers), key=_ORDER.index)


@given(scenarios(), host_reports(), st.booleans())
def test_the_gravest_answer_is_the_verdict(
    scenario: Scenario, report: HostReport, allow_unknown: bool
) -> None:
    """Each term sees only its part of host and ABI, and together they say what a check says."""
    abi = resolved(scenario)
    verdict = pa.check(scenario.catalogue, abi, report, allow_unknown=allow_unknown)
    answers = _answers(scenario.catalogue, abi, report, allow_unknown=allow_unknown)
    assert verdict.status == _gravest(answers)
    blocked = {finding.code for finding in verdict.findings if finding.severity == "blocked"}
    assert {each.code for each in answers if each.status == "blocked"} <= blocked
    assert bool(blocked) == any(each.status == "blocked" for each in answers)


def test_of_shipped_platforms_too(catalogue: pa.FileCatalogue) -> None:
    """Real features, CPUs and machine types: every pair of a VM and a kind of host."""
    full = full_report(catalogue)
    hosts = [full, *variants(full, 20), without(full, "tun.uso", state="unknown")]
    hosts += [HostReport(), HostReport(arch="aarch64", system="linux")]
    machines = ("pc-q35-9.1", "pc-i440fx-2.12")
    abis = [
        pa.resolve(catalogue, machine_with_nics(catalogue, machine, backend, cpu=cpu), platform)
        for machine in machines
        for backend in ("tap", "user")
        for cpu in (PINNED_CPU, None)
        for platform in ("linux-6.1", "linux-6.9")
    ]
    seen = set()
    for abi in abis:
        for report in hosts:
            for allow in (False, True):
                verdict = pa.check(catalogue, abi, report, allow_unknown=allow)
                assert verdict.status == _gravest(
                    _answers(catalogue, abi, report, allow_unknown=allow)
                )
                seen.add(verdict.status)
    assert {"warn", "blocked"} <= seen


def test_terms_are_shared(catalogue: pa.FileCatalogue) -> None:
    """VMs that differ in their devices only have one CPU and one architecture between them."""
    vms = [machine_with_nics(catalogue, "pc-q35-9.1", b, cpu=PINNED_CPU) for b in ("tap", "user")]
    terms = [set(terms_of(catalogue, pa.resolve(catalogue, vm, "linux-6.9"))) for vm in vms]
    both = terms[0] & terms[1]
    assert {"architecture", "cpu"} <= {term.about for term in both}
    assert {"abi", "qemu"}.isdisjoint(term.about for term in both)
