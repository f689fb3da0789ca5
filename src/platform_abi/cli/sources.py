"""Virtual machines that the command line names: a lockfile's ABI, or one resolved of a source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from platform_abi.cli.render import note
from platform_abi.errors import UsageError, printable
from platform_abi.model.abi import GuestAbi

if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport
    from platform_abi.model.vm import VirtualMachine
    from platform_abi.source.reading import VmReading


def read(
    catalogue: FileCatalogue, name: str, *, arch: str | None = None, build: str | None = None
) -> GuestAbi | VmReading:
    """Return what the source *name* says, and print what was remarked and not read of it."""
    from platform_abi.source.origins import read_source

    found = read_source(catalogue, name, arch=arch, build=build)
    if not isinstance(found, GuestAbi):
        for text in found.remarks:
            note("note", f"{printable(name)}: {text}", "dim")
        for each in found.unread:
            note("not read", f"{printable(name)}: {each}")
    return found


def vm_of_source(
    catalogue: FileCatalogue, name: str, *, arch: str | None = None, build: str | None = None
) -> tuple[VirtualMachine, str | None]:
    """Return the virtual machine of a source, and the platform that it names; None: it names none.

    One of a lockfile is for the platform that this one is for.
    """
    found = read(catalogue, name, arch=arch, build=build)
    return found.vm, found.platform


def abi_of_source(
    catalogue: FileCatalogue,
    name: str,
    *,
    platform: str | None = None,
    arch: str | None = None,
    build: str | None = None,
    strict: bool = False,
    host: Callable[[], HostReport] | None = None,
) -> GuestAbi:
    """Return the ABI of a lockfile, or of the virtual machine that another source describes.

    Where neither *platform* nor the source names a platform it is the newest that *host* supports
    for such a virtual machine, this one where None is told. Raises UsageError where a lockfile is
    to have another platform.
    """
    from platform_abi.resolver.resolve import resolve

    found = read(catalogue, name, arch=arch, build=build)
    if isinstance(found, GuestAbi):
        if platform is not None:
            raise UsageError(
                "a lockfile already says machine and platform; give one or the other",
                code="usage",
                help=f"'platform-abi lock {printable(name)} --platform {platform} -o FILE'",
            )
        return found
    wanted = platform or found.platform or newest_for(catalogue, found.vm, host)
    # Nothing is asked for devices that it does not have: only what is there has to start.
    return resolve(catalogue, found.vm, wanted, strict=strict, hotplug=True)


def newest_for(
    catalogue: FileCatalogue, vm: VirtualMachine, host: Callable[[], HostReport] | None = None
) -> str:
    """Return the newest platform that a host supports for *vm*, this one for None, and say so."""
    from platform_abi.cli.hosts import policy, report_of
    from platform_abi.launch.start import choice
    from platform_abi.remote.destination import THIS

    report = report_of(catalogue, THIS) if host is None else host()
    wanted = choice(catalogue, vm, report, policy())
    where = "this host" if host is None else "its host"
    note("note", f"no platform is named: {wanted} is taken, the newest of {where}", "dim")
    return wanted
