"""Whether a machine type that is older than what a release brought has it all the same.

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

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.machine import MachineType, QemuBuild


def leaves(catalogue: Catalogue, build: QemuBuild, machine: MachineType, feature: Feature) -> bool:
    """Return whether *build* leaves *machine* the later *feature*, for a host to decide.

    What asks nothing of most backends is the same on all hosts, and needs no pin either way.
    """
    if feature.generation is None or feature.requires.get(ANY_BACKEND) == ():
        return False
    return any(
        lets_older(catalogue, build, machine, feature.generation, carried)
        for carried in feature.drives
    )


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
    driver, name = carried
    if release_key(build.version) < release_key(generation):
        return False
    if name not in catalogue.types(build.name, build.arch).properties(driver):
        return False
    kinds = _kinds(catalogue, build.name, build.arch, driver)
    if _keeps(machine, name, kinds):
        return False
    oldest = _oldest(catalogue, build.name, build.arch, machine.family)
    return oldest is not None and _keeps(oldest, name, kinds)


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
