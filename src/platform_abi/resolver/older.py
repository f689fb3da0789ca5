"""Whether a machine type that is older than what a release brought has it all the same.

The same shows of a vendor's machine type of which nobody knows the generation.

QEMU keeps what a release brings from machine types of earlier releases by compat properties of
these. Which machine types get them is a build's own doing. Upstream's switches UDP segmentation
offload off up to 8.1 (hw/core/machine.c, hw_compat_8_1, QEMU 8.2.5), that of Ubuntu 24.04 up to
8.0. So the build is asked, where it is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.model.feature import ANY_BACKEND
from platform_abi.model.memo import remembered
from platform_abi.model.platform import release_key
from platform_abi.resolver.generations import span

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.machine import MachineType, QemuBuild


def leaves(catalogue: Catalogue, build: QemuBuild, machine: MachineType, feature: Feature) -> bool:
    """Return whether *build* leaves *machine* the later *feature*, for a host to decide.

    What is the same on all hosts needs no pin either way.
    """
    if feature.generation is None or _same_on_all_hosts(feature):
        return False
    return any(
        lets_older(catalogue, build, machine, feature.generation, carried)
        for carried in feature.drives
    )


def _same_on_all_hosts(feature: Feature) -> bool:
    """Return whether *feature* asks nothing of a host, behind most backends."""
    return feature.requires.get(ANY_BACKEND) == ()


def lets_older(
    catalogue: Catalogue,
    build: QemuBuild,
    machine: MachineType,
    generation: str,
    carried: tuple[str, str],
) -> bool:
    """Return whether *build* leaves *machine* what came with the later *generation*.

    *carried* is the driver and the property that it is switched off by. It is left where the build
    keeps the oldest machine type of the family from it by a compat property, and has none such for
    *machine*. A build that keeps none of them by one does it in another way, and one whose types
    nobody recorded is not known: there the release decides.
    """
    if release_key(build.version) < release_key(generation):
        return False
    return bool(left(catalogue, build, machine, carried)) and _kept_from_oldest(
        catalogue, build, machine.family, carried
    )


def left(
    catalogue: Catalogue, build: QemuBuild, machine: MachineType, carried: tuple[str, str]
) -> bool | None:
    """Return whether *build* leaves *machine* the property *carried*, a driver and a name.

    It does where it has the property, and the machine type no compat property of that name. None
    where nobody recorded what *build* has of the driver, as of a board's own properties.
    """
    driver, name = carried
    types = catalogue.types(build.name, build.arch)
    if driver not in types:
        return None
    if name not in types.properties(driver):
        return False
    return not _keeps(machine, name, _kinds(catalogue, build.name, build.arch, driver))


def _kept_from_oldest(
    catalogue: Catalogue, build: QemuBuild, family: str, carried: tuple[str, str]
) -> bool:
    driver, name = carried
    oldest = _oldest(catalogue, build.name, build.arch, family)
    kinds = _kinds(catalogue, build.name, build.arch, driver)
    return oldest is not None and _keeps(oldest, name, kinds)


# --- a machine type of which nobody knows the generation ------------------------------------------


def shows(
    catalogue: Catalogue, build: QemuBuild, machine: MachineType, feature: Feature
) -> bool | None:
    """Return whether the content of *machine* in *build* shows that it has *feature*.

    None where it does not tell; but what is the same on all hosts needs no pin then.
    """
    if feature.until is not None:
        between = span(catalogue, build.name, machine.name, machine.arch)
        has_come = feature.generation is None or between.since(feature.generation)
        has_gone = between.since(feature.until)
        if has_come is False or has_gone is True:
            return False
        return None if has_come is None or has_gone is None else True
    if feature.generation is None:
        return True
    told = [
        shows_property(catalogue, build, machine, feature.generation, carried)
        for carried in feature.drives or (("", ""),)
    ]
    if True in told:
        return True
    return None if None in told and not _same_on_all_hosts(feature) else False


def shows_property(
    catalogue: Catalogue,
    build: QemuBuild,
    machine: MachineType,
    generation: str,
    carried: tuple[str, str],
) -> bool | None:
    """Return whether *machine* shows to have *carried*, a driver and a property of *generation*.

    What *build* keeps from its oldest machine type by a compat property is decided by those of
    *machine*, and what it has no property for is not there. All else goes by the releases between
    which the machine type is (``generations.span``). None where that does not tell.
    """
    told = left(catalogue, build, machine, carried)
    if told is False or (told and _kept_from_oldest(catalogue, build, machine.family, carried)):
        return told
    return span(catalogue, build.name, machine.name, machine.arch).since(generation)


def _keeps(machine: MachineType, name: str, kinds: frozenset[str]) -> bool:
    return any(entry.property == name and entry.driver in kinds for entry in machine.compat)


@remembered()
def _kinds(catalogue: Catalogue, build: str, arch: str, driver: str) -> frozenset[str]:
    """Return all types that *driver* is of, and those of what has it inside."""
    types = catalogue.types(build, arch)
    family = catalogue.devices().family_of(driver)
    drivers = (driver,) if family is None else family.drivers
    return frozenset(kind for each in drivers for kind in (each, *types.ancestry(each)))


@remembered()
def _oldest(catalogue: Catalogue, build: str, arch: str, family: str) -> MachineType | None:
    """Return the oldest machine type of *family*: a build names the newest of one first."""
    for name in reversed(catalogue.build(build, arch).machines):
        if name.startswith(f"{family}-"):
            machine = catalogue.machine(build, name, arch)
            if machine.family == family:
                return machine
    return None
