"""Which QEMU of a host runs a virtual machine, and what is known of it.

A report holds the QEMUs of its host. The one that is meant is the one that is named; else the only
one with the machine type; else, of several, the one that the host would use anyway. What it makes
of the virtual machine its definitions say: those that are here, where they are of a QEMU of that
very identity, else those that the report brings along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from platform_abi.compat.finding import VIEW_UNKNOWN, Finding, Severity
from platform_abi.compat.modules import module_findings
from platform_abi.errors import DefinitionError, ReportError, UsageError, first_of, suggest
from platform_abi.model.memo import MEMO_LIMIT, remembered
from platform_abi.model.value import evolve, frozen

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.host import HostReport
    from platform_abi.model.reported import ReportedQemu
    from platform_abi.model.vm import VirtualMachine

#: So many QEMUs are named.
_NAMED = 6

#: As many characters of an identity tell one QEMU from another.
_SHORT = 8


@frozen(kw_only=True)
class HostQemu:
    """The QEMU of a host that runs a virtual machine, None where it is not known which.

    *findings* is what there is to say of that.
    """

    qemu: ReportedQemu | None = None
    findings: tuple[Finding, ...] = ()


def choose_qemu(
    report: HostReport,
    vm: VirtualMachine,
    wanted: str | None = None,
    *,
    allow_unknown: bool = False,
) -> HostQemu:
    """Return which QEMU of *report* runs *vm*.

    *wanted* is its path, the last part of that, its version, its identity or its build, or a
    beginning of the identity. Raises UsageError (``unknown-qemu``) where it is none of them, or of
    several.
    """
    fit = [qemu for qemu in report.qemus if qemu.arch == vm.arch]
    if wanted is not None:
        return HostQemu(qemu=_wanted(report, fit, wanted))
    if not fit:
        return HostQemu(findings=(_not_reported(report, vm),))
    having = [qemu for qemu in fit if qemu.machine(vm.machine) is not None]
    if not having:
        return HostQemu(qemu=_one(fit) or fit[0])
    one = _one(having)
    if one is not None:
        return HostQemu(qemu=one)
    return HostQemu(findings=(_ambiguous(having, vm, allow_unknown=allow_unknown),))


def _one(qemus: Sequence[ReportedQemu]) -> ReportedQemu | None:
    """Return the one that is meant where nobody says, None where that is not clear."""
    if len({qemu.identity or qemu.path for qemu in qemus}) == 1:
        return qemus[0]
    usual = [qemu for qemu in qemus if qemu.usual]
    return usual[0] if len(usual) == 1 else None


def _wanted(report: HostReport, fit: Sequence[ReportedQemu], wanted: str) -> ReportedQemu:
    found = [qemu for qemu in fit if wanted in _names(qemu)]
    found = found or [
        qemu for qemu in fit if qemu.identity.partition(":")[2].startswith(wanted) and wanted
    ]
    if len({qemu.identity or qemu.path for qemu in found}) == 1:
        return found[0]
    names = sorted({name for qemu in fit for name in _names(qemu)})
    said = f"{'several' if found else 'none'} of the QEMUs of {report.name or 'the report'}"
    raise UsageError(
        f"{wanted} is {said}{suggest(wanted, names)}",
        code="unknown-qemu",
        help=f"it has {first_of([_called(qemu) for qemu in fit], _NAMED) or 'none'}",
    )


def _names(qemu: ReportedQemu) -> set[str]:
    last = qemu.path.rpartition("/")[2]
    return {qemu.path, last, qemu.version, qemu.identity, qemu.build} - {""}


def _called(qemu: ReportedQemu) -> str:
    return f"{qemu.path or qemu.build} ({qemu.version})"


def _not_reported(report: HostReport, vm: VirtualMachine) -> Finding:
    if report.qemus:
        said = f"no QEMU of the report is for {vm.arch} guests"
    else:
        said = "the report holds no QEMU"
    return Finding(
        code="qemu-unknown",
        severity="warn",
        message=f"{said}: whether {vm.machine} is the same there is not known",
        help="write it anew on that host: platform-abi host --qemu BINARY --json",
    )


def _ambiguous(
    qemus: Sequence[ReportedQemu], vm: VirtualMachine, *, allow_unknown: bool
) -> Finding:
    return Finding(
        code="qemu-ambiguous",
        severity="warn" if allow_unknown else "blocked",
        message=f"the host has {len(qemus)} QEMUs with {vm.machine}, and nothing says which is to "
        f"run it: {first_of([_called(qemu) for qemu in qemus], _NAMED)}",
        help="name it with --to-qemu, or with --from-qemu where it comes from",
    )


# --- what is known of it -------------------------------------------------------------------------


def with_qemus(
    catalogue: Catalogue, qemus: Sequence[ReportedQemu | None]
) -> tuple[Catalogue, list[str | None]]:
    """Return *catalogue* with the builds that *qemus* are, and what each is called there.

    None is one of which nothing is known. Raises ReportError (``report-invalid``) where what a
    report brings along are no definitions.
    """
    brought = [q for q in qemus if q is not None and q.content and not _here(catalogue, q)]
    beside = _beside(catalogue, tuple(dict.fromkeys(brought))) if brought else catalogue
    names: list[str | None] = []
    for qemu in qemus:
        if qemu is None or not (qemu.content or _here(catalogue, qemu)):
            names.append(None)
        else:
            names.append(qemu.build if _here(catalogue, qemu) else _name(qemu))
    return beside, names


@remembered(MEMO_LIMIT)
def _here(catalogue: Catalogue, qemu: ReportedQemu) -> bool:
    """Return whether the build that *qemu* is called in its report is here as well.

    It is where the definitions here give every machine type what they gave it there: a name alone
    proves nothing.
    """
    if not catalogue.has_build(qemu.build, qemu.arch):
        return False
    from platform_abi.resolver.fingerprint import build_fingerprint

    return qemu.fingerprint == build_fingerprint(catalogue, qemu.build, qemu.arch)


def _name(qemu: ReportedQemu) -> str:
    """Return what to call *qemu* beside the builds that are here.

    One that was asked has a part of its identity in its name already, and no other QEMU's has it.
    """
    digits = qemu.identity.rpartition(":")[2][:_SHORT]
    if digits and digits in qemu.build:
        return qemu.build
    return f"{qemu.build}~{digits or len(qemu.content)}"


@remembered(MEMO_LIMIT)
def _beside(catalogue: Catalogue, qemus: tuple[ReportedQemu, ...]) -> Catalogue:
    from platform_abi.definitions.beside import builds_beside
    from platform_abi.definitions.held import held

    more = {}
    for qemu in qemus:
        try:
            definitions = held(qemu.content, qemu.build, qemu.arch, f"content of {_called(qemu)}")
            definitions.types(qemu.build, qemu.arch)
            definitions.property_rows(qemu.build, qemu.arch)
            definitions.unmigratable(qemu.build, qemu.arch)
        except DefinitionError as error:
            raise ReportError(
                error.faults[0], code="report-invalid", details=error.faults[1:]
            ) from None
        more[_name(qemu)] = (definitions, qemu.build, qemu.arch)
    return builds_beside(catalogue, more)


# --- what it makes of the virtual machine --------------------------------------------------------


def qemu_findings(
    catalogue: Catalogue,
    abi: GuestAbi,
    end: HostQemu,
    start: HostQemu | None = None,
    *,
    allow_unknown: bool = False,
) -> Iterator[Finding]:
    """Yield what speaks against running the virtual machine of *abi* in the QEMU of *end*.

    *start* is the one that it comes from, None for a start.
    """
    yield from end.findings
    if end.qemu is None:
        return
    before = None if start is None else start.qemu
    beside, (build, since) = with_qemus(catalogue, (end.qemu, before))
    if build is not None:
        found = _in_build(beside, abi, build, _having(beside, abi, since), allow_unknown)
        yield from _looked_at(abi, found, (before, end.qemu))
    elif end.qemu.machines and end.qemu.machine(abi.vm.machine) is None:
        yield _no_machine(abi, end.qemu)
    elif before is None or not _alike(abi, before, end.qemu):
        yield _not_known(abi, end.qemu, allow_unknown=allow_unknown)
    elif not _one_program(before, end.qemu):
        yield from _looked_at(abi, [_not_seen(abi, before, end.qemu)], (before, end.qemu))
    if before is not None and before.views and end.qemu.views:
        from platform_abi.compat.reported_views import reported_view_findings

        pair, builds = (before, end.qemu), (since, build)
        yield from reported_view_findings(beside, abi, pair, builds, allow_unknown=allow_unknown)
    yield from module_findings(beside, abi, end.qemu, build)


def _looked_at(
    abi: GuestAbi, found: Iterable[Finding], qemus: tuple[ReportedQemu | None, ReportedQemu]
) -> Iterator[Finding]:
    """Yield *found*, and what of it is not known no warning where the reports of both *qemus* say.

    What these show otherwise is told by ``reported_view_findings``.
    """
    told = all(qemu is not None and abi.vm.machine in qemu.views for qemu in qemus)
    for each in found:
        yield evolve(each, severity="info") if told and each.code == VIEW_UNKNOWN else each


def build_of_source(
    catalogue: Catalogue, report: HostReport, abi: GuestAbi, wanted: str | None = None
) -> tuple[Catalogue, str | None]:
    """Return the build that the virtual machine of *abi* comes from, and a catalogue that has it.

    That is the QEMU of *report* that runs it, *wanted* where several could (``choose_qemu``); None
    where nothing is known of it, or it does not have the machine type.
    """
    chosen = choose_qemu(report, abi.vm, wanted, allow_unknown=True)
    known, (build,) = with_qemus(catalogue, (chosen.qemu,))
    return known, _having(known, abi, build)


@remembered(MEMO_LIMIT)
def _in_build(
    catalogue: Catalogue, abi: GuestAbi, build: str, since: str | None, allow_unknown: bool
) -> tuple[Finding, ...]:
    """Return what speaks against *build*: of a fleet, most hosts have one and the same QEMU."""
    # What compares builds is more than all else that a check needs.
    from platform_abi.compat.build import build_findings

    return (*build_findings(catalogue, abi, build, since=since, allow_unknown=allow_unknown),)


def _having(catalogue: Catalogue, abi: GuestAbi, build: str | None) -> str | None:
    """Return *build* where it has the machine type; else the virtual machine cannot run in it."""
    if build is None or abi.vm.machine not in catalogue.build(build, abi.vm.arch).machines:
        return None
    return build


def _alike(abi: GuestAbi, before: ReportedQemu, after: ReportedQemu) -> bool:
    """Return whether a machine type is one content in both, by what their reports say of it."""
    if _one_program(before, after):
        return True
    if before.fingerprint and before.fingerprint == after.fingerprint:
        return True
    pair = [qemu.machine(abi.vm.machine) for qemu in (before, after)]
    first, second = ("" if each is None else each.fingerprint for each in pair)
    return first != "" and first == second


def _one_program(before: ReportedQemu, after: ReportedQemu) -> bool:
    return before.identity != "" and before.identity == after.identity


def _not_seen(abi: GuestAbi, before: ReportedQemu, after: ReportedQemu) -> Finding:
    return Finding(
        code=VIEW_UNKNOWN,
        severity="warn",
        message=f"{abi.vm.machine} is one content in {before.known_by} and in {after.known_by}; "
        "what a guest finds of its devices in either was not compared",
        help=f"'platform-abi host --qemu BINARY --look {abi.vm.machine}' on both hosts says "
        "whether they show the same",
    )


def _no_machine(abi: GuestAbi, qemu: ReportedQemu) -> Finding:
    return Finding(
        code="machine-missing",
        severity="blocked",
        message=f"{qemu.known_by} of this host has no machine type {abi.vm.machine}",
        help="choose a QEMU that has it",
    )


def _not_known(abi: GuestAbi, qemu: ReportedQemu, *, allow_unknown: bool) -> Finding:
    severity: Severity = "warn" if allow_unknown else "blocked"
    named = f", which its report calls {qemu.build}" if qemu.build else ""
    return Finding(
        code="machine-content-unknown",
        severity=severity,
        message=f"what {qemu.known_by}{named} makes of {abi.vm.machine} is not known here",
        help="install the definitions that the report was written with, or write it anew there: "
        "platform-abi host --qemu BINARY --json",
    )
