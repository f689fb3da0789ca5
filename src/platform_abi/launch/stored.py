"""A lockfile that a command line names: whether it is this virtual machine's, and this choice's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from platform_abi.errors import PlatformAbiError, UsageError, printable
from platform_abi.model.device import BACKEND_OPTIONS
from platform_abi.model.machine import TypeTable
from platform_abi.model.vm import Properties, VirtualMachine
from platform_abi.resolver.admission import portable
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.machine_choice import choose_machine

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue

#: Whether a QEMU makes the same CPU of what two virtual machines say.
SameCpu = Callable[[VirtualMachine, VirtualMachine], bool]

_CPU_MODEL = "CPU model"
_CPU_PROPERTY = "-cpu "


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
) -> GuestAbi:
    """Return the ABI *stored* in the lockfile *name*, for *vm*, which must be what it was made for.

    Raises UsageError: ``lock-other-platform`` where *platform* is another choice, and
    ``lock-other-vm`` with everything of *vm* that a guest could tell from what was stored.
    """
    if platform is not None and not same_choice(stored, platform):
        raise UsageError(
            f"{printable(name)} is for {stored.platform}, and -platform names {platform}",
            code="lock-other-platform",
            help="name no platform, and the lockfile's is taken",
        )
    # What names something of a host stands on the command line only.
    different = differences(catalogue, stored.vm, portable(catalogue, vm), same_cpu)
    if different:
        raise UsageError(
            f"{printable(name)} is for another virtual machine:\n" + "\n".join(different),
            code="lock-other-vm",
            help="name the lockfile of this one; if it was changed while it was off, name its "
            f"platform to resolve it again: -platform {stored.platform},lock=...",
        )
    # What stands behind devices may be called otherwise here.
    return evolve(stored, vm=vm)


def differences(
    catalogue: Catalogue, stored: VirtualMachine, given: VirtualMachine, same_cpu: SameCpu
) -> tuple[str, ...]:
    """Return in a line each what a guest could tell two virtual machines by.

    What only the host can tell may differ (``definitions/visibility``), and so may the words for a
    CPU of which *same_cpu* says that it is the same.
    """
    untold = _untold(stored)
    before, after = (_facts(catalogue, vm, untold) for vm in (stored, given))
    different = [k for k in sorted(before.keys() | after.keys()) if before.get(k) != after.get(k)]
    if different and all(_of_cpu(what) for what in different) and same_cpu(stored, given):
        return ()
    return tuple(
        f"  {what}: stored {_said(before, what)}, given {_said(after, what)}" for what in different
    )


def _of_cpu(what: str) -> bool:
    return what.startswith((_CPU_MODEL, _CPU_PROPERTY))


def _said(facts: Mapping[str, str], what: str) -> str:
    return printable(facts.get(what, "nothing"))


def _untold(vm: VirtualMachine) -> frozenset[str]:
    """Return the devices of which a lockfile does not say what kind of backend they refer to.

    Those of an earlier version told only netdevs apart.
    """
    return frozenset(
        label
        for label, device in vm.labelled()
        if not device.backend and any(key in BACKEND_OPTIONS for key, _ in device.properties)
    )


def _facts(catalogue: Catalogue, vm: VirtualMachine, untold: frozenset[str]) -> dict[str, str]:
    facts = {
        "machine type": vm.machine,
        "architecture": vm.arch,
        "accelerator": vm.accelerator,
        **{f"-machine {key}": value for key, value in vm.machine_options},
    }
    if vm.cpu is not None:
        facts[_CPU_MODEL] = vm.cpu.model
        facts |= {f"{_CPU_PROPERTY}{key}": value for key, value in vm.cpu.properties}
    # The last of equal ones counts.
    facts |= {f"-global {g.driver}.{g.property}": g.value for g in vm.globals}
    types = _types(catalogue, vm)
    for label, device in vm.labelled():
        # An alias is the same device, whatever it is called.
        driver = types.canonical(device.driver)
        told = device.backend and label not in untold
        behind = f" behind {device.backend}" if told else ""
        facts[f"device {label}"] = f"{driver}{behind}"
        for key, value in _visible(catalogue, types, driver, device.properties):
            facts[f"device {label}.{key}"] = value
    return facts


def _visible(
    catalogue: Catalogue, types: TypeTable, driver: str, properties: Properties
) -> Properties:
    lineage, visibility = tuple(types.ancestry(driver)) or (driver,), catalogue.visibility()
    return tuple((k, v) for k, v in properties if visibility.seen(lineage, k) != "host")


def _types(catalogue: Catalogue, vm: VirtualMachine) -> TypeTable:
    """Return the types of a build with this machine type, none where no such build is known."""
    try:
        build, _ = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
    except PlatformAbiError:  # a lockfile outlives definitions
        return TypeTable()
    return catalogue.types(build.name, vm.arch)
