"""The QEMUs of this host, told apart and written into its report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from platform_abi.author.learning import known_qemu
from platform_abi.author.reading import TIMEOUT
from platform_abi.cli.render import note
from platform_abi.errors import HostError
from platform_abi.host.qemus import reported_qemu
from platform_abi.model.host import QEMU_DRIVERS, of_one_qemu
from platform_abi.model.value import evolve
from platform_abi.qemu.binary import find_qemu, qemu_path
from platform_abi.qemu.here import ask_qemu_here
from platform_abi.qemu.identity import qemu_identity
from platform_abi.qemu.program import file_identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport
    from platform_abi.model.reported import ReportedQemu


def with_reported_qemus(
    catalogue: FileCatalogue,
    report: HostReport,
    binaries: Sequence[str],
    *,
    named: bool = True,
    timeout: float | None = None,
) -> HostReport:
    """Return *report* with the QEMUs *binaries*, of which the first is the one that was asked.

    One that nobody knows is asked for all it has, once. Raises HostError where that fails; of one
    that was not *named* a remark says so.
    """
    asked = {name: its for name, its in report.sets.items() if of_one_qemu(name)}
    qemus = []
    for place, binary in enumerate(binaries):
        try:
            said = asked if place == 0 else ask_qemu_here(binary, timeout=timeout or TIMEOUT).sets
            qemus.append(_reported(catalogue, binary, said, timeout or TIMEOUT))
        except HostError as error:
            if named:
                raise
            note("no QEMU reported", error.message)
    sets = {name: its for name, its in report.sets.items() if name not in asked}
    return evolve(report, sets=sets, qemus=tuple(sorted(qemus, key=lambda qemu: qemu.order)))


def _reported(
    catalogue: FileCatalogue, binary: str, sets: Mapping[str, tuple[str, ...]], timeout: float
) -> ReportedQemu:
    def tell(text: str) -> None:
        note("unknown QEMU", text)

    # One that was learned without a module is asked again when the module has come.
    modular = {driver for module in catalogue.devices().modules for driver in module.drivers}
    drivers = modular.intersection(sets.get(QEMU_DRIVERS, ()))
    known, build = known_qemu(catalogue, binary, tell, drivers=drivers, timeout=timeout)
    path = qemu_path(binary, os.environ, build.arch)
    return reported_qemu(
        known,
        build,
        path=path,
        identity=_identity(path, timeout),
        usual=find_qemu(os.environ, build.arch) == path,
        sets=sets,
    )


def _identity(path: str, timeout: float) -> str:
    """Return what tells the QEMU from others: its program's own, also where a script starts it."""
    found = file_identity(path)
    if found is None:
        started = qemu_identity(path, timeout=timeout)
        found = None if started is None else started.program
    return found or ""
