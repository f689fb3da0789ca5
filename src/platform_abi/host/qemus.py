"""A QEMU of this host, as the host's report holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.definitions.search import packaged
from platform_abi.emit.held import held_text
from platform_abi.model.host import QEMU_DRIVERS
from platform_abi.model.reported import ReportedMachine, ReportedQemu
from platform_abi.qemu.here import flags_of
from platform_abi.resolver.fingerprint import build_fingerprint, content_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.machine import QemuBuild


def reported_qemu(
    catalogue: FileCatalogue,
    build: QemuBuild,
    *,
    path: str,
    identity: str = "",
    usual: bool = False,
    sets: Mapping[str, tuple[str, ...]] | None = None,
) -> ReportedQemu:
    """Return what a report holds of the QEMU *path*, which is *build* of *catalogue*.

    *sets* are those of what it said of CPU models and drivers (``ask_qemu_here``). What it makes of
    its machine types is written out only where the definitions of *build* did not come with the
    package: those everybody has.
    """
    arch = build.arch
    files = catalogue.files.of("machines", build.name, arch)
    everybodys = any(root == packaged() for root, _ in files)
    return ReportedQemu(
        arch=arch,
        version=build.version,
        package=build.package,
        identity=identity,
        build=build.name,
        path=path,
        usual=usual,
        fingerprint=build_fingerprint(catalogue, build.name, arch),
        machines=tuple(
            ReportedMachine(
                name=machine.name,
                aliases=machine.aliases,
                default=machine.default,
                deprecated=machine.deprecated,
                fingerprint=content_fingerprint(catalogue, build.name, machine.name, arch),
            )
            for name in build.machines
            for machine in [catalogue.machine(build.name, name, arch)]
        ),
        content="" if everybodys else held_text(catalogue, build.name, arch),
        cpus=flags_of(sets or {}),
        lacking=_lacking(catalogue, build, (sets or {}).get(QEMU_DRIVERS)),
    )


def _lacking(
    catalogue: FileCatalogue, build: QemuBuild, drivers: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Return which drivers *build* has and *drivers* are not, None where these are not known."""
    if drivers is None:
        return None
    types = catalogue.types(build.name, build.arch)
    return tuple(sorted(types.parents.keys() - types.abstract - set(drivers)))
