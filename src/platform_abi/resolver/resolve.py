"""``resolve``: machine type, platform and explicit values become one guest ABI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from platform_abi.errors import BeyondPlatformError
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.value import evolve
from platform_abi.resolver.choice import reference_of
from platform_abi.resolver.counted import counted_settings
from platform_abi.resolver.cpu_models import check_cpu_model
from platform_abi.resolver.grouping import resolve_families
from platform_abi.resolver.machine_choice import unversioned
from platform_abi.resolver.obstacles import obstacles
from platform_abi.resolver.plan import plan_for

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.platform import PlatformReference
    from platform_abi.model.vm import GlobalProperty, VirtualMachine


def resolve(
    catalogue: Catalogue,
    vm: VirtualMachine,
    platform: PlatformReference | str,
    *,
    strict: bool = False,
    hotplug: bool = False,
) -> GuestAbi:
    """Return the guest ABI of *vm* on *platform*.

    *platform* is ``NAME[@EDITION][,FEATURE=VALUE...]`` or what that parses to. With *strict*, an
    explicit value beyond what the platform guarantees is an error instead of a finding. With
    *hotplug* there are settings as well for kinds of devices that *vm* does not have yet; what
    these need of a host is then no precondition.

    Raises UnknownNameError for a name that nothing defines, UsageError for values that contradict
    each other or that QEMU would refuse, BeyondPlatformError in strict mode, DefinitionError and
    HostError where a definition file that is needed is wrong or cannot be read.
    """
    reference = reference_of(platform)
    plan = plan_for(catalogue, vm, reference)
    if (
        plan.basis.machine.generation is None
        and not plan.basis.named_build
        and not plan.basis.undated
    ):
        raise unversioned(plan.basis.machine.name)
    check_cpu_model(plan.basis, vm)
    result = resolve_families(plan, vm, hotplug=hotplug)
    settings = result.settings
    if vm.globals:
        settings = (*settings, *_global_settings(vm.globals))
    if vm.machine != plan.basis.machine.name:
        vm = evolve(vm, machine=plan.basis.machine.name)
    abi = GuestAbi(
        vm=vm,
        platform=plan.spelled,
        edition=plan.choice.edition,
        settings=settings,
        preconditions=result.preconditions,
        unpinned=result.unpinned,
        beyond=result.beyond,
        notes=result.notes,
        obstacles=obstacles(catalogue, vm, edition=plan.choice.edition),
        machine_digest=plan.basis.machine.digest,
    )
    counted = counted_settings(catalogue, abi, plan.basis.build.name)
    if counted:
        abi = evolve(abi, settings=_before_explicit(settings, counted))
    if strict and abi.beyond:
        lines = [f"{b.driver}.{b.property}={b.value}: {b.reason}" for b in abi.beyond]
        raise BeyondPlatformError(
            f"beyond {plan.spelled}: {'; '.join(lines)}",
            code="beyond-platform",
            help="take the explicit value back, or choose a platform that guarantees it",
        )
    return abi


def _before_explicit(
    settings: tuple[Setting, ...], counted: tuple[Setting, ...]
) -> tuple[Setting, ...]:
    """Return *settings* with *counted* ones before every global that a user wrote."""
    at = next((n for n, s in enumerate(settings) if s.layer == "global"), len(settings))
    return (*settings[:at], *counted, *settings[at:])


def _global_settings(globals_: Sequence[GlobalProperty]) -> list[Setting]:
    return [
        Setting(
            driver=g.driver, property=g.property, value=g.value, layer="global", source="argument"
        )
        for g in globals_
    ]
