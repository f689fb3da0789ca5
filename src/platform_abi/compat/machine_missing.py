"""Whether a QEMU has the machine type of a virtual machine at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from platform_abi.compat.finding import Finding
from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import QEMU_PACKAGE, QEMU_VERSION, HostReport
from platform_abi.model.machine import QemuBuild
from platform_abi.model.platform import release_key
from platform_abi.resolver.machine_choice import choose_machine, same_build


def missing_in_build(catalogue: Catalogue, abi: GuestAbi, build: str) -> Iterator[Finding]:
    """Yield that *build* lacks the machine type of *abi*, where it does.

    Raises UnknownNameError for no such build.
    """
    known = catalogue.build(build, abi.vm.arch)
    if not _has(known, abi.vm.machine):
        yield _missing(catalogue, abi, build)


def missing_on_host(catalogue: Catalogue, abi: GuestAbi, report: HostReport) -> Iterator[Finding]:
    """Yield that the QEMU of *report* lacks the machine type of *abi*, where that is certain.

    It is where that very package is known here, and where a machine type is newer than the QEMU.
    """
    version = report.values.get(QEMU_VERSION)
    if version is None or report.arch != abi.vm.arch:
        return
    package = report.values.get(QEMU_PACKAGE, "")
    # Those that were asked are read only where none of the definitions is it.
    names = chain.from_iterable(of(report.arch) for of in (catalogue.builds, catalogue.learned))
    builds = (catalogue.build(name, report.arch) for name in names)
    known = next((build for build in builds if same_build(build, version, package)), None)
    lacks = _newer(catalogue, abi, version) if known is None else not _has(known, abi.vm.machine)
    if lacks:
        yield _missing(catalogue, abi, f"QEMU {version} of this host")


def _has(build: QemuBuild, machine: str) -> bool:
    return machine in build.machines or machine in build.aliases


def _newer(catalogue: Catalogue, abi: GuestAbi, version: str) -> bool:
    """Return whether the machine type is of a later release than a QEMU of *version*."""
    vm = abi.vm
    try:
        _, machine = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
    except PlatformAbiError:
        return False  # a lockfile outlives definitions
    if machine.generation is None or _development(version):
        return False
    return release_key(version) < release_key(machine.generation)


#: The third number from which on it is on the way to the next release (QEMU's VERSION file).
_NEXT = 50


def _development(version: str) -> bool:
    numbers = version.split(".")
    return len(numbers) > 2 and numbers[2].isdigit() and int(numbers[2]) >= _NEXT  # noqa: PLR2004


def _missing(catalogue: Catalogue, abi: GuestAbi, where: str) -> Finding:
    vm = abi.vm
    having = [b for b in catalogue.builds(vm.arch) if _has(catalogue.build(b, vm.arch), vm.machine)]
    return Finding(
        code="machine-missing",
        severity="blocked",
        message=f"{where} has no machine type {vm.machine}",
        help=f"choose a QEMU that has it{told_to_have_it(having)}",
    )


def told_to_have_it(builds: Sequence[str]) -> str:
    """Return what to say behind a help of the *builds* that have what another one lacks."""
    if not builds:
        return ""
    return f"; {' and '.join(builds)} {'have' if len(builds) > 1 else 'has'} it"
