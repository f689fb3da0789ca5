"""What stays the same for every virtual machine of one machine type, platform and CPU model.

A plan is worked out once and kept with the catalogue; resolving a virtual machine then only
looks up, groups and copies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.memo import Memo, remembered
from platform_abi.model.platform import PlatformReference, version_key
from platform_abi.model.value import define, evolve, field
from platform_abi.resolver.basis import Basis, FamilyPlan, contradicted, family_plan
from platform_abi.resolver.choice import Choice, Decision, check_override, choose, decide
from platform_abi.resolver.machine_choice import choose_machine, of_unknown_generation

if TYPE_CHECKING:
    from platform_abi.model.machine import MachineType
    from platform_abi.model.vm import VirtualMachine


@define(kw_only=True, eq=False, repr=False)
class Plan:
    """What a machine type has, and what one platform decides of it."""

    basis: Basis
    choice: Choice
    spelled: str
    memo: Memo = field(factory=dict)


class _Decisions(dict[tuple[str, str], Decision]):
    """What a platform decides of a family, by backend and feature, as far as it was asked."""

    def __init__(self, plan: Plan, family: FamilyPlan) -> None:
        super().__init__()
        self._plan = plan
        self._family = family

    def __missing__(self, key: tuple[str, str]) -> Decision:
        backend, feature_id = key
        feature, basis = self._family.features[feature_id], self._plan.basis
        decided = decide(basis.catalogue, self._plan.choice, feature, backend)
        if decided.layer == "default" and contradicted(basis, self._family.family, feature):
            decided = evolve(decided, layer="platform")
        self[key] = decided
        return decided


@remembered()
def decisions(plan: Plan, name: str) -> Mapping[tuple[str, str], Decision]:
    """Return what the platform decides of the family called *name*, by backend and feature id."""
    return _Decisions(plan, family_plan(plan.basis, name))


def plan_for(catalogue: Catalogue, vm: VirtualMachine, reference: PlatformReference) -> Plan:
    """Return the plan for *vm*, made now or remembered by the catalogue."""
    model = None if vm.cpu is None else vm.cpu.model
    return _plan(catalogue, (vm.machine, vm.arch, vm.build), vm.accelerator, model, reference)


#: Machine type, architecture, and the build that was named.
_Of = tuple[str, str, str | None]


@remembered()
def _plan(
    catalogue: Catalogue,
    of: _Of,
    accelerator: str,
    cpu: str | None,
    reference: PlatformReference,
) -> Plan:
    """Return the plan for a machine type, an accelerator, a CPU model and a platform."""
    accelerators = catalogue.devices().accelerators
    if accelerator not in accelerators:
        raise unknown("accelerator", accelerator, accelerators, code="unknown-accelerator")
    choose_machine(catalogue, *of)  # its fault is told before one of the platform
    choice = choose(catalogue, reference)
    basis = _basis(catalogue, of, accelerator, cpu, choice.edition)
    for feature_id, value in reference.overrides:
        _check_override(basis, feature_id, value)
    return Plan(basis=basis, choice=choice, spelled=choice.spelled)


@remembered()
def _basis(catalogue: Catalogue, of: _Of, accelerator: str, cpu: str | None, edition: str) -> Basis:
    """Return what all plans of a machine type at an edition stand on."""
    build, machine = choose_machine(catalogue, *of)
    return Basis(
        catalogue=catalogue,
        build=build,
        named_build=of[2] is not None,
        machine=machine,
        accelerator=accelerator,
        cpu=_cpu(catalogue, machine, accelerator, cpu),
        edition=edition,
        types=catalogue.types(build.name, machine.arch),
        generation=version_key(machine.generation or build.version),
        undated=of_unknown_generation(machine),
        sized=machine.arch in catalogue.devices().sized,
    )


def _cpu(catalogue: Catalogue, machine: MachineType, accelerator: str, named: str | None) -> str:
    """Return the CPU model: that which is *named*, the accelerator's, or the machine type's own.

    The last is a type: ``qemu64-x86_64-cpu``. Where a QEMU takes large letters for small, so does
    this.
    """
    names = catalogue.devices().names_of_cpus(machine.arch)
    if named is not None:
        return named.lower() if names.any_case else named
    chosen = names.default_with.get(accelerator)
    return chosen or machine.cpu.removesuffix("-cpu").rpartition("-")[0]


def _check_override(basis: Basis, name: str, value: str) -> None:
    feature = check_override(basis.catalogue, name, value)
    if not basis.applies(feature):
        raise UsageError(
            f"feature '{name}' does not exist for {basis.machine.name} with "
            f"{basis.accelerator} at edition {basis.edition}",
            code="override-impossible",
            help=f"it is there since machine types of {feature.generation or 'another board'}",
        )
