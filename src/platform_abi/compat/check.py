"""Whether a guest ABI may start on a host, which has to have what the ABI needs.

A migration asks the same of two hosts, and more: see ``compat/migration.py``. Restoring a snapshot
is the same as migrating to where it is restored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from platform_abi.compat.carriers import Carrier, Carriers
from platform_abi.compat.finding import (
    CheckVerdict,
    Finding,
    Severity,
    Status,
)
from platform_abi.compat.folding import folded, node_cause
from platform_abi.compat.host_qemu import HostQemu, choose_qemu, qemu_findings
from platform_abi.compat.machine_missing import missing_on_host
from platform_abi.compat.met import met, unmet
from platform_abi.compat.newer_needs import with_newer_needs
from platform_abi.errors import of_device
from platform_abi.model.host import Fact, HostReport
from platform_abi.model.value import evolve
from platform_abi.resolver.choice import parse_platform

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue


def check(
    catalogue: Catalogue,
    abi: GuestAbi,
    report: HostReport,
    *,
    qemu: str | None = None,
    of_qemu: Sequence[Finding] | None = None,
    further: Sequence[Finding] = (),
    allow_unknown: bool = False,
    force: bool = False,
) -> CheckVerdict:
    """Return whether a virtual machine of *abi* may start on the host of *report*.

    A capability that is unknown blocks like one that is absent, unless *allow_unknown*. With
    *force* nothing blocks, and the verdict says so. *further* is what else was found.

    *qemu* is what names one of several QEMUs of the host (see ``choose_qemu``); *of_qemu*, where it
    is given, is what there is to say of the one that runs it, whatever the report holds.
    """
    abi = with_newer_needs(catalogue, abi)
    if of_qemu is None:
        chosen = choose_qemu(report, abi.vm, qemu, allow_unknown=allow_unknown)
        of_qemu = of_host_qemu(catalogue, abi, report, chosen, None, allow_unknown=allow_unknown)
    beside = (
        *further,
        *(finding for finding in of_qemu if finding.severity == "blocked"),
        *of_architecture(catalogue, abi, report, allow_unknown=allow_unknown),
    )
    cpu = (*of_cpu(catalogue, abi, report, allow_unknown=allow_unknown),)
    cured = not any(finding.severity == "blocked" for finding in (*beside, *cpu))
    lacking = _unmet(catalogue, abi, report, allow_unknown=allow_unknown, cured=cured)
    unmet_ = (*folded(catalogue, lacking),)
    findings = (
        *beside,
        *unmet_,
        *_of_accelerator(catalogue, abi, unmet_, cpu),
        *of_abi(catalogue, abi),
        *(finding for finding in of_qemu if finding.severity != "blocked"),
    )
    return verdict(abi, report, findings, allow_unknown=allow_unknown, force=force)


def of_host_qemu(
    catalogue: Catalogue,
    abi: GuestAbi,
    report: HostReport,
    end: HostQemu,
    start: HostQemu | None,
    *,
    allow_unknown: bool,
) -> Sequence[Finding]:
    """Return what there is to say of the QEMU that runs the virtual machine on a host.

    A report of before reports held QEMUs says at most that one is too old, by its version.
    """
    missing = [] if report.qemus else [*missing_on_host(catalogue, abi, report)]
    return missing or [*qemu_findings(catalogue, abi, end, start, allow_unknown=allow_unknown)]


def verdict(
    abi: GuestAbi,
    report: HostReport,
    findings: Sequence[Finding],
    *,
    allow_unknown: bool,
    force: bool,
) -> CheckVerdict:
    """Return the verdict that *findings* add up to, on *abi* and the host of *report*."""
    severities = {finding.severity for finding in findings}
    blocked = "blocked" in severities
    status: Status = "blocked" if blocked and not force else "ok"
    if status == "ok" and (blocked or "warn" in severities):
        status = "warn"
    return CheckVerdict(
        status=status,
        findings=tuple(findings),
        platform=abi.platform,
        host=report.name,
        allowed_unknown=allow_unknown,
        forced=force,
    )


# --- what the host lacks -------------------------------------------------------------------------


def _unmet(
    catalogue: Catalogue,
    abi: GuestAbi,
    report: HostReport,
    *,
    allow_unknown: bool,
    cured: bool,
) -> Iterator[Finding]:
    """Yield what the host lacks; *cured* is whether a platform without it could start there."""
    lacking = unmet(catalogue, abi, report)
    if not lacking:
        return
    # Where nothing is lacking, nothing has to be resolved.
    from platform_abi.compat.remedy import needed, remedy

    found = remedy(catalogue, abi, report, lacking)
    works = cured and not found.incurable
    carriers = Carriers(catalogue, abi)
    for entry in abi.preconditions:
        if entry.capability not in lacking:
            continue
        fact = met(catalogue, abi, report, entry)
        instead = () if entry.capability in found.incurable else found.choices
        for feature in entry.because:
            for carrier in filter(carriers.visible, carriers.of(feature, entry.capability)):
                yield _missing(
                    entry.capability,
                    fact,
                    carrier,
                    needed(catalogue, entry.capability, fact, instead, works=works),
                    allow_unknown=allow_unknown,
                )


def _missing(
    capability: str,
    fact: Fact,
    carrier: Carrier,
    help_: str,
    *,
    allow_unknown: bool,
) -> Finding:
    known = fact.proven == "absent"
    subject = carrier.property and f"{carrier.property}={carrier.value}"
    of = of_device(carrier.device)
    found = f"predicted to be {fact.state}" if fact.source == "inferred" else fact.state
    evidence = f" ({fact.detail})" if fact.detail else ""
    return Finding(
        code="capability-missing" if known else "capability-unknown",
        severity="blocked" if known or not allow_unknown else "warn",
        message=f"{subject or carrier.feature}{of} needs {capability}, "
        f"which is {found} here{evidence}",
        help=help_,
        feature=carrier.feature,
        property=carrier.property,
        value=carrier.value,
        device=carrier.device,
        backend=carrier.backend,
        capability=capability,
        fact=fact,
    )


def of_cpu(
    catalogue: Catalogue, abi: GuestAbi, report: HostReport, *, allow_unknown: bool
) -> Sequence[Finding]:
    """Return what speaks against the CPU of *abi* on a host whose CPU the guest is to have."""
    if abi.vm.accelerator not in catalogue.devices().native_accelerators:
        return ()  # QEMU emulates it, whatever the host has
    from platform_abi.compat.cpu import cpu_findings

    processor = processor_of(report)
    return (*cpu_findings(catalogue, abi, processor, allow_unknown=allow_unknown),)


def processor_of(report: HostReport) -> HostReport:
    """Return what *report* says of its processor, and of what KVM makes of that.

    No verdict on a CPU knows more of a host, so that one is enough for all hosts alike in this.
    """
    return HostReport(
        system=report.system,
        arch=report.arch,
        numbers=report.numbers,
        masks=report.masks,
        sets=report.sets,
        values=report.values,
    )


def _of_accelerator(
    catalogue: Catalogue, abi: GuestAbi, lacking: Sequence[Finding], cpu: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield what there is to say of the CPU; without an accelerator that follows from its lack."""
    own = (f for f in lacking if f.backend == abi.vm.accelerator and node_cause(catalogue, f))
    cause = next((finding.follows_from or finding.capability for finding in own), "")
    yield from (evolve(finding, follows_from=cause) for finding in cpu)


def of_architecture(
    catalogue: Catalogue, abi: GuestAbi, report: HostReport, *, allow_unknown: bool
) -> Iterator[Finding]:
    """Yield that the host is of another architecture than the guest of *abi*."""
    if report.arch == abi.vm.arch:
        return
    native = abi.vm.accelerator in catalogue.devices().native_accelerators
    if report.arch:
        severity: Severity = "blocked" if native else "info"
        said = f"the guest is {abi.vm.arch} and the host is {report.arch}"
    else:
        severity = ("warn" if allow_unknown else "blocked") if native else "info"
        said = f"the guest is {abi.vm.arch} and the report does not say what the host is"
    yield Finding(
        code="architecture",
        severity=severity,
        message=said + (f": {abi.vm.accelerator} runs nothing else" if native else ""),
        help="choose a host of the guest's architecture",
    )


# --- what the ABI itself says --------------------------------------------------------------------


def of_abi(catalogue: Catalogue, abi: GuestAbi) -> Iterator[Finding]:
    """Yield what *abi* says of itself, whatever the host: beyond its platform, withdrawn here."""
    for entry in abi.beyond:
        of = of_device(entry.device)
        yield Finding(
            code="beyond-platform",
            severity="warn",
            message=f"{entry.driver}.{entry.property}={entry.value}{of} is beyond {abi.platform}: "
            f"{entry.reason}",
            help="hosts of the platform need not have it; each has to be checked",
            feature=entry.feature,
            property=f"{entry.driver}.{entry.property}",
            value=entry.value,
            device=entry.device,
        )
    name = parse_platform(abi.platform).name
    needing = {feature for entry in abi.preconditions for feature in entry.because}
    for mask in catalogue.masks():
        if not mask.covers(name):
            continue
        used = mask.feature in needing
        yield Finding(
            code="masked-feature",
            severity="warn" if used else "info",
            message=f"{mask.feature} is withdrawn on this site since {mask.date}: {mask.reason} "
            f"({mask.source})" + (", and this virtual machine has it" if used else ""),
            help="resolve it again when it next stops, and it goes without" if used else "",
            feature=mask.feature,
        )
