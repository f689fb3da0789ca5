"""What stays the same for every virtual machine of one machine type, platform and CPU model.

A plan is worked out once and kept with the catalogue; resolving a virtual machine then only
looks up, groups and copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import NETDEV, DeviceFamily
from platform_abi.model.feature import Feature
from platform_abi.model.machine import MachineType, QemuBuild, TypeTable
from platform_abi.model.memo import Memo, remembered
from platform_abi.model.platform import PlatformReference, edition_key, version_key
from platform_abi.model.value import define, evolve, field, frozen
from platform_abi.resolver.choice import Choice, Decision, check_override, choose, decide
from platform_abi.resolver.layers import compat_of, device_types, in_order
from platform_abi.resolver.machine_choice import choose_machine, of_unknown_generation
from platform_abi.resolver.older import leaves, lets_older, shows, shows_property

if TYPE_CHECKING:
    from platform_abi.model.abi import Setting
    from platform_abi.model.vm import VirtualMachine


@frozen(kw_only=True)
class Row:
    """One property that a feature drives, and the drivers it has to be emitted on."""

    feature: Feature
    property: str
    #: The innermost type first; a proxy follows where the machine type's own compat property
    #: sits on it and would win over the inner one.
    drivers: tuple[str, ...]


@frozen(kw_only=True)
class FamilyPlan:
    """The features of one family that apply to the plan's machine type."""

    family: DeviceFamily
    rows: tuple[Row, ...]
    #: Features that drive an option of the netdev behind a device, each with that option.
    netdev: tuple[tuple[Feature, str], ...]
    #: Features without properties, and those that no constant pins.
    other: tuple[Feature, ...]
    #: Of features that came after the machine type: they count where a user writes them.
    later: tuple[Row, ...]
    #: All of them and those that came later, by id.
    features: Mapping[str, Feature]
    #: Names of properties that matter to the family when a user writes them.
    names: frozenset[str]
    #: Properties that a platform writes.
    written: frozenset[str] = frozenset()


@define(kw_only=True, eq=False, repr=False)
class Plan:
    """One machine type of one build, under one platform, accelerator and CPU model."""

    catalogue: Catalogue
    build: QemuBuild
    named_build: bool
    machine: MachineType
    accelerator: str
    cpu: str
    choice: Choice
    spelled: str
    #: What gates features; a board without versions is as new as its build.
    generation: tuple[int, ...]
    #: Whether anything of the board depends on how much memory there is.
    sized: bool = False
    memo: Memo = field(factory=dict)

    @property
    def types(self) -> TypeTable:
        """Return the QOM types of the build."""
        return self.catalogue.types(self.build.name, self.machine.arch)

    def is_cpu(self, family: DeviceFamily) -> bool:
        """Return whether *family* is that of the machine's CPU.

        Where a build does not say which one its machine has, because it goes by the accelerator
        (QEMU 11.0, hw/arm/virt.c), it is that of the architecture.
        """
        if not self.machine.cpu:
            return self.machine.arch in family.arch
        return self.machine.cpu.endswith(f"-{family.driver}")

    def applies(self, feature: Feature) -> bool:
        """Return whether *feature* exists for this machine type, accelerator, CPU and edition."""
        return self.applied(feature) is not None

    def applied(self, known: Feature) -> Feature | None:
        """Return the feature *known* as the edition has it; None where it does not apply."""
        feature = known.at(edition_key(self.choice.edition))
        if feature is None or not self._fits(feature):
            return None
        return feature if self._of_generation(feature) else None

    def later(self, known: Feature) -> Feature | None:
        """Return the feature *known* where only the age of the machine type stands against it.

        A QEMU that has its property takes it from a user all the same, and asks the host for it.
        """
        feature = known.at(edition_key(self.choice.edition))
        if feature is None or feature.generation is None or not self._fits(feature):
            return None
        return None if self._of_generation(feature) or feature.until is not None else feature

    def _fits(self, feature: Feature) -> bool:
        machine = self.machine
        return (
            (not feature.arch or machine.arch in feature.arch)
            and (not feature.accelerators or self.accelerator in feature.accelerators)
            and (not feature.machines or machine.family in feature.machines)
            and (not feature.cpus or self.cpu in feature.cpus)
            and self.cpu not in feature.not_cpus
        )

    def _of_generation(self, feature: Feature) -> bool:
        """Return whether a machine type of this generation has *feature*.

        Raises UsageError (``machine-generation``) where nobody knows the generation of a vendor's
        machine type, and it decides that.
        """
        if feature.generation is None and feature.until is None:
            return True
        if of_unknown_generation(self.machine):
            shown = shows(self.catalogue, self.build, self.machine, feature)
            if shown is not None:
                return shown
            raise UsageError(
                f"which release {self.machine.name} derives from is not known, and only machine "
                f"types since {feature.generation or 'ever'} have {feature.id}",
                code="machine-generation",
                help=f"say it: platform-abi import-qemu --keep BINARY "
                f"--generation {self.machine.name}=X.Y",
            )
        if feature.until is not None and self.generation >= version_key(feature.until):
            return False
        return not self.is_before(feature.generation) or leaves(
            self.catalogue, self.build, self.machine, feature
        )

    def is_before(self, generation: str | None) -> bool:
        """Return whether the machine type is of an earlier release than *generation*."""
        return generation is not None and self.generation < version_key(generation)

    def lacks(self, generation: str | None, driver: str, name: str) -> bool:
        """Return whether the machine type is without what came with *generation*.

        It is switched by property *name* of *driver*. One that is older may have been left it.
        """
        if generation is not None and of_unknown_generation(self.machine):
            carried = driver, name
            return (
                shows_property(self.catalogue, self.build, self.machine, generation, carried)
                is False
            )
        return (
            generation is not None
            and self.is_before(generation)
            and not lets_older(self.catalogue, self.build, self.machine, generation, (driver, name))
        )


@remembered()
def family_plan(plan: Plan, name: str) -> FamilyPlan:
    """Return what *plan* has for the device family called *name*."""
    family = next(f for f in plan.catalogue.devices().families if f.name == name)
    known = [*plan.catalogue.family_features(family)]
    features = [f for each in known if (f := plan.applied(each)) is not None]
    later = [f for each in known if (f := plan.later(each)) is not None]
    rows, later_rows = (_rows(plan, family, each) for each in (features, later))
    netdev = tuple(
        (feature, option)
        for feature in features
        if feature.kind in ("setting", "guard")
        for driver, option in feature.drives
        if driver == NETDEV
    )
    other = tuple(f for f in features if f.kind in ("precondition", "unpinnable"))
    deciding = {name for f in other for _, name in f.drives}
    bringing = {
        text.partition(">" if ">" in text else "=")[0]
        for f in features
        for text in (*f.when, *f.unless)
    }
    return FamilyPlan(
        family=family,
        rows=rows,
        netdev=netdev,
        other=other,
        later=later_rows,
        features={feature.id: feature for feature in (*features, *later)},
        written=frozenset([row.property for row in rows]),
        names=frozenset(row.property for row in (*rows, *later_rows)) | deciding | bringing,
    )


def _rows(plan: Plan, family: DeviceFamily, features: Sequence[Feature]) -> tuple[Row, ...]:
    """Return what *features* drive of *family*, by property."""
    rows = [
        Row(feature=feature, property=name, drivers=_carriers(plan, family, name))
        for feature in features
        if feature.kind in ("setting", "guard")
        for driver, name in feature.drives
        if driver == family.driver
    ]
    return tuple(sorted(rows, key=lambda row: row.property))


def _carriers(plan: Plan, family: DeviceFamily, name: str) -> tuple[str, ...]:
    """Return the drivers to emit property *name* on.

    A compat property on a proxy beats a ``-global`` on the inner device, so where the machine
    type has one, the proxy needs the value as well.
    """
    compat = _compat(plan).get(name, [])
    reached = (
        proxy
        for proxy in (family.proxies if compat else ())
        for types in [device_types(plan.types, proxy, family.driver)]
        if any(outer for _, outer in in_order(types, compat))
    )
    return (family.driver, *reached)


@remembered()
def decision_for(plan: Plan, family: str, feature_id: str, backend: str) -> Decision:
    """Return what the platform decides for a feature of *family* behind *backend*."""
    parts = family_plan(plan, family)
    feature = parts.features[feature_id]
    decided = decide(plan.catalogue, plan.choice, feature, backend)
    if decided.layer == "default" and _contradicted(plan, parts.family, feature):
        return evolve(decided, layer="platform")
    return decided


def _contradicted(plan: Plan, family: DeviceFamily, feature: Feature) -> bool:
    """Return whether the machine type's compat properties give *feature* another value."""
    types = _types_of(plan, family.drivers)
    return any(
        entry.value != feature.fallback and entry.driver in types
        for _, name in feature.drives
        for entry in _compat(plan).get(name, ())
    )


@remembered()
def _types_of(plan: Plan, drivers: tuple[str, ...]) -> frozenset[str]:
    """Return all types that devices of any of *drivers* are of."""
    return frozenset().union(*(device_types(plan.types, driver).outer for driver in drivers))


@remembered()
def _compat(plan: Plan) -> dict[str, list[Setting]]:
    """Return the machine type's compat properties by name."""
    by_name: dict[str, list[Setting]] = {}
    for setting in compat_of(plan.machine):
        by_name.setdefault(setting.property, []).append(setting)
    return by_name


def plan_for(catalogue: Catalogue, vm: VirtualMachine, reference: PlatformReference) -> Plan:
    """Return the plan for *vm*, made now or remembered by the catalogue."""
    model = None if vm.cpu is None else vm.cpu.model
    return _plan(catalogue, (vm.machine, vm.arch, vm.build), vm.accelerator, model, reference)


@remembered()
def _plan(
    catalogue: Catalogue,
    of: tuple[str, str, str | None],
    accelerator: str,
    cpu: str | None,
    reference: PlatformReference,
) -> Plan:
    """Return the plan for a machine type, an accelerator, a CPU model and a platform."""
    accelerators = catalogue.devices().accelerators
    if accelerator not in accelerators:
        raise unknown("accelerator", accelerator, accelerators, code="unknown-accelerator")
    build, machine = choose_machine(catalogue, *of)
    choice = choose(catalogue, reference)
    plan = Plan(
        catalogue=catalogue,
        build=build,
        named_build=of[2] is not None,
        machine=machine,
        accelerator=accelerator,
        cpu=cpu if cpu is not None else _default_cpu(catalogue, machine, accelerator),
        choice=choice,
        spelled=choice.spelled,
        generation=version_key(machine.generation or build.version),
        sized=machine.arch in catalogue.devices().sized,
    )
    for feature_id, value in reference.overrides:
        _check_override(plan, feature_id, value)
    return plan


def _default_cpu(catalogue: Catalogue, machine: MachineType, accelerator: str) -> str:
    """Return the CPU model where nobody names one: the accelerator's, else the machine type's own.

    The latter is a type: ``qemu64-x86_64-cpu``.
    """
    chosen = catalogue.devices().names_of_cpus(machine.arch).default_with.get(accelerator)
    return chosen or machine.cpu.removesuffix("-cpu").rpartition("-")[0]


def _check_override(plan: Plan, name: str, value: str) -> None:
    feature = check_override(plan.catalogue, name, value)
    if not plan.applies(feature):
        raise UsageError(
            f"feature '{name}' does not exist for {plan.machine.name} with "
            f"{plan.accelerator} at edition {plan.choice.edition}",
            code="override-impossible",
            help=f"it is there since machine types of {feature.generation or 'another board'}",
        )
