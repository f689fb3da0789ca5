"""Which layer sets a property, in which file or argument, and what it overrides."""

from __future__ import annotations

from attrs import frozen

from platform_abi.errors import unknown
from platform_abi.model.abi import GuestAbi, Layer, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.feature import Feature
from platform_abi.model.machine import TypeTable
from platform_abi.model.platform import PlatformReference
from platform_abi.model.vm import VirtualMachine
from platform_abi.resolver.explicit import type_sets
from platform_abi.resolver.plan import Plan, plan_for
from platform_abi.resolver.reference import parse_platform
from platform_abi.resolver.resolve import resolve


@frozen(kw_only=True)
class Step:
    """What one layer says of a property. *key* is where in the file, for line numbers."""

    layer: Layer
    value: str
    source: str
    key: tuple[str | int, ...] = ()
    device: str | None = None
    note: str = ""


@frozen(kw_only=True)
class Explanation:
    """Every layer's word on one property, lowest first; the last one counts."""

    driver: str
    property: str
    steps: tuple[Step, ...]
    feature: Feature | None
    platform: str
    machine: str
    build: str
    #: Why the platform has nothing to say of it, where a feature drives it.
    silent: str = ""


def explain(
    catalogue: Catalogue,
    name: str,
    vm: VirtualMachine,
    platform: PlatformReference | str,
) -> Explanation:
    """Return what decides the property *name*, ``driver.property``, of *vm* on *platform*.

    Raises UnknownNameError where neither a feature nor the build knows the property.
    """
    reference = parse_platform(platform) if isinstance(platform, str) else platform
    abi = resolve(catalogue, vm, reference)
    plan = plan_for(catalogue, vm, reference)
    driver, _, prop = name.partition(".")
    types = plan.types
    driver = types.aliases.get(driver, driver)
    feature = _feature(catalogue, driver, prop)
    steps = [
        *_compat_steps(plan, types, driver, prop),
        *_abi_steps(plan, abi, driver, prop, feature),
    ]
    if not steps and feature is None and prop not in types.properties(driver):
        known = {f"{driver}.{p}" for p in types.properties(driver)}
        known |= {p for f in _features(catalogue) for p in f.properties}
        raise unknown("property", name, known, code="unknown-property")
    return Explanation(
        driver=driver,
        property=prop,
        steps=tuple(steps),
        feature=feature,
        platform=plan.spelled,
        machine=plan.machine.name,
        build=plan.build.name,
        silent=_silence(plan, feature) if feature is not None else "",
    )


def _features(catalogue: Catalogue) -> list[Feature]:
    return [f for stem in catalogue.feature_stems() for f in catalogue.features(stem)]


def _inner(catalogue: Catalogue, driver: str) -> str:
    families = catalogue.devices().families
    return next((f.driver for f in families if driver in f.proxies), driver)


def _feature(catalogue: Catalogue, driver: str, prop: str) -> Feature | None:
    wanted = {f"{driver}.{prop}", f"{_inner(catalogue, driver)}.{prop}"}
    return next((f for f in _features(catalogue) if wanted & set(f.properties)), None)


def _compat_steps(plan: Plan, types: TypeTable, driver: str, prop: str) -> list[Step]:
    """Return the machine type's own entries for the property, inner device first."""
    inner = _inner(plan.catalogue, driver)
    outer_types, inner_types = type_sets(types, driver, inner)
    return [
        Step(
            layer="machine",
            value=entry.value,
            source=plan.machine.source,
            note=f"compat property of {entry.driver} in {plan.machine.name}",
        )
        for reached in (inner_types, outer_types - inner_types)
        for entry in plan.machine.compat
        if entry.property == prop and entry.driver in reached
    ]


def _abi_steps(
    plan: Plan, abi: GuestAbi, driver: str, prop: str, feature: Feature | None
) -> list[Step]:
    drivers = {driver, _inner(plan.catalogue, driver)}
    drivers |= set(plan.types.ancestry(driver))
    drivers |= {
        p for f in plan.catalogue.devices().families if f.driver == driver for p in f.proxies
    }
    return [
        Step(
            layer=setting.layer,
            value=setting.value,
            source=setting.source,
            key=_key(plan, setting, feature),
            device=setting.device,
        )
        for setting in abi.settings
        if setting.property == prop and setting.driver in drivers
    ]


def _key(plan: Plan, setting: Setting, feature: Feature | None) -> tuple[str | int, ...]:
    """Return the key path of what a setting's source file says."""
    if feature is None:
        return ()
    if setting.source.startswith("platforms/"):
        return ("features", feature.id)
    if setting.source.startswith("features/"):
        stem = feature.id.split(".", 1)[0]
        ids = [f.id for f in plan.catalogue.features(stem)]
        return ("feature", feature.id, ids.index(feature.id))
    return ()


def _silence(plan: Plan, feature: Feature) -> str:
    """Return why *feature* does not apply, or nothing where it does."""
    if plan.applies(feature):
        return ""
    if feature.generation is not None and not plan.generation >= tuple(
        int(part) for part in feature.generation.split(".")
    ):
        return (
            f"{feature.id} is there since machine types of {feature.generation}; "
            f"{plan.machine.name} is older, and QEMU's own compat properties keep it as it was"
        )
    return (
        f"{feature.id} does not apply to {plan.machine.name} with accelerator "
        f"{plan.accelerator} and CPU {plan.cpu}"
    )
