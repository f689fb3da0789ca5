"""What stays the same for every virtual machine of one machine type, platform and CPU model.

A plan is worked out once and kept with the catalogue; resolving a virtual machine then only
looks up, groups and copies.
"""

from __future__ import annotations

from typing import Any

from attrs import define, evolve, field

from platform_abi.errors import UsageError, unknown
from platform_abi.model.abi import Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily
from platform_abi.model.feature import Feature
from platform_abi.model.machine import MachineType, QemuBuild, TypeTable
from platform_abi.model.platform import PlatformReference, edition_key, version_key
from platform_abi.model.value import frozen
from platform_abi.model.vm import VirtualMachine
from platform_abi.resolver.choice import check_override
from platform_abi.resolver.decide import Choice, Decision, choose, decide
from platform_abi.resolver.layers import compat_of, device_types, in_order
from platform_abi.resolver.machine_choice import choose_machine

#: How many results of one kind are kept for reuse before all are dropped.
MEMO_LIMIT = 512


@frozen(kw_only=True)
class Row:
    """One property that a feature drives, and the drivers it has to be emitted on."""

    feature: Feature
    property: str
    #: The innermost type first; a proxy follows where the machine type's own compat property
    #: sits on it and would win over the inner one.
    drivers: tuple[str, ...]


@define(kw_only=True, eq=False, repr=False)
class FamilyPlan:
    """The features of one family that apply to the plan's machine type."""

    family: DeviceFamily
    rows: tuple[Row, ...]
    #: Features without properties, and those that no constant pins.
    other: tuple[Feature, ...]
    #: Names of properties that matter to the family when a user writes them.
    names: frozenset[str]
    decisions: dict[tuple[str, str], Decision] = field(factory=dict)
    results: dict[Any, Any] = field(factory=dict)

    #: By backend, whether results depend on more of a device than what it has explicitly.
    labelled: dict[str, bool] = field(factory=dict)

    def names_devices(self, backend: str) -> bool:
        """Return whether results name single devices, or their drivers, with nothing explicit."""
        found = self.labelled.get(backend)
        if found is None:
            found = self.labelled[backend] = any(
                (feature.kind == "unpinnable" or feature.drivers)
                and not feature.when
                and feature.needs(backend) is not None
                for feature in self.other
            )
        return found


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
    families: dict[str, FamilyPlan] = field(factory=dict)
    drivers: dict[str, Any] = field(factory=dict)
    memo: dict[Any, Any] = field(factory=dict)

    @property
    def types(self) -> TypeTable:
        """Return the QOM types of the build."""
        return self.catalogue.types(self.build.name, self.machine.arch)

    @property
    def backends(self) -> frozenset[str]:
        """Return the names of the network backends."""
        if "backends" not in self.memo:
            self.memo["backends"] = frozenset(b.name for b in self.catalogue.devices().backends)
        found: frozenset[str] = self.memo["backends"]
        return found

    @property
    def generation(self) -> tuple[int, ...]:
        """Return what gates features; a board without versions is as new as its build."""
        return version_key(self.machine.generation or self.build.version)

    def cpu_type(self, family: DeviceFamily) -> str:
        """Return the QOM type of the CPU model: ``qemu64-x86_64-cpu``."""
        return f"{self.cpu}-{family.driver}"

    def decision(self, plan: FamilyPlan, feature: Feature, backend: str) -> Decision:
        """Return what the platform decides for *feature* behind *backend*."""
        key = (feature.id, backend)
        found = plan.decisions.get(key)
        if found is None:
            found = decide(self.catalogue, self.choice, feature, backend)
            if found.layer == "default" and self._contradicted(plan.family, feature):
                found = evolve(found, layer="platform")
            plan.decisions[key] = found
        return found

    def _contradicted(self, family: DeviceFamily, feature: Feature) -> bool:
        """Return whether the machine type's compat properties give *feature* another value."""
        names = {name for _, name in feature.drives}
        return any(
            entry.property in names
            and entry.value != feature.fallback
            and any(entry.driver == d or self.types.is_a(d, entry.driver) for d in family.drivers)
            for entry in self.machine.compat
        )

    def family(self, name: str) -> FamilyPlan:
        """Return the plan of the device family called *name*."""
        found = self.families.get(name)
        if found is None:
            family = next(f for f in self.catalogue.devices().families if f.name == name)
            found = self.families[name] = self._family(family)
        return found

    def _family(self, family: DeviceFamily) -> FamilyPlan:
        features = [
            feature for feature in self.catalogue.family_features(family) if self.applies(feature)
        ]
        rows = []
        for feature in features:
            if feature.kind in ("setting", "guard"):
                for driver, name in feature.drives:
                    if driver == family.driver:
                        row = Row(
                            feature=feature, property=name, drivers=self._carriers(family, name)
                        )
                        rows.append(row)
        rows.sort(key=lambda row: row.property)
        other = tuple(f for f in features if f.kind in ("precondition", "unpinnable"))
        deciding = {name for f in other for _, name in f.drives}
        bringing = {text.partition("=")[0] for f in features for text in f.when}
        return FamilyPlan(
            family=family,
            rows=tuple(rows),
            other=other,
            names=frozenset(row.property for row in rows) | deciding | bringing,
        )

    def applies(self, feature: Feature) -> bool:
        """Return whether *feature* exists for this machine type, accelerator, CPU and edition."""
        machine = self.machine
        return (
            edition_key(feature.edition) <= edition_key(self.choice.edition)
            and (not feature.arch or machine.arch in feature.arch)
            and (not feature.accelerators or self.accelerator in feature.accelerators)
            and (not feature.machines or machine.family in feature.machines)
            and (not feature.cpus or self.cpu in feature.cpus)
            and self.cpu not in feature.not_cpus
            and (feature.generation is None or version_key(feature.generation) <= self.generation)
            and (feature.until is None or self.generation < version_key(feature.until))
        )

    def _carriers(self, family: DeviceFamily, name: str) -> tuple[str, ...]:
        """Return the drivers to emit property *name* on.

        A compat property on a proxy beats a ``-global`` on the inner device, so where the machine
        type has one, the proxy needs the value as well.
        """
        compat = compat_of(self.machine, name)
        reached = (
            proxy
            for proxy in (family.proxies if compat else ())
            for proxy_types in [device_types(self.types, proxy, family.driver)]
            if any(outer for _, outer in in_order(proxy_types, compat))
        )
        return (family.driver, *reached)


def plan_for(catalogue: Catalogue, vm: VirtualMachine, reference: PlatformReference) -> Plan:
    """Return the plan for *vm*, made now or found with the catalogue."""
    model = None if vm.cpu is None else vm.cpu.model
    key = ("plan", vm.machine, vm.arch, vm.build, vm.accelerator, model, reference)
    found = catalogue.memo.get(key)
    if found is None:
        found = catalogue.memo[key] = _make(catalogue, vm, reference)
    plan: Plan = found
    return plan


def _make(catalogue: Catalogue, vm: VirtualMachine, reference: PlatformReference) -> Plan:
    accelerators = catalogue.devices().accelerators
    if vm.accelerator not in accelerators:
        raise unknown("accelerator", vm.accelerator, accelerators, code="unknown-accelerator")
    build, machine = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
    choice = choose(catalogue, reference)
    plan = Plan(
        catalogue=catalogue,
        build=build,
        named_build=vm.build is not None,
        machine=machine,
        accelerator=vm.accelerator,
        cpu=_model(vm, machine),
        choice=choice,
        spelled=choice.spelled,
    )
    for name, value in reference.overrides:
        _check_override(plan, name, value)
    return plan


def _model(vm: VirtualMachine, machine: MachineType) -> str:
    """Return the CPU model: the one named, else the machine type's own (``qemu64-x86_64-cpu``)."""
    if vm.cpu is not None:
        return vm.cpu.model
    return machine.cpu.removesuffix("-cpu").rpartition("-")[0]


def _check_override(plan: Plan, name: str, value: str) -> None:
    feature = check_override(plan.catalogue, name, value)
    if not plan.applies(feature):
        raise UsageError(
            f"feature '{name}' does not exist for {plan.machine.name} with "
            f"{plan.accelerator} at edition {plan.choice.edition}",
            code="override-impossible",
            help=f"it is there since machine types of {feature.generation or 'another board'}",
        )


def vm_wide(row: Row, decision: Decision) -> list[Setting]:
    """Return the settings that give *row*'s property its value on every device of its kind."""
    return [
        Setting(
            driver=driver,
            property=row.property,
            value=decision.value,
            layer=decision.layer,
            source=decision.source,
        )
        for driver in row.drivers
    ]
