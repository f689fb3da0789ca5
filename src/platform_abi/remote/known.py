"""What definitions know of the QEMUs that another host has, which were asked there by a script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from platform_abi.author.learning import build_that_says
from platform_abi.host.qemus import reported_qemu
from platform_abi.launch.known import kept_qemu
from platform_abi.model.host import QEMU_DRIVERS
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport
    from platform_abi.model.machine import QemuBuild
    from platform_abi.model.reported import ReportedQemu


def with_known_qemus(catalogue: FileCatalogue, report: HostReport) -> HostReport:
    """Return *report* with what is known here of its QEMUs that only say what they are called.

    It is as if each had been reported by an installed probe: what it makes of its machine types
    follows from the definitions of its version and package, or from what a QEMU of its identity has
    said of itself here. One of which neither is known stays as it is: then nobody knows.
    """
    return evolve(report, qemus=tuple(_known(catalogue, qemu) for qemu in report.qemus))


def _known(catalogue: FileCatalogue, qemu: ReportedQemu) -> ReportedQemu:
    if qemu.build or qemu.fingerprint or qemu.content:
        return qemu  # whoever wrote it knew
    found = _found(catalogue, qemu)
    if found is None:
        return qemu
    told = reported_qemu(
        *found,
        path=qemu.path,
        identity=qemu.identity,
        usual=qemu.usual,
        sets={} if qemu.drivers is None else {QEMU_DRIVERS: qemu.drivers},
    )
    return evolve(told, cpus=qemu.cpus)


def _found(catalogue: FileCatalogue, qemu: ReportedQemu) -> tuple[FileCatalogue, QemuBuild] | None:
    if _IDENTITY.fullmatch(qemu.identity):
        modular = {driver for each in catalogue.devices().modules for driver in each.drivers}
        here = modular.intersection(qemu.drivers or ())
        kept = kept_qemu(catalogue, qemu.identity, lambda _: None, here)
        if kept is not None:
            return kept
    version = _VERSION.fullmatch(qemu.version)
    if version is None:
        return None
    numbers = {part: int(number) for part, number in version.groupdict().items()}
    said = {"qemu": numbers, "package": qemu.package}
    build = build_that_says(catalogue, said, qemu.arch)
    return None if build is None else (catalogue, build)


#: As ``qemu.program`` has it: it becomes the name of a file, and anybody can write a report.
_IDENTITY = re.compile(r"(?:build-id|sha256):[0-9a-f]{32,}")

#: With the parts of query-version's answer.
_VERSION = re.compile(r"(?P<major>\d{1,3})\.(?P<minor>\d{1,3})\.(?P<micro>\d{1,3})", re.ASCII)
