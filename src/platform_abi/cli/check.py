"""The verb ``check``."""

from __future__ import annotations

import argparse
import sys

from platform_abi.cli.findings import print_findings
from platform_abi.cli.hosts import report_of
from platform_abi.cli.render import paint, print_json
from platform_abi.cli.vm import platform_of, vm_of
from platform_abi.compat.check import check, check_migration
from platform_abi.compat.finding import CheckVerdict, Finding, Status
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.errors import UsageError, printable
from platform_abi.files import STDIN
from platform_abi.model.abi import GuestAbi


def run(arguments: argparse.Namespace) -> int:
    """Say whether a VM may start on a host, or move from one to another; 1 where it may not."""
    moving = arguments.source is not None or arguments.destination is not None
    if moving and (arguments.source is None or arguments.destination is None or arguments.host):
        raise UsageError("a migration takes --from and --to, and no --host", code="usage")
    if arguments.source == arguments.destination == STDIN:
        raise UsageError("standard input is one report, not two", code="usage")
    catalogue = load_catalogue()
    abi = _abi(catalogue, arguments)
    further = _of_build(catalogue, abi, arguments)
    how = {"allow_unknown": arguments.allow_unknown, "force": arguments.force}
    status: Status
    if moving:
        ends = [report_of(catalogue, n) for n in (arguments.source, arguments.destination)]
        both = check_migration(catalogue, abi, ends[0], ends[1], further=further, **how)
        status = both.status
        if arguments.json:
            from platform_abi.compat.document import migration_document

            print_json(migration_document(both))
        else:
            _print(f"{arguments.source} -> {arguments.destination}", both.forward)
            _print(f"{arguments.destination} -> {arguments.source}", both.back)
    else:
        name = arguments.host or "this"
        one = check(catalogue, abi, report_of(catalogue, name), further=further, **how)
        status = one.status
        if arguments.json:
            from platform_abi.compat.document import check_document

            print_json(check_document(one))
        else:
            _print(f"start on {name}", one)
    return int(status == "blocked")


def _abi(catalogue: FileCatalogue, arguments: argparse.Namespace) -> GuestAbi:
    """Return the ABI of the lockfile, or of the virtual machine that the options describe."""
    if arguments.lock is not None:
        from platform_abi.emit.lockfile import read_lock, read_text

        if arguments.machine is not None or arguments.platform is not None:
            raise UsageError(
                "a lockfile already says machine and platform; give one or the other", code="usage"
            )
        return read_lock(read_text(arguments.lock), arguments.lock)
    if arguments.machine is None:
        raise UsageError(
            "nothing to check: name a lockfile, or describe a VM",
            code="usage",
            help="'platform-abi resolve ... --lock vm.lock' writes one",
        )
    from platform_abi.resolver.resolve import resolve

    return resolve(catalogue, vm_of(catalogue, arguments), platform_of(arguments))


def _of_build(
    catalogue: FileCatalogue, abi: GuestAbi, arguments: argparse.Namespace
) -> list[Finding]:
    """Return what the build that is to run a lockfile makes of its machine type."""
    if arguments.lock is None or arguments.build is None:
        return []
    from platform_abi.compat.machine_content import compare_machine, machine_findings

    verdict = compare_machine(catalogue, abi, arguments.build)
    return machine_findings(verdict, allow_unknown=arguments.allow_unknown)


_STATUS_COLORS: dict[Status, str] = {"ok": "green", "warn": "yellow", "blocked": "red"}


def _print(title: str, verdict: CheckVerdict) -> None:
    status = paint(verdict.status, _STATUS_COLORS[verdict.status], sys.stdout)
    print(f"{printable(title)}: {status}  ({verdict.platform})")
    if verdict.forced:
        print("  forced: nothing blocks")
    if verdict.allowed_unknown:
        print("  unknown capabilities were allowed")
    print_findings(verdict.findings, by="capability")
