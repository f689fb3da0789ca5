"""What a verdict is made of: terms that many virtual machines share, each with its own answer.

A check of a thousand virtual machines before a thousand kinds of host is a million verdicts, and
what they are made of are a few hundred terms: the host has a capability, runs a CPU, has a QEMU
that keeps a machine type. Each is answered once for what it depends on of a host. A verdict is as
grave as the gravest answer among the terms of its virtual machine, which is what ``check`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from platform_abi.compat.carriers import Carriers
from platform_abi.compat.check import (
    of_abi,
    of_architecture,
    of_cpu,
    of_host_qemu,
    processor_of,
)
from platform_abi.compat.finding import Finding, Status
from platform_abi.compat.host_qemu import choose_qemu
from platform_abi.compat.met import met
from platform_abi.compat.newer_needs import with_newer_needs
from platform_abi.model.abi import GuestAbi, Precondition
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import ACCELERATOR, MACHINE
from platform_abi.model.host import QEMU_PACKAGE, QEMU_VERSION, HostReport
from platform_abi.model.memo import MEMO_LIMIT, remembered
from platform_abi.model.value import evolve, frozen

#: What a term is about.
About = Literal["abi", "architecture", "capability", "cpu", "qemu"]


@frozen(kw_only=True)
class Term:
    """One thing that has to be so of a host, for every virtual machine that has the term.

    *abi* is what it depends on of a guest ABI, all else left out: two of which that is the same
    have the same term. *need* is the capability that it is about, if it is.
    """

    about: About
    abi: GuestAbi
    need: Precondition | None = None


@frozen(kw_only=True)
class Answer:
    """How grave a term is on a host, with the code and the words of the gravest that is said."""

    status: Status
    code: str = ""
    message: str = ""


def terms_of(catalogue: Catalogue, abi: GuestAbi) -> tuple[Term, ...]:
    """Return the terms of *abi*, those that depend on nothing of a host first."""
    abi = with_newer_needs(catalogue, abi)
    board = _without_devices(catalogue, abi)
    return (
        Term(about="abi", abi=abi),
        Term(about="qemu", abi=abi),
        Term(about="architecture", abi=_bare(abi)),
        Term(about="cpu", abi=board),
        *_needs(catalogue, abi, board),
    )


def _needs(catalogue: Catalogue, abi: GuestAbi, board: GuestAbi) -> Iterator[Term]:
    """Yield the capabilities that *abi* needs where a guest can see what needs them."""
    carriers = Carriers(catalogue, abi)
    for entry in abi.preconditions:
        seen = any(
            carriers.visible(carrier)
            for feature in entry.because
            for carrier in carriers.of(feature, entry.capability)
        )
        if not seen:
            continue
        features = [catalogue.feature(name) for name in entry.because]
        near = all(feature is not None and feature.near is not None for feature in features)
        # Only a number that is near enough to the user's depends on who needs it.
        need = entry if near else evolve(entry, because=())
        yield Term(about="capability", abi=board if near else _bare(abi), need=need)


def _bare(abi: GuestAbi) -> GuestAbi:
    """Return *abi* with nothing in it but its architecture and accelerator."""
    vm = evolve(
        abi.vm,
        machine="",
        cpu=None,
        devices=(),
        globals=(),
        machine_options=(),
        build=None,
        hardware=None,
        seen=(),
    )
    return GuestAbi(vm=vm, platform="", edition="", settings=(), preconditions=(), unpinned=())


def _without_devices(catalogue: Catalogue, abi: GuestAbi) -> GuestAbi:
    """Return *abi* without its devices, and without what is said of them: its board and its CPU."""
    return GuestAbi(
        vm=evolve(abi.vm, devices=(), hardware=None, seen=()),
        platform=abi.platform,
        edition=abi.edition,
        settings=tuple(
            setting
            for setting in abi.settings
            if setting.device is None and not _of_devices(catalogue, setting.driver)
        ),
        preconditions=(),
        unpinned=(),
    )


@remembered(MEMO_LIMIT)
def _of_devices(catalogue: Catalogue, driver: str) -> bool:
    family = catalogue.devices().family_of(driver)
    return family is not None and driver != MACHINE and family.backend != ACCELERATOR


def part_of(term: Term, report: HostReport) -> HostReport:
    """Return what the answer to *term* depends on of *report*: one answer for all that share it."""
    named = HostReport(system=report.system, arch=report.arch)
    if term.need is not None:
        name = term.need.capability
        facts = {name: report.facts[name]} if name in report.facts else {}
        return evolve(named, facts=facts, numbers=report.numbers if term.need.because else {})
    match term.about:
        case "abi":
            return HostReport()
        case "architecture":
            return HostReport(arch=report.arch)
        case "qemu":
            asked = (QEMU_VERSION, QEMU_PACKAGE)
            values = {name: report.values[name] for name in asked if name in report.values}
            return evolve(named, values=values, qemus=report.qemus)
        case _:
            return processor_of(report)


def answer(
    catalogue: Catalogue, term: Term, report: HostReport, *, allow_unknown: bool = False
) -> Answer:
    """Return how grave *term* is on the host of *report*, by what ``check`` says of it."""
    if term.need is not None:
        return _needed(catalogue, term.abi, term.need, report, allow_unknown=allow_unknown)
    return _gravest(_findings(catalogue, term, report, allow_unknown=allow_unknown))


def _findings(
    catalogue: Catalogue, term: Term, report: HostReport, *, allow_unknown: bool
) -> Sequence[Finding]:
    abi = term.abi
    match term.about:
        case "abi":
            return [*of_abi(catalogue, abi)]
        case "architecture":
            return [*of_architecture(catalogue, abi, report, allow_unknown=allow_unknown)]
        case "cpu":
            return of_cpu(catalogue, abi, report, allow_unknown=allow_unknown)
        case _:
            end = choose_qemu(report, abi.vm, allow_unknown=allow_unknown)
            return of_host_qemu(catalogue, abi, report, end, None, allow_unknown=allow_unknown)


def _needed(
    catalogue: Catalogue,
    abi: GuestAbi,
    need: Precondition,
    report: HostReport,
    *,
    allow_unknown: bool,
) -> Answer:
    fact = met(catalogue, abi, report, need)
    if fact.proven == "present":
        return Answer(status="ok")
    known = fact.proven == "absent"
    evidence = f" ({fact.detail})" if fact.detail else ""
    return Answer(
        status="blocked" if known or not allow_unknown else "warn",
        code="capability-missing" if known else "capability-unknown",
        message=f"{need.capability} is {fact.proven}{evidence}",
    )


def _gravest(findings: Sequence[Finding]) -> Answer:
    for severity in ("blocked", "warn"):
        for finding in findings:
            if finding.severity == severity:
                status: Status = "blocked" if severity == "blocked" else "warn"
                return Answer(status=status, code=finding.code, message=finding.message)
    return Answer(status="ok")
