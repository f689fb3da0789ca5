"""Which layer sets a property, in which file or argument, and what it overrides."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.errors import unknown
from platform_abi.model.abi import EXPLICIT, LAYERS, GuestAbi, Layer, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import NETDEV
from platform_abi.model.feature import Feature
from platform_abi.model.names import driver_and_property, feature_stem
from platform_abi.model.platform import PlatformReference
from platform_abi.model.value import evolve, frozen
from platform_abi.model.vm import Properties, VirtualMachine
from platform_abi.resolver.basis import Basis
from platform_abi.resolver.choice import reference_of
from platform_abi.resolver.layers import (
    DeviceTypes,
    compat_of,
    device_types,
    globals_of,
    in_order,
    inner_device,
    inner_types,
)
from platform_abi.resolver.netdevs import netdev_settings, to_write
from platform_abi.resolver.plan import Plan, plan_for
from platform_abi.resolver.resolve import resolve


@frozen(kw_only=True)
class Step:
    """What one layer says of a property.

    *key* is where in the source file, for line numbers: a path of keys; for a feature its id and
    for a compat property the machine type and the entry, behind the name of their array.
    """

    layer: Layer
    value: str
    source: str
    key: tuple[str | int, ...] = ()
    device: str | None = None
    note: str = ""


@frozen(kw_only=True)
class Explanation:
    """Every layer's word on one property, as QEMU writes them: the last one counts."""

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
    reference = reference_of(platform)
    plan = plan_for(catalogue, vm, reference)
    types = plan.basis.types
    driver, prop = driver_and_property(name)
    driver = types.canonical(driver)
    feature = _feature(plan.basis, driver, prop)
    abi = resolve(catalogue, vm, reference)
    said = _settings(abi, prop)
    written = [s for s in said if s.layer in EXPLICIT]
    if written:
        # What the explicit values override is what would hold without them.
        said = [*_settings(resolve(catalogue, _without(vm, prop), reference), prop), *written]
    # What a platform would say of one device alone is not written where a -global says it.
    unwritten = [s for s in said if s.device and s.layer == "platform" and s not in abi.settings]
    said = [s for s in said if s not in unwritten]
    order = _in_order(plan.basis, said, unwritten, driver, prop)
    steps = [_step(plan, setting, feature) for setting in order]
    if driver == NETDEV and feature is not None and plan.basis.applies(feature):
        steps = [*_of_netdevs(plan, abi, feature, prop)]
    if not steps and feature is None and prop not in types.properties(driver):
        known = {f"{driver}.{p}" for p in types.properties(driver)}
        known |= {p for f in catalogue.every_feature() for p in f.properties}
        raise unknown("property", name, known, code="unknown-property")
    return Explanation(
        driver=driver,
        property=prop,
        steps=tuple(steps),
        feature=feature,
        platform=plan.spelled,
        machine=plan.basis.machine.name,
        build=plan.basis.build.name,
        silent=_silence(plan.basis, feature) if feature is not None else "",
    )


def _of_netdevs(plan: Plan, abi: GuestAbi, feature: Feature, option: str) -> Iterator[Step]:
    """Yield what decides an *option* of the netdev behind each device that *feature* is of."""
    table = plan.basis.catalogue.devices()
    own = netdev_settings(abi.settings)
    definition = f"features/{feature_stem(feature.id)}.toml"
    for label, device in abi.vm.labelled():
        family = table.family_of(plan.basis.types.canonical(device.driver))
        stems = () if family is None else family.feature_files
        if feature_stem(feature.id) not in stems or feature.needs(device.backend) is None:
            continue
        there = table.netdev_value(device.backend, option) or feature.when_supported or ""
        for setting in to_write(device, own.get(label, ())):
            if setting.property == option:
                yield _step(plan, setting, feature)
                break
        else:
            left = option in device.open_options
            yield Step(
                layer="default" if left else "device",
                value=there,
                source=definition if left else "argument",
                key=("feature", feature.id) if left else (),
                device=label,
                note="what QEMU does by itself on a host that can"
                if left
                else "what its netdev says, or was handed over with",
            )


def _without(vm: VirtualMachine, prop: str) -> VirtualMachine:
    """Return *vm* without any explicit value of a property called *prop*."""

    def other(given: Properties) -> Properties:
        return tuple((key, value) for key, value in given if key != prop)

    return evolve(
        vm,
        globals=tuple(entry for entry in vm.globals if entry.property != prop),
        devices=tuple(evolve(d, properties=other(d.properties)) for d in vm.devices),
        cpu=None if vm.cpu is None else evolve(vm.cpu, properties=other(vm.cpu.properties)),
        machine_options=other(vm.machine_options),
    )


def _settings(abi: GuestAbi, prop: str) -> list[Setting]:
    return [setting for setting in abi.settings if setting.property == prop]


def _feature(basis: Basis, driver: str, prop: str) -> Feature | None:
    features = (
        basis.catalogue.feature_of(step, prop) for step in (driver, *basis.types.ancestry(driver))
    )
    return next((feature for feature in features if feature is not None), None)


def _in_order(
    basis: Basis, said: list[Setting], unwritten: list[Setting], driver: str, prop: str
) -> Iterator[Setting]:
    """Yield what machine type and ABI say of the property, in the order in which QEMU writes it.

    What of it is *unwritten* stands before the explicit value that has its place.
    """
    types = device_types(
        basis.types,
        driver,
        inner_device(basis.types, inner_types(basis.catalogue, basis.types), driver),
    )
    compat = [entry for entry in compat_of(basis.machine, prop) if entry.driver in types.every]
    family = basis.catalogue.devices().family_of(driver)
    if family is not None and driver == family.driver:
        # Asked of the inner device; what the ABI sets on proxies is said of it as well.
        types = DeviceTypes(outer=frozenset(family.proxies), inner=types.outer)
    said = [setting for setting in said if setting.driver in types.every]
    before = [setting for setting in unwritten if setting.driver in types.every]
    yield from (setting for setting in said if setting.layer == "default")
    for setting, outer in in_order(types, compat, globals_of(said)):
        if setting.layer == "global":
            yield from before
            before = []
        if outer or setting.driver not in types.outer:
            yield setting
    yield from before
    own = [s for s in said if s.layer == "device" or (s.device and s.layer != "default")]
    yield from sorted(own, key=lambda s: (LAYERS.index(s.layer), s.driver in types.outer))


def _step(plan: Plan, setting: Setting, feature: Feature | None) -> Step:
    """Return what *setting* says, and where."""
    key, note = _key(plan, setting, feature), _reason(plan, setting, feature)
    if setting.layer == "machine":
        key = ("machine", plan.basis.machine.name, setting.driver, setting.property, setting.value)
        note = f"compat property of {setting.driver} in {plan.basis.machine.name}"
    return Step(
        layer=setting.layer,
        value=setting.value,
        source=setting.source,
        key=key,
        device=setting.device,
        note=note,
    )


def _reason(plan: Plan, setting: Setting, feature: Feature | None) -> str:
    """Return why the feature's own file decides the value, where it does."""
    if feature is None or not setting.source.startswith("features/"):
        return ""
    if setting.layer == "default":
        return "QEMU's own constant on every host"
    if setting.value != feature.fallback:
        return "asks nothing of a host"
    if plan.basis.catalogue.listing(plan.choice.platform, feature) is None:
        return f"not listed by {plan.choice.platform.name}: the fallback"
    return "the backend cannot carry it: the fallback"


def _key(plan: Plan, setting: Setting, feature: Feature | None) -> tuple[str | int, ...]:
    """Return the key path of what a setting's source file says."""
    if feature is None:
        return ()
    if setting.source.startswith("platforms/"):
        listed = feature.id in plan.choice.platform.listings
        return ("features", feature.id) if listed else ("platform", "levels")
    if setting.source.startswith("features/"):
        return ("feature", feature.id)
    return ()


def _silence(basis: Basis, feature: Feature) -> str:
    """Return why *feature* does not apply, or nothing where it does."""
    if basis.applies(feature):
        return ""
    if basis.is_before(feature.generation):
        return (
            f"{feature.id} is there since machine types of {feature.generation}; "
            f"{basis.machine.name} is older, and QEMU's own compat properties keep it as it was"
        )
    return (
        f"{feature.id} does not apply to {basis.machine.name} with accelerator "
        f"{basis.accelerator} and CPU {basis.cpu}"
    )
