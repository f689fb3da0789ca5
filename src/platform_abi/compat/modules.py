"""Devices that a build of QEMU has and a host has not: their modules are not installed there.

The definitions say what a binary can have. A module is a file of its own, in a package of its own:
only who asks that QEMU on that host knows of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding
from platform_abi.errors import PlatformAbiError, of_device
from platform_abi.model.value import frozen
from platform_abi.resolver.machine_choice import choose_machine

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.reported import ReportedQemu

#: What the names of facts begin with that say which display ``-vga`` makes.
_DISPLAY = "vga."


@frozen(kw_only=True)
class Asked:
    """A driver that a command line asks for; *label* None: by ``-vga``. *module*: it may be in."""

    driver: str
    label: str | None
    module: str


def asked_drivers(catalogue: Catalogue, abi: GuestAbi, build: str | None = None) -> Iterator[Asked]:
    """Yield the drivers that *abi*'s command line asks for, by the names of *build*'s types."""
    vm, table = abi.vm, catalogue.devices()
    if build is None:
        try:
            build = choose_machine(catalogue, vm.machine, vm.arch, vm.build)[0].name
        except PlatformAbiError:  # a lockfile outlives definitions
            build = None
    for label, device in vm.labelled():
        driver = device.driver
        if build is not None:
            driver = catalogue.types(build, vm.arch).canonical(driver)
        yield Asked(driver=driver, label=label, module=table.module_of(driver))
    shown = {text for name, text in vm.hardware or () if name.startswith(_DISPLAY)}
    for module in table.modules:
        if module.vga and module.vga in shown:
            yield Asked(driver=module.drivers[0], label=None, module=module.name)


def module_findings(
    catalogue: Catalogue, abi: GuestAbi, qemu: ReportedQemu, build: str | None
) -> Iterator[Finding]:
    """Yield the drivers of *abi* that *qemu*, called *build*, has not on its host.

    Of a report that does not say, those that may be missing there are unknown. A driver that the
    build does not have at all is told elsewhere.
    """
    for asked in asked_drivers(catalogue, abi, build):
        if qemu.lacking is not None:
            if asked.driver in qemu.lacking:
                yield _missing(asked, f"{qemu.known_by} of this host")
        elif asked.module and (
            build is None or asked.driver in catalogue.types(build, abi.vm.arch)
        ):
            yield Finding(
                code="driver-unknown",
                severity="warn",
                message=f"the report does not say whether {qemu.known_by} has {_named(asked)} on "
                f"that host: it is in a module of QEMU's, {asked.module}, that may be missing",
                help="write it anew on that host: platform-abi host --qemu BINARY --json",
                value=asked.driver,
                device=asked.label,
            )


def not_installed(
    catalogue: Catalogue, abi: GuestAbi, drivers: Collection[str]
) -> Iterator[Finding]:
    """Yield the drivers of *abi* that are a module's and not among *drivers*, which a QEMU has."""
    for asked in asked_drivers(catalogue, abi):
        if asked.module and asked.driver not in drivers:
            yield _missing(asked, "the QEMU that is to be started")


def has_modules(catalogue: Catalogue, abi: GuestAbi) -> bool:
    """Return whether a driver of *abi* is one that a QEMU may have in a module."""
    return any(asked.module for asked in asked_drivers(catalogue, abi))


def _missing(asked: Asked, where: str) -> Finding:
    module = f"QEMU's module {asked.module}" if asked.module else "the module of QEMU's that has it"
    return Finding(
        code="driver-missing",
        severity="blocked",
        message=f"{where} has no driver {_named(asked)}: a module of QEMU's is not installed there",
        help=f"install {module}, or take the device out",
        value=asked.driver,
        device=asked.label,
    )


def _named(asked: Asked) -> str:
    if asked.label is None:
        return f"{asked.driver}, which -vga makes"
    return f"{asked.driver}{of_device(asked.label)}"
