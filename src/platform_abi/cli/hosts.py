"""Host reports that the command line names: a file, standard input, or this very host."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from platform_abi.cli.render import note
from platform_abi.errors import HostError
from platform_abi.files import STDIN, read_bytes
from platform_abi.host.document import MAX_SIZE, read_report
from platform_abi.remote.destination import SCHEME, THIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platform_abi.compat.supported import PlatformVerdict
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.launch.ahead import Ahead
    from platform_abi.model.host import HostReport
    from platform_abi.remote.hosts import AskedHost
    from platform_abi.remote.script import Wishes

#: What a site prefers where no platform was named: ``newest`` or ``conservative``.
POLICY_VARIABLE = "PLATFORM_ABI_POLICY"


def report_of(catalogue: FileCatalogue, name: str, *, hold_qemu: bool = False) -> HostReport:
    """Return the report called *name*: ``this`` and ``ssh:HOST`` probe, ``-`` is standard input.

    Else it is a file. With *hold_qemu* a report of this very host holds the QEMU that it would use.

    Raises HostError where it cannot be read or asked, ReportError where it is no report.
    """
    (report,) = reports_of(catalogue, [name], hold_qemu=hold_qemu)
    return report


def reports_of(
    catalogue: FileCatalogue, names: Sequence[str], *, hold_qemu: bool = False
) -> list[HostReport]:
    """Return what ``report_of`` does of each of *names*; those asked over ssh are asked at once."""
    remote = [name for name in names if name.startswith(SCHEME)]
    asked = {host.name: host for host in ask(catalogue, remote)} if remote else {}
    for host in asked.values():
        if host.error is not None:
            raise host.error
    told = {name: host.report for name, host in asked.items() if host.report is not None}
    return [
        told[name] if name in told else _read(catalogue, name, hold_qemu=hold_qemu)
        for name in names
    ]


def _read(catalogue: FileCatalogue, name: str, *, hold_qemu: bool) -> HostReport:
    if name == THIS:
        return this_host(catalogue, hold_qemu=hold_qemu)
    called = "standard input" if name == STDIN else name
    report = read_report(read_bytes(name, MAX_SIZE, stdin=True), called)
    if all(qemu.build for qemu in report.qemus):
        return report
    from platform_abi.remote.known import with_known_qemus

    # A script's report says what its QEMUs are called, and no more.
    return with_known_qemus(catalogue, report)


def ask(
    catalogue: FileCatalogue, names: Sequence[str], wishes: Wishes | None = None
) -> list[AskedHost]:
    """Return what becomes of asking hosts that are called ``ssh:HOST``, all at once.

    How far that is is shown on a terminal, and what could not be asked of a host is remarked.
    """
    from functools import partial

    from platform_abi.cli.render import show_progress
    from platform_abi.remote.hosts import ask_hosts

    told: dict[str, Any] = {}
    if sys.stderr.isatty():
        told["progress"] = partial(show_progress, "hosts asked", of=len(names))
        told["progress"](0)
    hosts = ask_hosts(catalogue, names, wishes, **told)
    for host in hosts:
        for remark in host.remarks:
            note("note", f"{host.name}: {remark}")
    return hosts


def choose(
    verdicts: tuple[PlatformVerdict, ...], report: HostReport, wanted: str | None = None
) -> PlatformVerdict | None:
    """Return the platform to choose by the policy *wanted*, else by what this site prefers."""
    from platform_abi.compat.supported import newest

    return newest(verdicts, report, wanted or policy())


def policy() -> str:
    """Return what this site prefers where no platform was named."""
    return os.environ.get(POLICY_VARIABLE) or "newest"


def probe_this(
    catalogue: FileCatalogue,
    ahead: Ahead,
    *,
    qemu: str | None = None,
    timeout: float | None = None,
    held: Sequence[str] = (),
) -> HostReport:
    """Return what this host offers, asked of whom is under way *ahead*, with the QEMUs *held*.

    *qemu* is the binary that somebody named to be asked what only a QEMU knows: one that does not
    answer is a HostError. The usual one that does not leaves facts unknown, and a remark says so.
    """
    from platform_abi.compat.completion import complete, from_configuration

    capabilities = catalogue.capabilities()
    report = ahead.host(capabilities, timeout)
    try:
        report = complete(report, ahead.qemu(capabilities, drivers=bool(held), timeout=timeout))
    except HostError as error:
        if qemu is not None:
            raise
        note("no QEMU asked", error.message)
        held = ()
    if held:
        from platform_abi.cli.qemus import with_reported_qemus

        report = with_reported_qemus(
            catalogue, report, held, named=qemu is not None, timeout=timeout
        )
    return from_configuration(catalogue, without_flags(report))


def without_flags(report: HostReport) -> HostReport:
    """Return *report* without what is a QEMU's, and is written with that."""
    from platform_abi.model.host import of_one_qemu
    from platform_abi.model.value import evolve

    sets = {name: its for name, its in report.sets.items() if not of_one_qemu(name)}
    return evolve(report, sets=sets)


def this_host(
    catalogue: FileCatalogue, *, ask_qemu: bool = True, hold_qemu: bool = False
) -> HostReport:
    """Return what this host offers; without *ask_qemu*, which QEMU it has is no question.

    With *hold_qemu* the report holds that QEMU.
    """
    from platform_abi.launch.ahead import Ahead
    from platform_abi.qemu.binary import find_qemu, host_architecture

    usual = find_qemu(os.environ, host_architecture()) if ask_qemu else None
    held = [usual] if hold_qemu and usual is not None else []
    with Ahead(usual) as ahead:
        return probe_this(catalogue, ahead, held=held)
