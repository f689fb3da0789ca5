"""What a machine type of one build has, whatever the platform: which features, on which drivers.

A basis is worked out once and kept with the catalogue; all plans of a machine type, one for each
platform, stand on the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import NETDEV, DeviceFamily
from platform_abi.model.feature import Feature
from platform_abi.model.machine import MachineType, QemuBuild, TypeTable
from platform_abi.model.memo import Memo, remembered
from platform_abi.model.platform import edition_key, version_key
from platform_abi.model.value import define, field, frozen
from platform_abi.resolver.layers import compat_of, device_types, in_order
from platform_abi.resolver.older import leaves, lets_older, shows, shows_property

if TYPE_CHECKING:
    from platform_abi.model.abi import Setting


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
    """The features of one family that apply to a machine type."""

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
class Basis:
    """One machine type of one build, under one accelerator, CPU model and edition."""

    catalogue: Catalogue
    build: QemuBuild
    named_build: bool
    machine: MachineType
    accelerator: str
    cpu: str
    edition: str
    #: The QOM types of the build.
    types: TypeTable
    #: What gates features; a board without versions is as new as its build.
    generation: tuple[int, ...]
    #: Whether nobody knows that of a vendor's machine type.
    undated: bool = False
    #: Whether anything of the board depends on how much memory there is.
    sized: bool = False
    memo: Memo = field(factory=dict)

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
        fitting = self.fitting(feature)
        return fitting is not None and self.of_generation(fitting)

    def fitting(self, known: Feature) -> Feature | None:
        """Return the feature *known* as the edition has it, whatever the machine type's age."""
        feature, machine = known.at(edition_key(self.edition)), self.machine
        fits = feature is not None and (
            (not feature.arch or machine.arch in feature.arch)
            and (not feature.accelerators or self.accelerator in feature.accelerators)
            and (not feature.machines or machine.family in feature.machines)
            and (not feature.cpus or self.cpu in feature.cpus)
            and self.cpu not in feature.not_cpus
        )
        return feature if fits else None

    def of_generation(self, feature: Feature) -> bool:
        """Return whether a machine type of this generation has *feature*.

        Raises UsageError (``machine-generation``) where nobody knows the generation of a vendor's
        machine type, and it decides that.
        """
        if feature.generation is None and feature.until is None:
            return True
        if self.undated:
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
        if feature.generation is None or self.generation >= version_key(feature.generation):
            return True
        return leaves(self.catalogue, self.build, self.machine, feature)

    def is_before(self, generation: str | None) -> bool:
        """Return whether the machine type is of an earlier release than *generation*."""
        return generation is not None and self.generation < version_key(generation)

    def lacks(self, generation: str | None, driver: str, name: str) -> bool:
        """Return whether the machine type is without what came with *generation*.

        It is switched by property *name* of *driver*. One that is older may have been left it.
        """
        if generation is not None and self.undated:
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
def family_plan(basis: Basis, name: str) -> FamilyPlan:
    """Return what *basis* has for the device family called *name*."""
    family = next(f for f in basis.catalogue.devices().families if f.name == name)
    features, later = _by_age(basis, family)
    rows, later_rows = _rows(basis, family, features), _rows(basis, family, later)
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


def _by_age(basis: Basis, family: DeviceFamily) -> tuple[list[Feature], list[Feature]]:
    """Return the features of *family* that a machine type has, and those that came after it.

    A QEMU that has the property of one of these takes it from a user all the same, and asks the
    host for it.
    """
    features, later = [], []
    for known in basis.catalogue.family_features(family):
        feature = basis.fitting(known)
        if feature is None:
            continue
        if basis.of_generation(feature):
            features.append(feature)
        elif feature.generation is not None and feature.until is None:
            later.append(feature)
    return features, later


def _rows(basis: Basis, family: DeviceFamily, features: Sequence[Feature]) -> tuple[Row, ...]:
    """Return what *features* drive of *family*, by property."""
    compat, alone = _compat(basis), (family.driver,)
    rows = [
        Row(
            feature=feature,
            property=name,
            drivers=_carriers(basis, family, name) if name in compat else alone,
        )
        for feature in features
        if feature.kind in ("setting", "guard")
        for driver, name in feature.drives
        if driver == family.driver
    ]
    return tuple(sorted(rows, key=attrgetter("property")))


def _carriers(basis: Basis, family: DeviceFamily, name: str) -> tuple[str, ...]:
    """Return the drivers to emit property *name* on, where there is a compat property of that name.

    A compat property on a proxy beats a ``-global`` on the inner device, so where the machine
    type has one, the proxy needs the value as well.
    """
    reached = (
        proxy
        for proxy in family.proxies
        for types in [device_types(basis.types, proxy, family.driver)]
        if any(outer for _, outer in in_order(types, _compat(basis)[name]))
    )
    return (family.driver, *reached)


def contradicted(basis: Basis, family: DeviceFamily, feature: Feature) -> bool:
    """Return whether the machine type's compat properties give *feature* another value."""
    compat = _compat(basis)
    others = [
        entry.driver
        for _, name in feature.drives
        for entry in compat.get(name, ())
        if entry.value != feature.fallback
    ]
    return bool(others) and not _types_of(basis, family.drivers).isdisjoint(others)


@remembered()
def _types_of(basis: Basis, drivers: tuple[str, ...]) -> frozenset[str]:
    """Return all types that devices of any of *drivers* are of."""
    return frozenset().union(*(device_types(basis.types, driver).outer for driver in drivers))


@remembered()
def _compat(basis: Basis) -> dict[str, list[Setting]]:
    """Return the machine type's compat properties by name."""
    by_name: dict[str, list[Setting]] = {}
    for setting in compat_of(basis.machine):
        by_name.setdefault(setting.property, []).append(setting)
    return by_name
