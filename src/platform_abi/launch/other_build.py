"""What the QEMU to be started makes of a lockfile that another one may have written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding
from platform_abi.errors import PlatformAbiError
from platform_abi.launch.host import Host
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.machine_choice import (
    nearest_build,
    same_build,
)

if TYPE_CHECKING:
    from platform_abi.compat.machine_content import MachineDifference
    from platform_abi.launch.platform_option import PlatformOption
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.guest import MachineView
    from platform_abi.model.vm import VirtualMachine

    Look = Callable[[GuestAbi], MachineView | None]


@frozen(kw_only=True)
class Moved:
    """What another build makes of a machine type: how that is undone, and what cannot be."""

    globals: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def running_build(
    catalogue: Catalogue, vm: VirtualMachine, host: Host
) -> tuple[Catalogue, str | None, bool]:
    """Return the build that the QEMU to be started is, or else the nearest, and who has it.

    And whether it is that very build.
    """
    known = host.known()
    if known is not None:
        knowing, build = known
        if vm.machine in build.machines and knowing.property_rows(build.name, vm.arch):
            return knowing, build.name, True
    version = host.version()
    if version is None:
        return catalogue, None, False
    found = nearest_build(catalogue, vm.machine, vm.arch, *version)
    if found is None:
        return catalogue, None, False
    return catalogue, found.name, same_build(found, *version)


def look_of(
    catalogue: Catalogue,
    abi: GuestAbi,
    build: str | None,
    wanted: bool | None,
    look: Callable[[GuestAbi], MachineView] | None,
) -> Look | None:
    """Return *look* where the QEMU to be started is looked at for a lockfile, else None.

    It is *wanted*; or nobody says so, and *build* or the one that *abi* was locked in is of no
    definition, and they are two: what guests find in one that was only asked what it has is told
    nowhere, and what is recorded of the other is of other devices than these. A look that nobody
    asked for may fail, and tells nothing then.
    """
    if look is None or wanted is False:
        return None
    if wanted:
        return look
    of = {build} if abi.content is None else {build, abi.content.build}
    if build is None or of <= {*catalogue.builds(abi.vm.arch)}:
        return None
    return None if abi.content is not None and of == {build} else partial(_looked, look)


def _looked(look: Look, abi: GuestAbi) -> MachineView | None:
    try:
        return look(abi)
    except PlatformAbiError:
        return None


def moved_to(
    catalogue: Catalogue,
    abi: GuestAbi,
    build: str,
    option: PlatformOption,
    *,
    exact: bool,
    look: Look | None,
) -> Moved:
    """Return what the QEMU to be started makes of a lockfile's machine type, not as it was.

    Its properties are taken for those of *build*, which is the nearest. What a guest finds of its
    devices is known where it is that build *exact*ly, or is looked at.
    """
    if abi.content is None:
        return Moved()
    from platform_abi.compat.machine_content import compare_machine
    from platform_abi.compat.machine_findings import machine_findings
    from platform_abi.compat.views import look_findings, view_findings

    undone: tuple[MachineDifference, ...] = ()
    findings: list[Finding] = []
    if abi.content.build != build:
        verdict = compare_machine(catalogue, abi, build)
        undone = tuple(d for d in verdict.differences if d.matters and d.argument)
        rest = tuple(d for d in verdict.differences if d not in undone)
        findings += machine_findings(
            evolve(verdict, differences=rest, assumed=False), allow_unknown=option.allow_unknown
        )
    given = _with(abi, undone)
    seen = None if look is None else look(given)
    if seen is not None:
        findings += look_findings(catalogue, given, seen)
    else:
        findings += view_findings(catalogue, given, build if exact else None)
    return Moved(globals=tuple(d.argument for d in undone), findings=tuple(findings))


def _with(abi: GuestAbi, undone: Iterable[MachineDifference]) -> GuestAbi:
    """Return *abi* with the properties set that another build is told to leave as they were."""
    settings = (
        Setting(
            driver=d.driver, property=d.property, value=d.before or "", layer="global", source=""
        )
        for d in undone
    )
    return evolve(abi, settings=(*abi.settings, *settings))


def lacking(abi: GuestAbi, host: Host, stored: GuestAbi | None) -> list[Finding]:
    """Return what a lockfile names that the QEMU to be started does not have.

    Nothing where nobody knows that very QEMU: it will say so itself.
    """
    known = None if stored is None else host.known()
    if known is None:
        return []
    from platform_abi.compat.build import lacking_findings

    knowing, build = known
    return lacking_findings(knowing, abi, build.name)
