"""Host reports that the command line names: a file, standard input, or this very host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from platform_abi.cli.render import note
from platform_abi.errors import HostError
from platform_abi.files import STDIN, read_bytes
from platform_abi.host.document import MAX_SIZE, read_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platform_abi.compat.supported import PlatformVerdict
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.launch.ahead import Ahead
    from platform_abi.model.host import HostReport

#: The name that stands for the host that this runs on.
THIS = "this"

#: What a site prefers where no platform was named: ``newest`` or ``conservative``.
POLICY_VARIABLE = "PLATFORM_ABI_POLICY"


def report_of(catalogue: FileCatalogue, name: str, *, hold_qemu: bool = False) -> HostReport:
    """Return the report called *name*: ``this`` probes, ``-`` is standard input, else a file.

    With *hold_qemu* a report of this very host holds the QEMU that it would use.

    Raises HostError where it cannot be read, ReportError where it is no report.
    """
    if name == THIS:
        return this_host(catalogue, hold_qemu=hold_qemu)
    called = "standard input" if name == STDIN else name
    return read_report(read_bytes(name, MAX_SIZE, stdin=True), called)


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
    from platform_abi.compat.evidence import complete, from_configuration

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
    from attrs import evolve

    from platform_abi.model.host import of_one_qemu

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
