"""Which machine type, of which build, a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.machine import MachineType, QemuBuild
    from platform_abi.model.vm import VirtualMachine


def unversioned(name: str) -> UsageError:
    """Return the question which QEMU is meant, by whom board *name* is what it is."""
    return UsageError(
        f"'{name}' has no version: what it is follows from the QEMU that has it",
        code="machine-unversioned",
        help="name the build with --build; another QEMU is asked what it has by "
        "platform-abi import-qemu --keep BINARY",
    )


def versioned(catalogue: Catalogue, vm: VirtualMachine) -> bool:
    """Return whether the board of *vm* is the same in every QEMU that has it."""
    machine = choose_machine(catalogue, vm.machine, vm.arch, vm.build)[1]
    return machine.generation is not None or of_unknown_generation(machine)


def of_unknown_generation(machine: MachineType) -> bool:
    """Return whether *machine* has a version, a vendor's, and nobody knows of which generation."""
    return machine.generation is None and machine.family != machine.name


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
    # As it is, or without what only a vendor's QEMU reads behind it.
    names = (name, catalogue.options().machine(name) if "+" in name else name)
    if build is not None:
        return _of_build(catalogue, names, catalogue.build(build, arch))
    for each in names:
        for chosen in _builds(catalogue, catalogue.builds(arch), arch):
            if each in chosen.machines:
                return chosen, catalogue.machine(chosen.name, each, arch)
        if aliased := _aliased(catalogue, each, arch):
            raise UsageError(
                f"'{each}' is an alias: {', '.join(aliased)}",
                code="machine-alias",
                help="write the versioned name, or name by --build the QEMU that resolves it",
            )
    # A vendor's own, which the newest QEMU of that vendor's has that was asked here.
    for each in names:
        for chosen in _builds(catalogue, catalogue.learned(arch), arch):
            if each in chosen.machines:
                return chosen, catalogue.machine(chosen.name, each, arch)
    builds = _builds(catalogue, catalogue.builds(arch), arch)
    raise unknown(
        "machine type",
        name,
        {machine for each in builds for machine in each.machines},
        code="unknown-machine",
        help="what another QEMU has is asked of its binary: platform-abi import-qemu --keep BINARY",
    )


def _of_build(
    catalogue: Catalogue, names: tuple[str, ...], build: QemuBuild
) -> tuple[QemuBuild, MachineType]:
    for name in names:
        canonical = name if name in build.machines else build.aliases.get(name)
        if canonical is not None:
            return build, catalogue.machine(build.name, canonical, build.arch)
    known = (*build.machines, *build.aliases)
    raise unknown(f"machine type of {build.name}", names[0], known, code="unknown-machine")


def _builds(catalogue: Catalogue, names: Iterable[str], arch: str) -> Iterator[QemuBuild]:
    return (catalogue.build(name, arch) for name in names)


def _aliased(catalogue: Catalogue, name: str, arch: str) -> list[str]:
    builds = _builds(catalogue, catalogue.builds(arch), arch)
    return [f"{b.aliases[name]} in {b.name}" for b in builds if name in b.aliases]


def nearest_build(
    catalogue: Catalogue, machine: str, arch: str, version: str, package: str
) -> QemuBuild | None:
    """Return the build whose definitions are the nearest to a QEMU of *version* and *package*.

    One of its own release and package where there is one, else of its release, else the newest
    that has the *machine* type; None where none has it, or its properties were not recorded. A
    QEMU that was asked is no other's: it is taken where it is of that very version and package.
    """
    builds = [
        build
        for name in catalogue.builds(arch)
        for build in [catalogue.build(name, arch)]
        if machine in build.machines and catalogue.property_rows(name, arch)
    ]
    if not any((build.version, build.package) == (version, package) for build in builds):
        builds += [
            build
            for name in catalogue.learned(arch)
            for build in [catalogue.build(name, arch)]
            if (build.version, build.package) == (version, package)
            and machine in build.machines
            and catalogue.property_rows(name, arch)
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
