"""The host that this runs on, as the verb ``host`` asks it, by its options."""

from __future__ import annotations

import os

from platform_abi.errors import HostError
from platform_abi.qemu.binary import find_qemu, host_architecture

# Everything else is imported while the host is being asked. typing costs as much; type checkers
# know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from platform_abi.cli.options import HostOptions
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.launch.ahead import Ahead
    from platform_abi.model.host import HostReport


def reported_binaries(options: HostOptions) -> Sequence[str]:
    """Return the QEMUs of this host that its report is to hold, the one to be asked first."""
    usual = None if options.no_qemu else find_qemu(os.environ, host_architecture())
    return options.qemu or (() if usual is None else (usual,))


def probed(
    catalogue: FileCatalogue, options: HostOptions, ahead: Ahead, qemus: Sequence[str]
) -> HostReport:
    """Return what this host offers, asked of whom is under way *ahead*, with *qemus*."""
    from platform_abi.cli.hosts import probe_this
    from platform_abi.model.value import evolve

    named = next(iter(options.qemu), None)
    report = probe_this(catalogue, ahead, qemu=named, timeout=options.timeout, held=qemus)
    if options.look:
        from platform_abi.cli.looked import with_views

        report = with_views(catalogue, report, options.look, timeout=options.timeout)
    if options.oracle:
        report = _witnessed(catalogue, report, options)
    if options.infer:
        from platform_abi.compat.evidence import predict

        report = predict(catalogue, report)
    return report if options.name is None else evolve(report, name=options.name)


def _witnessed(catalogue: FileCatalogue, report: HostReport, options: HostOptions) -> HostReport:
    """Return *report* completed by a throw-away QEMU, and say where one contradicts the other."""
    from platform_abi.cli.render import note
    from platform_abi.compat.agreement import compare_probes
    from platform_abi.compat.completion import complete
    from platform_abi.host.witness import TIMEOUT, ask_qemu

    binary = next(iter(options.qemu), None) or find_qemu(os.environ, report.arch)
    if binary is None:
        raise HostError("no QEMU found to ask", code="qemu-not-found", help="name one with --qemu")
    seen = ask_qemu(catalogue, binary, timeout=options.timeout or TIMEOUT)
    for found in compare_probes(report, seen):
        note(
            "disputed",
            f"{found.capability}: {found.first.state} ({found.first.detail}), "
            f"but {found.second.state} ({found.second.detail})",
        )
    return complete(report, seen)
