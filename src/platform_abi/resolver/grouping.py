"""The devices of a virtual machine, sorted into families, with what is known of their drivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve

from platform_abi.errors import UsageError, unknown
from platform_abi.model.abi import MACHINE
from platform_abi.model.device import DeviceFamily
from platform_abi.model.machine import TypeTable
from platform_abi.model.value import frozen
from platform_abi.model.vm import Device, GlobalProperty, VirtualMachine
from platform_abi.resolver.explicit import Instance
from platform_abi.resolver.layers import DeviceTypes, device_types
from platform_abi.resolver.plan import MEMO_LIMIT, FamilyPlan, Plan
from platform_abi.resolver.settle import FamilyResult, resolve_family

#: What a device family calls its backend where the accelerator is what stands behind it.
ACCELERATOR = "accelerator"
#: The backend of a device that has none.
NO_BACKEND = "none"
#: Keys of ``-device`` that are no properties of the device (QEMU's qdev-monitor.c).
_DEVICE_KEYS = frozenset({"driver", "id", "bus"})


@frozen(kw_only=True)
class Known:
    """What a plan knows of one driver."""

    driver: str
    family: DeviceFamily | None
    properties: frozenset[str] | None
    types: DeviceTypes


def resolve_families(
    plan: Plan, vm: VirtualMachine, *, hotplug: bool = False
) -> tuple[list[FamilyResult], tuple[str, ...]]:
    """Return the result of every family that *vm* has, ordered by driver, and what to say of it.

    With *hotplug* there are values for devices that may yet come, which nothing is needed for now.
    """
    grouped: dict[str, list[tuple[Known, Device, str | None]]] = {}
    for label, device in vm.labelled():
        known = plan.drivers.get(device.driver) or know(plan, device.driver)
        if device.properties:
            _check_properties(plan, known, device)
        if known.family is not None:
            grouped.setdefault(known.family.name, []).append((known, device, label))
    for entry in vm.globals:
        _check_global(plan, entry)
    for known, device in _implicit(plan, vm):
        if known.family is not None:
            grouped.setdefault(known.family.name, []).append((known, device, None))
    results = {name: _result(plan, vm, name, members) for name, members in grouped.items()}
    notes: tuple[str, ...] = ()
    assumed = [f for f in plan.catalogue.devices().families if f.assumed_backends]
    if hotplug:
        results.update((f.name, _awaited(plan, vm, f)) for f in assumed if f.name not in results)
    elif not vm.devices:
        results.update((f.name, _assumed(plan, vm, f)) for f in assumed)
        notes = tuple(_notes(assumed, results))
    order = sorted(results, key=lambda name: (plan.family(name).family.driver, name))
    return [results[name] for name in order], notes


def _result(
    plan: Plan,
    vm: VirtualMachine,
    name: str,
    members: Sequence[tuple[Known, Device, str | None]],
) -> FamilyResult:
    """Return the family's result, kept for reuse under all that it depends on."""
    family = plan.family(name)
    names = family.names
    backends = [_backend(plan, known, device) for known, device, _ in members]
    globals_ = tuple(g for g in vm.globals if g.property in names) if vm.globals else ()
    given = [
        tuple([p for p in device.properties if p[0] in names]) if device.properties else ()
        for _, device, _ in members
    ]
    key: Any = backends[0]
    if globals_ or any(given) or any(b != key for b in backends) or family.names_devices(key):
        key = (
            globals_,
            tuple(
                (m[2], m[0].driver, b, g) for m, b, g in zip(members, backends, given, strict=True)
            ),
        )
    found: FamilyResult | None = family.results.get(key)
    if found is not None:
        return found
    instances = [
        Instance(
            label=label,
            driver=known.driver,
            backends=(backend,),
            properties=device.properties,
            types=known.types,
        )
        for (known, device, label), backend in zip(members, backends, strict=True)
    ]
    return _remember(family, key, resolve_family(plan, family, instances, globals_))


def _remember(family: FamilyPlan, key: Any, result: FamilyResult) -> FamilyResult:
    if len(family.results) >= MEMO_LIMIT:
        family.results.clear()
    family.results[key] = result
    return result


def _assumed(plan: Plan, vm: VirtualMachine, family: DeviceFamily) -> FamilyResult:
    """Return values that hold for whatever device of *family* the virtual machine will have."""
    family_plan = plan.family(family.name)
    globals_ = tuple(g for g in vm.globals if g.property in family_plan.names)
    key = ("assumed", globals_)
    found: FamilyResult | None = family_plan.results.get(key)
    if found is not None:
        return found
    instance = Instance(
        label=None,
        driver=family.driver,
        backends=family.assumed_backends,
        types=device_types(plan.types, family.driver),
    )
    return _remember(family_plan, key, resolve_family(plan, family_plan, [instance], globals_))


def _awaited(plan: Plan, vm: VirtualMachine, family: DeviceFamily) -> FamilyResult:
    """Return values for devices of *family* that may be plugged in later."""
    assumed = _assumed(plan, vm, family)
    family_plan = plan.family(family.name)
    key = ("awaited", tuple(g for g in vm.globals if g.property in family_plan.names))
    found: FamilyResult | None = family_plan.results.get(key)
    if found is None:
        found = evolve(assumed, needs=(), unpinned=(), beyond=())
        found = _remember(family_plan, key, found)
    return found


def _notes(assumed: Sequence[DeviceFamily], results: dict[str, FamilyResult]) -> Iterator[str]:
    for family in assumed:
        behind = " and ".join(family.assumed_backends)
        if family.backend_property:
            yield f"no devices given: values for {family.name} hold behind {behind}"
        weakened = results[family.name].weakened
        if weakened:
            yield f"off because not every one of these can carry it: {', '.join(weakened)}"


def _implicit(plan: Plan, vm: VirtualMachine) -> Iterator[tuple[Known, Device]]:
    """Yield what every virtual machine has: the board itself and its CPU."""
    for family in plan.catalogue.devices().families:
        if family.driver == MACHINE:
            known = Known(
                driver=MACHINE,
                family=family,
                properties=None,
                types=DeviceTypes(outer=frozenset({MACHINE})),
            )
            yield known, Device(driver=MACHINE, properties=vm.machine_options)
        elif family.backend == ACCELERATOR and plan.machine.cpu.endswith(f"-{family.driver}"):
            yield (
                _cpu(plan, family),
                Device(
                    driver=family.driver, properties=() if vm.cpu is None else vm.cpu.properties
                ),
            )


def _cpu(plan: Plan, family: DeviceFamily) -> Known:
    key = plan.cpu_type(family)
    if key not in plan.drivers:
        types = plan.types
        if types and key not in types:
            suffix = f"-{family.driver}"
            models = [t.removesuffix(suffix) for t in types.parents if t.endswith(suffix)]
            raise unknown("CPU model", plan.cpu, models, code="unknown-cpu")
        outer = frozenset(types.ancestry(key)) | {key, family.driver}
        plan.drivers[key] = Known(
            driver=family.driver, family=family, properties=None, types=DeviceTypes(outer=outer)
        )
    found: Known = plan.drivers[key]
    return found


def _backend(plan: Plan, known: Known, device: Device) -> str:
    family = known.family
    if family is None:
        return NO_BACKEND
    if family.backend == ACCELERATOR:
        return plan.accelerator
    if not family.backend_property:
        return device.backend or family.backend or NO_BACKEND
    if not device.backend:
        return NO_BACKEND
    if device.backend not in plan.backends:
        raise unknown("backend", device.backend, plan.backends, code="unknown-backend")
    return device.backend


# --- what a build knows of drivers and properties ------------------------------------------------


def know(plan: Plan, driver: str) -> Known:
    """Return what the build knows of *driver*; raises UnknownNameError for no such driver."""
    types = _types_with(plan, driver)
    canonical = types.canonical(driver)
    family = plan.catalogue.devices().family_of(canonical)
    known_properties: frozenset[str] | None = None
    if canonical in types:
        known_properties = types.properties(canonical) | _DEVICE_KEYS
        if family is not None:
            known_properties |= types.properties(family.driver)
    known = Known(
        driver=canonical,
        family=family,
        properties=known_properties,
        types=device_types(types, canonical, family.driver if family is not None else ""),
    )
    plan.drivers[driver] = known
    return known


def _types_with(plan: Plan, driver: str) -> TypeTable:
    """Return the types of the newest suitable build that knows *driver*.

    Where no build was named, any that has the machine type is suitable: a QEMU drops drivers too.
    """
    known: set[str] = set()
    for types in _candidates(plan):
        if not types or driver in types or driver in types.aliases:
            return types
        known |= set(types.parents) | set(types.aliases)
    raise unknown("driver", driver, known, code="unknown-driver")


def _candidates(plan: Plan) -> Iterator[TypeTable]:
    yield plan.types
    if plan.named_build:
        return
    arch = plan.machine.arch
    for name in plan.catalogue.builds(arch):
        if (
            name != plan.build.name
            and plan.machine.name in plan.catalogue.build(name, arch).machines
        ):
            yield plan.catalogue.types(name, arch)


def _check_properties(plan: Plan, known: Known, device: Device) -> None:
    if known.properties is None:
        return
    for name, _ in device.properties:
        if name not in known.properties:
            _check_property(plan, known.driver, name)


def _check_property(plan: Plan, driver: str, name: str) -> None:
    """Refuse a property that no suitable build knows; *driver* is one that some build does."""
    every: set[str] = set()
    family = plan.catalogue.devices().family_of(driver)
    for types in _candidates(plan):
        properties = set(types.properties(driver))
        if family is not None:
            properties |= types.properties(family.driver)
        if name in properties or (driver in types.abstract and _below(types, driver, name)):
            return
        every |= properties
    raise unknown(
        "property", f"{driver}.{name}", [f"{driver}.{p}" for p in every], code="unknown-property"
    )


def _below(types: TypeTable, driver: str, name: str) -> bool:
    """Return whether a concrete type below the abstract *driver* has property *name*."""
    return any(
        name in names and driver in types.ancestry(child)
        for child, names in types.own_properties.items()
    )


def _check_global(plan: Plan, entry: GlobalProperty) -> None:
    """Refuse a -global that QEMU would warn about or die of; what was found good is remembered."""
    key = ("global", entry.driver, entry.property)
    if key not in plan.memo:
        _check_new_global(plan, entry)
        plan.memo[key] = True


def _check_new_global(plan: Plan, entry: GlobalProperty) -> None:
    types = _types_with(plan, entry.driver)
    if not types:
        return
    if entry.driver not in types:
        meant = types.aliases[entry.driver]
        raise UsageError(
            f"'{entry.driver}' is an alias for -device only; -global does not know it",
            code="global-alias",
            help=f"write {meant}.{entry.property}",
        )
    _check_property(plan, entry.driver, entry.property)
