"""Whether a guest ABI may start on a host, and whether it may move to another and come back.

One question, asked of one or two hosts: are the ABI's preconditions among the host's capabilities?
Restoring a snapshot is the same as migrating to where it is restored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from platform_abi.compat.agreement import agree
from platform_abi.compat.carriers import (
    Carrier,
    carriers,
    defaults_gained,
    open_feature,
    visible,
)
from platform_abi.compat.cpu import cpu_findings
from platform_abi.compat.cpu_builds import build_findings
from platform_abi.compat.cpu_flags import settled_bits
from platform_abi.compat.finding import (
    CheckVerdict,
    Finding,
    MigrationVerdict,
    Severity,
    Status,
)
from platform_abi.compat.folding import folded, node_cause
from platform_abi.compat.host_qemu import HostQemu, choose_qemu, qemu_findings, with_qemus
from platform_abi.compat.learned import with_learned
from platform_abi.compat.machine_missing import missing_on_host
from platform_abi.compat.met import met, unmet
from platform_abi.errors import of_device
from platform_abi.model.feature import Migration
from platform_abi.model.host import QEMU_VERSION, Fact, HostReport
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.obstacles import obstacles

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi, Obstacle
    from platform_abi.model.catalogue import Catalogue

#: What a value that no command line pins means for a migration between hosts that may differ.
_UNPINNED: dict[Migration, Severity] = {
    "breaks": "blocked",
    "silent-change": "warn",
    "between-pools": "warn",
    "safe": "info",
}


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
    abi = with_learned(catalogue, abi)
    if of_qemu is None:
        chosen = choose_qemu(report, abi.vm, qemu, allow_unknown=allow_unknown)
        of_qemu = _of_qemu(catalogue, abi, report, chosen, None, allow_unknown=allow_unknown)
    beside = (
        *further,
        *(finding for finding in of_qemu if finding.severity == "blocked"),
        *_architecture(catalogue, abi, report, allow_unknown=allow_unknown),
    )
    cpu = (*cpu_findings(catalogue, abi, report, allow_unknown=allow_unknown),)
    cured = not any(finding.severity == "blocked" for finding in (*beside, *cpu))
    lacking = _unmet(catalogue, abi, report, allow_unknown=allow_unknown, cured=cured)
    unmet_ = (*folded(catalogue, lacking),)
    findings = (
        *beside,
        *unmet_,
        *_of_accelerator(catalogue, abi, unmet_, cpu),
        *_of_abi(catalogue, abi),
        *(finding for finding in of_qemu if finding.severity != "blocked"),
    )
    return _verdict(abi, report, findings, allow_unknown=allow_unknown, force=force)


def check_migration(
    catalogue: Catalogue,
    abi: GuestAbi,
    source: HostReport,
    destination: HostReport,
    *,
    qemus: tuple[str | None, str | None] = (None, None),
    of_qemus: tuple[Sequence[Finding] | None, Sequence[Finding] | None] = (None, None),
    further: Sequence[Finding] = (),
    allow_unknown: bool = False,
    force: bool = False,
) -> MigrationVerdict:
    """Return whether a guest of *abi* may move from *source* to *destination* and come back.

    Both directions count: a guest that cannot come back was moved for good, and one that the
    source itself cannot honour was given something else than *abi* says. *further* is of the
    destination; *qemus* and *of_qemus* are of source and destination, each as ``check`` has it.
    """
    abi = with_learned(catalogue, abi)
    there, here = (
        _End(
            report=report,
            qemu=choose_qemu(report, abi.vm, wanted, allow_unknown=allow_unknown),
            of_qemu=said,
        )
        for report, wanted, said in zip((source, destination), qemus, of_qemus, strict=True)
    )
    how = {"allow_unknown": allow_unknown, "force": force}
    forward = _move(catalogue, abi, there, here, further=further, **how)
    back = _move(catalogue, abi, here, there, further=(), **how)
    worst = max(forward.status, back.status, key=_ORDER.index)
    return MigrationVerdict(status=worst, forward=forward, back=back)


@frozen(kw_only=True)
class _End:
    """A host that a guest moves from or to, which QEMU runs it there, and what is said of that."""

    report: HostReport
    qemu: HostQemu
    of_qemu: Sequence[Finding] | None = None


#: Best first.
_ORDER: tuple[Status, ...] = ("ok", "warn", "blocked")


def _move(
    catalogue: Catalogue,
    abi: GuestAbi,
    start: _End,
    end: _End,
    *,
    further: Sequence[Finding],
    allow_unknown: bool,
    force: bool,
) -> CheckVerdict:
    of_qemu = end.of_qemu
    if of_qemu is None:
        of_qemu = _of_qemu(
            catalogue, abi, end.report, end.qemu, start.qemu, allow_unknown=allow_unknown
        )
    there = check(
        catalogue,
        abi,
        end.report,
        of_qemu=of_qemu,
        further=further,
        allow_unknown=allow_unknown,
        force=force,
    )
    reports = (start.report, end.report)
    findings = (
        *there.findings,
        *_in_the_way(catalogue, abi, (start, end), allow_unknown=allow_unknown),
        *build_findings(
            catalogue,
            abi,
            *reports,
            (start.qemu.qemu, end.qemu.qemu),
            allow_unknown=allow_unknown,
        ),
        *_left_open(catalogue, abi, *reports),
        *_changed_defaults(catalogue, abi, *reports),
    )
    return _verdict(abi, end.report, findings, allow_unknown=allow_unknown, force=force)


def _of_qemu(
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


def _verdict(
    abi: GuestAbi,
    report: HostReport,
    findings: Sequence[Finding],
    *,
    allow_unknown: bool,
    force: bool,
) -> CheckVerdict:
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

    found = remedy(catalogue, abi, report)
    works = cured and not found.incurable
    for entry in abi.preconditions:
        if entry.capability not in lacking:
            continue
        fact = met(catalogue, abi, report, entry)
        instead = () if entry.capability in found.incurable else found.choices
        for feature in entry.because:
            every = carriers(catalogue, abi, feature, entry.capability)
            for carrier in (each for each in every if visible(catalogue, abi, each)):
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


def _of_accelerator(
    catalogue: Catalogue, abi: GuestAbi, lacking: Sequence[Finding], cpu: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield what there is to say of the CPU; without an accelerator that follows from its lack."""
    own = (f for f in lacking if f.backend == abi.vm.accelerator and node_cause(catalogue, f))
    cause = next((finding.follows_from or finding.capability for finding in own), "")
    yield from (evolve(finding, follows_from=cause) for finding in cpu)


def _architecture(
    catalogue: Catalogue, abi: GuestAbi, report: HostReport, *, allow_unknown: bool
) -> Iterator[Finding]:
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


def _of_abi(catalogue: Catalogue, abi: GuestAbi) -> Iterator[Finding]:
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


# --- what no host can help ------------------------------------------------------------------------


def _in_the_way(
    catalogue: Catalogue, abi: GuestAbi, ends: Sequence[_End], *, allow_unknown: bool
) -> Iterator[Finding]:
    """Yield why QEMU would refuse to migrate, or why nobody can say what would change.

    The QEMU of either of the *ends* refuses: it neither writes nor reads the state of a device
    that it does not migrate (migration/savevm.c, qemu_savevm_state_blocked, qemu_loadvm_state).
    """
    beside, _ = with_qemus(catalogue, [end.qemu.qemu for end in ends])
    told = [
        end.report.values.get(QEMU_VERSION) if end.qemu.qemu is None else end.qemu.qemu.version
        for end in ends
    ]
    versions = () if None in told else tuple(version for version in told if version is not None)
    for entry in obstacles(beside, abi.vm, versions):
        lenient = allow_unknown and not entry.certain
        yield _obstacle(entry, "warn" if lenient else "blocked")


def _obstacle(entry: Obstacle, severity: Severity) -> Finding:
    return Finding(
        code=entry.code,
        severity=severity,
        message=f"{entry.what}: {entry.reason}",
        help=entry.help,
    )


# --- what two hosts make of it -------------------------------------------------------------------


def _left_open(
    catalogue: Catalogue, abi: GuestAbi, start: HostReport, end: HostReport
) -> Iterator[Finding]:
    settled = settled_bits(catalogue, abi) if abi.unpinned else {}
    for entry in abi.unpinned:
        feature = open_feature(catalogue, entry.what)
        agreement = agree(feature, start, end, settled)
        if agreement.differ:
            severity: Severity = "info" if entry.migration == "safe" else "blocked"
            where = f"the hosts differ in {', '.join(agreement.differ)}"
        elif agreement.known:
            severity, where = "info", f"the hosts agree on {', '.join(agreement.on)}"
        else:
            severity, where = _UNPINNED[entry.migration], "the hosts are not known to agree"
        yield Finding(
            code="unpinned",
            severity=severity,
            message=f"{entry.what} is left to the host, and {where}",
            help=f"pin it: {entry.pin}",
            feature="" if feature is None else feature.id,
        )


def _changed_defaults(
    catalogue: Catalogue, abi: GuestAbi, start: HostReport, end: HostReport
) -> Iterator[Finding]:
    """Yield what would change if the destination were started without the resolved values."""
    for code, first, second in (("offers-more", start, end), ("offers-less", end, start)):
        for carrier in defaults_gained(catalogue, abi, first, second):
            of = of_device(carrier.device)
            word = "more" if code == "offers-more" else "less"
            yield Finding(
                code=code,
                severity="info",
                message=f"without the resolved arguments the destination would offer {word}: "
                f"{carrier.property}{of}",
                help="start it with the arguments of the source's lockfile, not with its own",
                feature=carrier.feature,
                property=carrier.property,
                value=carrier.value,
                device=carrier.device,
                backend=carrier.backend,
            )
