"""Which machine type, of which build, a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.machine import MachineType, QemuBuild
    from platform_abi.model.vm import VirtualMachine


def unversioned(name: str) -> UsageError:
    """Return the question which QEMU is meant, by whom board *name* is what it is."""
    return UsageError(
        f"'{name}' has no version: what it is follows from the QEMU that has it",
        code="machine-unversioned",
        help="name the build with --build; of another QEMU import its definitions first: "
        "platform-abi import-qemu BINARY -o FOLDER",
    )


def versioned(catalogue: Catalogue, vm: VirtualMachine) -> bool:
    """Return whether the board of *vm* is the same in every QEMU that has it."""
    return choose_machine(catalogue, vm.machine, vm.arch, vm.build)[1].generation is not None


def choose_machine(
    catalogue: Catalogue, name: str, arch: str, build: str | None
) -> tuple[QemuBuild, MachineType]:
    """Return the machine type that *name* means, and the build whose definition of it counts.

    With *build*, that build's; an alias such as ``q35`` is resolved only then, because it means
    another machine type in every release. Without, that of the newest build that has the name.
    Raises UnknownNameError, or UsageError (``machine-alias``) for an alias without a build.
    """
    if not catalogue.builds(arch):
        raise UsageError(
            f"no QEMU build is defined for architecture '{arch}'", code="unknown-architecture"
        )
    if build is not None:
        chosen = catalogue.build(build, arch)
        canonical = name if name in chosen.machines else chosen.aliases.get(name)
        if canonical is None:
            known = (*chosen.machines, *chosen.aliases)
            raise unknown(f"machine type of {build}", name, known, code="unknown-machine")
        return chosen, catalogue.machine(build, canonical, arch)
    aliased: list[str] = []
    known_names: set[str] = set()
    for candidate in catalogue.builds(arch):
        chosen = catalogue.build(candidate, arch)
        if name in chosen.machines:
            return chosen, catalogue.machine(candidate, name, arch)
        if name in chosen.aliases:
            aliased.append(f"{chosen.aliases[name]} in {candidate}")
        known_names.update(chosen.machines)
    if aliased:
        raise UsageError(
            f"'{name}' is an alias: {', '.join(aliased)}",
            code="machine-alias",
            help="write the versioned name, or name the QEMU build that resolves it",
        )
    raise unknown(
        "machine type",
        name,
        known_names,
        code="unknown-machine",
        help="the definitions of another QEMU are written from its binary: "
        "platform-abi import-qemu BINARY -o FOLDER",
    )


def nearest_build(
    catalogue: Catalogue, machine: str, arch: str, version: str, package: str
) -> QemuBuild | None:
    """Return the build whose definitions are the nearest to a QEMU of *version* and *package*.

    One of its own release and package where there is one, else of its release, else the newest
    that has the *machine* type; None where none has it, or its properties were not recorded.
    """
    builds = [
        build
        for name in catalogue.builds(arch)
        for build in [catalogue.build(name, arch)]
        if machine in build.machines and catalogue.property_rows(name, arch)
    ]

    def distance(build: QemuBuild) -> tuple[bool, bool, bool]:
        return (
            release_of(build.version) != release_of(version),
            build.package != package,
            build.version != version,
        )

    # They come newest first, and the first of equals is taken.
    return min(builds, key=distance, default=None)


def same_build(build: QemuBuild, version: str, package: str) -> bool:
    """Return whether a QEMU of *version* and *package*, as it says itself, is of *build*.

    What it calls its package may have its vendor's name before it.
    """
    return (build.version, build.package) == (version, package.rpartition(" ")[2])


def release_of(version: str) -> str:
    """Return the release that a *version* with its last number is of: 11.1 of 11.1.3."""
    return version.rpartition(".")[0] or version
