"""Whether a guest ABI may move from one host to another, and come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from platform_abi.compat.agreement import agree
from platform_abi.compat.carriers import Carrier, Carriers, open_feature
from platform_abi.compat.check import check, of_host_qemu, verdict
from platform_abi.compat.cpu_asked import settled_bits
from platform_abi.compat.cpu_builds import cpu_build_findings
from platform_abi.compat.finding import CheckVerdict, Finding, MigrationVerdict, Severity, Status
from platform_abi.compat.host_qemu import HostQemu, choose_qemu, with_qemus
from platform_abi.compat.met import turned_off
from platform_abi.compat.newer_needs import with_newer_needs
from platform_abi.errors import of_device
from platform_abi.model.feature import Migration
from platform_abi.model.host import QEMU_VERSION, HostReport
from platform_abi.model.value import frozen
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
    abi = with_newer_needs(catalogue, abi)
    there, here = (
        _End(
            report=report,
            qemu=choose_qemu(report, abi.vm, wanted, allow_unknown=allow_unknown),
            of_qemu=said,
        )
        for report, wanted, said in zip((source, destination), qemus, of_qemus, strict=True)
    )
    # What is the same in both directions is asked once.
    carriers = Carriers(catalogue, abi)
    more, less = carriers.gained(source, destination), carriers.gained(destination, source)
    move = partial(
        _move,
        catalogue,
        abi,
        settled=settled_bits(catalogue, abi) if abi.unpinned else {},
        allow_unknown=allow_unknown,
        force=force,
    )
    forward = move(there, here, gained=(more, less), further=further)
    back = move(here, there, gained=(less, more), returns=True)
    worst = max(forward.status, back.status, key=_ORDER.index)
    return MigrationVerdict(status=worst, forward=forward, back=back)


@frozen(kw_only=True)
class _End:
    """A host that a guest moves from or to, which QEMU runs it there, and what is said of that."""

    report: HostReport
    qemu: HostQemu
    of_qemu: Sequence[Finding] | None = None

    @property
    def version(self) -> str | None:
        """The version of its QEMU; None where nobody knows it."""
        if self.qemu.qemu is None:
            return self.report.values.get(QEMU_VERSION)
        return self.qemu.qemu.version


#: Best first.
_ORDER: tuple[Status, ...] = ("ok", "warn", "blocked")


def _move(
    catalogue: Catalogue,
    abi: GuestAbi,
    start: _End,
    end: _End,
    *,
    settled: Mapping[str, int],
    gained: tuple[Sequence[Carrier], Sequence[Carrier]],
    allow_unknown: bool,
    force: bool,
    further: Sequence[Finding] = (),
    returns: bool = False,
) -> CheckVerdict:
    """Return whether a guest of *abi* may move from *start* to *end*, where it *returns* to.

    *settled* is what ``settled_bits`` says, *gained* what QEMU would turn on at *end* alone, and at
    *start* alone.
    """
    of_qemu = end.of_qemu
    if of_qemu is None:
        of_qemu = of_host_qemu(
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
        *cpu_build_findings(
            catalogue,
            abi,
            *reports,
            (start.qemu.qemu, end.qemu.qemu),
            allow_unknown=allow_unknown,
        ),
        *_left_open(catalogue, abi, start, end, settled, returns=returns),
        *_changed_defaults(*gained),
    )
    return verdict(abi, end.report, findings, allow_unknown=allow_unknown, force=force)


# --- what no host can help ------------------------------------------------------------------------


def _in_the_way(
    catalogue: Catalogue, abi: GuestAbi, ends: Sequence[_End], *, allow_unknown: bool
) -> Iterator[Finding]:
    """Yield why QEMU would refuse to migrate, or why nobody can say what would change.

    The QEMU of either of the *ends* refuses: it neither writes nor reads the state of a device
    that it does not migrate (migration/savevm.c, qemu_savevm_state_blocked, qemu_loadvm_state).
    """
    beside, _ = with_qemus(catalogue, [end.qemu.qemu for end in ends])
    told = [end.version for end in ends]
    versions = () if None in told else tuple(version for version in told if version is not None)
    for entry in obstacles(beside, abi.vm, versions, edition=abi.edition):
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
    catalogue: Catalogue,
    abi: GuestAbi,
    start: _End,
    end: _End,
    settled: Mapping[str, int],
    *,
    returns: bool,
) -> Iterator[Finding]:
    qemu = end.version
    off = turned_off(abi)
    for entry in abi.unpinned:
        feature = open_feature(catalogue, entry.what)
        agreement = agree(
            feature, start.report, end.report, settled, qemu=qemu, returns=returns, off=off
        )
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


def _changed_defaults(more: Sequence[Carrier], less: Sequence[Carrier]) -> Iterator[Finding]:
    """Yield what would change if the destination were started without the resolved values."""
    for code, word, carriers in (("offers-more", "more", more), ("offers-less", "less", less)):
        for carrier in carriers:
            of = of_device(carrier.device)
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
