"""What guests find in the QEMUs of this host, looked at for its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.compat.host_qemu import with_qemus
from platform_abi.errors import UsageError, unknown
from platform_abi.guest.fingerprints import view_fingerprints
from platform_abi.guest.look import TIMEOUT, guest_views, no_view
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport
    from platform_abi.model.reported import ReportedQemu


def with_views(
    catalogue: FileCatalogue,
    report: HostReport,
    names: Sequence[str],
    *,
    timeout: float | None = None,
) -> HostReport:
    """Return *report* with what guests of the machine types *names* find in each of its QEMUs.

    A name may be an alias, and be known to some of the QEMUs only. *timeout* in seconds bounds each
    answer of a QEMU. Raises UnknownNameError (``unknown-machine``) for a name that none of them
    has, UsageError for what cannot be looked at (``no-guest-view``) or where no QEMU is reported.
    """
    if not report.qemus:
        raise UsageError("there is no QEMU to look at", code="usage", help="name one with --qemu")
    meant = {qemu.order: [m.name for n in names if (m := qemu.machine(n))] for qemu in report.qemus}
    for name in names:
        if not any(qemu.machine(name) for qemu in report.qemus):
            every = sorted({m.name for qemu in report.qemus for m in qemu.machines})
            raise unknown("machine type", name, every, code="unknown-machine")
    return evolve(
        report,
        qemus=tuple(
            _looked(catalogue, qemu, meant[qemu.order], timeout or TIMEOUT) for qemu in report.qemus
        ),
    )


def _looked(
    catalogue: FileCatalogue, qemu: ReportedQemu, machines: Sequence[str], timeout: float
) -> ReportedQemu:
    beside, (build,) = with_qemus(catalogue, [qemu])
    looked_at = catalogue.guest_devices(qemu.arch)
    if not machines:
        return qemu
    if looked_at is None or build is None:
        raise no_view(looked_at, ", ".join(machines), qemu.arch)
    types = beside.types(build, qemu.arch)
    drivers = frozenset(types.parents) - types.abstract - {*(qemu.lacking or ())}
    views = guest_views(
        qemu.path,
        list(dict.fromkeys(machines)),
        arch=qemu.arch,
        drivers=drivers,
        looked_at=looked_at,
        timeout=timeout,
    )
    return evolve(
        qemu, views={name: view_fingerprints(view, looked_at) for name, view in views.items()}
    )
