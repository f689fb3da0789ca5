"""What a build knows of drivers and their properties, and which it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown
from platform_abi.model.device import ACCELERATOR, MACHINE, DeviceFamily
from platform_abi.model.memo import MEMO_LIMIT, remembered
from platform_abi.model.value import frozen
from platform_abi.resolver.basis import Basis, family_plan
from platform_abi.resolver.layers import DeviceTypes, device_types

if TYPE_CHECKING:
    from platform_abi.model.machine import TypeTable
    from platform_abi.model.vm import Device

#: The backend of a device that has none.
NO_BACKEND = "none"
#: Keys of ``-device`` that are no properties of the device (QEMU's qdev-monitor.c).
DEVICE_KEYS = frozenset({"driver", "id", "bus"})


@frozen(kw_only=True)
class Known:
    """What is known of one driver.

    *properties* is None where its build's were not recorded; *plain* are those of them that no
    feature of its family depends on.
    """

    driver: str
    family: DeviceFamily | None
    types: DeviceTypes
    properties: frozenset[str] | None = None
    plain: frozenset[str] = frozenset()


@remembered()
def know(basis: Basis, driver: str) -> Known:
    """Return what the build knows of *driver*; raises UnknownNameError for no such driver."""
    types = _types_with(basis, driver)
    canonical = types.canonical(driver)
    family = basis.catalogue.devices().family_of(canonical)
    known_properties: frozenset[str] | None = None
    if canonical in types:
        known_properties = types.properties(canonical) | DEVICE_KEYS
        if family is not None:
            known_properties |= types.properties(family.driver)
    names: frozenset[str] = frozenset() if family is None else family_plan(basis, family.name).names
    return Known(
        driver=canonical,
        family=family,
        types=device_types(types, canonical, family.driver if family is not None else ""),
        properties=known_properties,
        plain=(known_properties or frozenset()) - names,
    )


@remembered()
def board_or_cpu(basis: Basis, name: str) -> Known:
    """Return what every virtual machine has of a family, which is that of the board or the CPU."""
    family = family_plan(basis, name).family
    if family.driver == MACHINE:
        return Known(driver=MACHINE, family=family, types=DeviceTypes(outer=frozenset({MACHINE})))
    model = f"{basis.cpu}-{family.driver}"
    outer = frozenset(basis.types.ancestry(model)) | {model, family.driver}
    return Known(driver=family.driver, family=family, types=DeviceTypes(outer=outer))


@remembered()
def backend_of(basis: Basis, driver: str, kind: str) -> str:
    """Return what stands behind a device of *driver* whose own backend is *kind*, if any.

    Raises UnknownNameError for a kind that no definition knows.
    """
    family = know(basis, driver).family
    return NO_BACKEND if family is None else family_backend(basis, family, kind)


def family_backend(basis: Basis, family: DeviceFamily, kind: str) -> str:
    """Return what stands behind a device of *family* whose own backend is *kind*, if any."""
    if family.backend == ACCELERATOR:
        return basis.accelerator
    if not family.backend_property:
        return kind or family.backend or NO_BACKEND
    kinds = {backend.name for backend in basis.catalogue.devices().backends}
    if kind and kind not in kinds:
        raise unknown("backend", kind, kinds, code="unknown-backend")
    return kind or NO_BACKEND


def _types_with(basis: Basis, driver: str) -> TypeTable:
    """Return the types of the newest suitable build that knows *driver*.

    Where no build was named, any that has the machine type is suitable: a QEMU drops drivers too.
    """
    known: set[str] = set()
    for types in _candidates(basis):
        if not types or driver in types or driver in types.aliases:
            return types
        known |= set(types.parents) | set(types.aliases)
    raise unknown("driver", driver, known, code="unknown-driver")


def _candidates(basis: Basis) -> Iterator[TypeTable]:
    yield basis.types
    if basis.named_build:
        return
    arch = basis.machine.arch
    for name in basis.catalogue.builds(arch):
        if (
            name != basis.build.name
            and basis.machine.name in basis.catalogue.build(name, arch).machines
        ):
            yield basis.catalogue.types(name, arch)


def check_properties(basis: Basis, known: Known, device: Device) -> None:
    """Refuse properties of *device* that no suitable build knows."""
    if known.properties is not None:
        for name, _ in device.properties:
            if name not in known.properties:
                _check_property(basis, known.driver, name)


def _check_property(basis: Basis, driver: str, name: str) -> None:
    """Refuse a property that no suitable build knows; *driver* is one that some build does."""
    every: set[str] = set()
    family = basis.catalogue.devices().family_of(driver)
    for types in _candidates(basis):
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


@remembered(MEMO_LIMIT)
def check_global(basis: Basis, driver: str, name: str) -> None:
    """Refuse a ``-global`` that QEMU would warn about or die of."""
    types = _types_with(basis, driver)
    if not types:
        return
    if driver not in types:
        meant = types.aliases[driver]
        raise UsageError(
            f"'{driver}' is an alias for -device only; -global does not know it",
            code="global-alias",
            help=f"write {meant}.{name}",
        )
    _check_property(basis, driver, name)
