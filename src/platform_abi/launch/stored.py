"""A lockfile that a command line names: whether it is this virtual machine's, and this choice's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, printable
from platform_abi.launch.compared import Compared, SameCpu, compared
from platform_abi.launch.plugged import with_plugged
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.choice import parse_platform

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.vm import VirtualMachine


@frozen(kw_only=True)
class Taken:
    """The ABI of a lockfile as it holds for a command line, and what is to be said of that.

    *changed* is whether the lockfile has to be brought up to date.
    """

    abi: GuestAbi
    changed: bool = False
    remarks: tuple[str, ...] = ()


def same_choice(stored: GuestAbi, platform: str) -> bool:
    """Return whether *platform*, as a user spells it, is what *stored* was resolved on.

    Without an edition it means the stored one: that is what was chosen when it was stored.
    """
    named, kept = parse_platform(platform), parse_platform(stored.platform)
    edition = named.edition or kept.edition
    return evolve(named, edition=edition) == kept


def taken(
    catalogue: Catalogue,
    stored: GuestAbi,
    vm: VirtualMachine,
    platform: str | None,
    *,
    name: str,
    same_cpu: SameCpu,
    incoming: bool = False,
) -> Taken:
    """Return the ABI *stored* in the lockfile *name*, for *vm*, which must be what it was made for.

    One that is *incoming* may have what was plugged in or out since it was started.

    Raises UsageError: ``lock-other-platform`` where *platform* is another choice, and
    ``lock-other-vm`` with everything of *vm* that a guest could tell from what was stored.
    """
    if platform is not None and not same_choice(stored, platform):
        raise UsageError(
            f"{printable(name)} is for {stored.platform}, and -platform names {platform}",
            code="lock-other-platform",
            help="name no platform, and the lockfile's is taken",
        )
    found = compared(
        catalogue, stored.vm, vm, same_cpu, settings=stored.settings, plugging=incoming
    )
    if found.different:
        raise UsageError(
            f"{printable(name)} is for another virtual machine:",
            code="lock-other-vm",
            details=found.different,
            help="name the lockfile of this one; if it was changed while it was off, name its "
            f"platform to resolve it again: -platform {stored.platform},lock=...",
        )
    abi, added = with_plugged(catalogue, stored, for_vm(stored, vm, found), found.plugged)
    return Taken(
        abi=abi,
        changed=bool(found.plugged),
        remarks=(
            *(f"{printable(name)} {text}" for text in found.untold),
            *found.plugged.remarks(),
            *added,
        ),
    )


def for_vm(stored: GuestAbi, vm: VirtualMachine, found: Compared) -> GuestAbi:
    """Return *stored* for *vm*: what stands behind its devices may be called otherwise here."""
    settings = tuple(
        evolve(s, device=found.renamed.get(s.device, s.device)) if s.device is not None else s
        for s in stored.settings
    )
    hardware = None if stored.vm.hardware is None else vm.hardware
    return evolve(stored, vm=evolve(vm, hardware=hardware), settings=settings)
