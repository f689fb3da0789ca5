"""What the machine type of a command line means to the QEMU that is to be started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError
from platform_abi.launch.described import Described
from platform_abi.launch.host import Host
from platform_abi.launch.other_build import running_build
from platform_abi.model.platform import release_key, version_key
from platform_abi.model.value import evolve
from platform_abi.resolver.machine_choice import choose_machine, unversioned, versioned
from platform_abi.resolver.older import leaves

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.machine import QemuBuild


def described_by_qemu(
    catalogue: Catalogue, host: Host, read: Callable[..., Described]
) -> tuple[Catalogue, Described]:
    """Return what *read* makes of a command line by a catalogue, and the catalogue that knows it.

    A name that no definition has, an alias, and none at all mean what they mean to the QEMU of
    *host*: from here on as if the name of the machine type had been written.
    """
    try:
        return catalogue, read(catalogue)
    except UsageError as error:
        if error.code not in _LEFT_TO_QEMU:
            raise
        known = host.known()
        if known is not None:
            knowing, build = known
            return knowing, read(
                knowing, aliases=build.aliases, machine=_default_machine(knowing, build)
            )
        default = host.default_machine() if error.code == "no-machine" else None
        if default is not None:
            return catalogue, read(catalogue, machine=default)
        if error.code != "machine-alias":
            raise
        return catalogue, read(catalogue, aliases=host.aliased_machines())


#: What is no error where the QEMU to be started has an answer.
_LEFT_TO_QEMU = ("machine-alias", "no-machine", "unknown-machine")


def _default_machine(catalogue: Catalogue, build: QemuBuild) -> str:
    """Return the machine type that *build* takes where none is named, nothing for none."""
    machines = (catalogue.machine(build.name, name, build.arch) for name in build.machines)
    return next((machine.name for machine in machines if machine.default), "")


def of_build(catalogue: Catalogue, host: Host, found: Described) -> tuple[Catalogue, Described]:
    """Return *found* of the build that is to run it, where the board has no version of its own.

    What such a board is follows from the QEMU. Of one that cannot be asked it is taken for that of
    the newest definitions before its release, of which every property is there, and a remark says
    so. Raises UsageError (``machine-unversioned``) where no release before it is known.
    """
    vm = found.vm
    if vm.build is not None or versioned(catalogue, vm):
        return catalogue, found
    known = host.known()
    if known is not None and vm.machine in known[1].machines:
        return known[0], evolve(found, vm=evolve(vm, build=known[1].name))
    return catalogue, _of_release(catalogue, host, found)


def _of_release(catalogue: Catalogue, host: Host, found: Described) -> Described:
    vm = found.vm
    version, _ = host.version() or ("", "")
    having = [
        build
        for name in catalogue.builds(vm.arch)
        for build in [catalogue.build(name, vm.arch)]
        if vm.machine in build.machines
        and version
        and release_key(build.version) <= release_key(version)
    ]
    if not having:
        raise unversioned(vm.machine)
    # A later one of the same release may have what this one does not know.
    build = max(having, key=lambda each: (each.version == version, version_key(each.version)))
    remark = (
        f"{vm.machine} has no version: of QEMU {version} nothing is recorded, and it is taken for "
        f"{build.name}; what came later is left to the host"
    )
    same = release_key(build.version) == release_key(version)
    remarks = found.remarks if same else (*found.remarks, remark)
    return evolve(found, vm=evolve(vm, build=build.name), remarks=remarks)


def with_what_is_left(
    catalogue: Catalogue, host: Host, found: Described
) -> tuple[Catalogue, Described]:
    """Return *found* of the build that is to run it, where that leaves its machine type more.

    A versioned machine type is the same in every QEMU, but where a build leaves it what came with
    a later release, and a host would decide that (``resolver.older``).
    """
    vm = found.vm
    if vm.build is not None:
        return catalogue, found
    machine = choose_machine(catalogue, vm.machine, vm.arch, None)[1]
    version, _ = host.version() or ("", "")
    if machine.generation is None or not version:
        return catalogue, found
    newer = [
        feature
        for feature in catalogue.every_feature()
        if feature.generation is not None
        and release_key(machine.generation) < release_key(feature.generation)
        and release_key(feature.generation) <= release_key(version)
    ]
    if not newer:
        return catalogue, found
    knowing, name, _ = running_build(catalogue, vm, host)
    if name is None:
        return catalogue, found
    build, own = choose_machine(knowing, vm.machine, vm.arch, name)
    if not any(leaves(knowing, build, own, feature) for feature in newer):
        return catalogue, found
    return knowing, evolve(found, vm=evolve(vm, build=name))
