"""The verb ``check``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from platform_abi.cli.findings import print_findings
from platform_abi.cli.hosts import reports_of
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import CheckOptions
from platform_abi.cli.render import Painted, print_json, say
from platform_abi.cli.vm import check_alone, platform_of, vm_of
from platform_abi.compat.check import check
from platform_abi.compat.finding import CheckVerdict, Finding, MigrationVerdict, Severity, Status
from platform_abi.compat.host_qemu import build_of_source
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import UsageError
from platform_abi.files import STDIN
from platform_abi.remote.destination import THIS
from platform_abi.source.reading import unread_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.host import HostReport


def run(options: CheckOptions) -> int:
    """Say whether a VM may start on a host, or move from one to another; 1 where it may not."""
    ends = _ends(options)
    catalogue = load_catalogue()
    named = options.vm is not None and options.build is not None
    # Once, also where the first of them says which platform to take.
    asked = cache(lambda: reports_of(catalogue, ends, hold_qemu=not named))
    abi = _abi(catalogue, options, lambda: asked()[0])
    further = [*_not_read(abi, options), *_of_words(catalogue, abi, options)]
    how: dict[str, Any] = {"allow_unknown": options.allow_unknown, "force": options.force}
    reports = asked()
    built = _of_build(catalogue, abi, options, reports)
    found: CheckVerdict | MigrationVerdict
    if len(reports) == 1:
        found = check(
            catalogue, abi, *reports, qemu=options.qemu, of_qemu=built, further=further, **how
        )
    else:
        from platform_abi.compat.migration import check_migration

        found = check_migration(
            catalogue,
            abi,
            *reports,
            qemus=(options.from_qemu, options.to_qemu),
            of_qemus=(None, built),
            further=further,
            **how,
        )
    if options.json:
        from platform_abi.compat.document import check_document

        print_json(check_document(found))
    elif isinstance(found, CheckVerdict):
        _print(f"start on {ends[0]}", found)
    else:
        _print(f"{ends[0]} -> {ends[1]}", found.forward)
        _print(f"{ends[1]} -> {ends[0]}", found.back)
    return int(found.status == "blocked")


def _ends(options: CheckOptions) -> tuple[str, ...]:
    """Return the host to start on, or the two to move between."""
    if options.source is None and options.destination is None:
        if options.from_qemu is not None or options.to_qemu is not None:
            raise UsageError("a QEMU of --host is named with --qemu", code="usage")
        return (options.host or THIS,)
    if options.qemu is not None:
        raise UsageError("name QEMUs of a migration with --from-qemu and --to-qemu", code="usage")
    if options.source is None or options.destination is None or options.host:
        raise UsageError("a migration takes --from and --to, and no --host", code="usage")
    if options.source == options.destination == STDIN:
        raise UsageError("standard input is one report, not two", code="usage")
    return (options.source, options.destination)


def _abi(
    catalogue: FileCatalogue, options: CheckOptions, host: Callable[[], HostReport]
) -> GuestAbi:
    """Return the ABI of the source, or of the virtual machine that the options describe.

    *host* is the report of the host that it starts on, or is on.
    """
    if options.vm is not None:
        from platform_abi.cli.sources import abi_of_source

        check_alone(options, "a source")
        return abi_of_source(
            catalogue,
            options.vm,
            platform=options.platform,
            arch=options.arch,
            build=options.build,
            host=host,
        )
    if options.machine is None and not options.words:
        raise UsageError(
            "nothing to check: name a virtual machine, or describe one",
            code="usage",
            help="a lockfile, a domain XML, pid:NUMBER, ...: 'platform-abi check --help' has all",
        )
    from platform_abi.resolver.resolve import resolve

    # Nothing is asked for devices that it does not have: only what is there has to start.
    return resolve(catalogue, vm_of(catalogue, options), platform_of(options), hotplug=True)


def _of_build(
    catalogue: FileCatalogue, abi: GuestAbi, options: CheckOptions, reports: Sequence[HostReport]
) -> list[Finding] | None:
    """Return what the build that is named to run a lockfile makes of it; None: none is named.

    Of two *reports* the first says which QEMU the guest comes from: what does not move from that
    to the build is told as well.
    """
    if options.vm is None or options.build is None:
        return None
    from platform_abi.compat.build import build_findings

    known, since = (
        build_of_source(catalogue, reports[0], abi, options.from_qemu)
        if len(reports) > 1
        else (catalogue, None)
    )
    return build_findings(
        known, abi, options.build, since=since, named=True, allow_unknown=options.allow_unknown
    )


def _not_read(abi: GuestAbi, options: CheckOptions) -> list[Finding]:
    """Return what nobody read of the virtual machine: whether it may move is not known of that."""
    unknown: Severity = "warn" if options.allow_unknown else "blocked"
    return [
        Finding(
            code="vm-unknown",
            severity=unknown,
            message=f"{what} is not read, so nobody can tell whether it is the same elsewhere",
            help="name the virtual machine by its command line: pid:NUMBER or 'qm showcmd'; "
            "or let it pass with --allow-unknown",
        )
        for what in unread_of(abi.vm)
    ]


def _of_words(catalogue: FileCatalogue, abi: GuestAbi, options: CheckOptions) -> list[Finding]:
    """Return what a guest could tell a lockfile's virtual machine from a command line by."""
    if options.vm is None or not options.words:
        return []
    from platform_abi.launch.compared import compared

    found = compared(
        catalogue, abi.vm, vm_of(catalogue, options), lambda *_: False, settings=abi.settings
    )
    unknown: Severity = "warn" if options.allow_unknown else "blocked"
    return [
        Finding(
            code="vm-differs",
            severity="blocked",
            message=text.strip(),
            help="start the virtual machine that the lockfile is for, or resolve again",
        )
        for text in found.different
    ] + [
        Finding(
            code="vm-unknown",
            severity=unknown,
            message=f"{options.vm} {text}",
            help="'platform-abi resolve ... --lock FILE -- QEMU ...' writes one with everything",
        )
        for text in found.untold
    ]


_STATUS_COLORS: dict[Status, str] = {"ok": "green", "warn": "yellow", "blocked": "red"}


def _print(title: str, verdict: CheckVerdict) -> None:
    status = Painted(verdict.status, _STATUS_COLORS[verdict.status])
    say(f"{title}: ", status, f"  ({verdict.platform})")
    if verdict.forced:
        say("  forced: nothing blocks")
    if verdict.allowed_unknown:
        say("  unknown capabilities were allowed")
    print_findings(verdict.findings, by="capability")
