"""What keeps a virtual machine where it is: devices that QEMU itself does not migrate.

And what keeps anybody from saying that it can be moved: a CPU and a board that are not described.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from platform_abi.model.abi import NOT_ASKED, NOT_DESCRIBED, Obstacle
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import MigrationBlocker
from platform_abi.model.memo import MEMO_LIMIT, remembered
from platform_abi.model.platform import version_key
from platform_abi.model.vm import VirtualMachine
from platform_abi.resolver.explicit import BOOLEANS
from platform_abi.resolver.layers import inner_device, inner_types

_UNMIGRATABLE = "device-unmigratable"


def obstacles(
    catalogue: Catalogue,
    vm: VirtualMachine,
    versions: Collection[str] = (),
    *,
    edition: str | None = None,
) -> tuple[Obstacle, ...]:
    """Return what keeps *vm* from being migrated, or anybody from telling whether it can be.

    *edition* is that under which *vm* is resolved, the newest released one if it is None.
    *versions* are those of the QEMUs that are to migrate it, as ``query-version`` has them. Where
    one is not known here, or none is named, every build is meant that may run *vm*: that for which
    it was described, else all with its machine type.
    """
    under = edition or catalogue.newest_edition() or ""
    return (*_undescribed(catalogue, vm, under), *_devices(catalogue, vm, versions))


def _undescribed(catalogue: Catalogue, vm: VirtualMachine, edition: str) -> Iterator[Obstacle]:
    devices = catalogue.devices()
    if not devices.describes(vm.arch, vm.accelerator, vm.machine, edition):
        yield Obstacle(
            code=NOT_DESCRIBED,
            what=f"CPU and board of {vm.arch} with {vm.accelerator}",
            reason=f"no definition of edition {edition} says what of them a host decides",
            help="hosts of one kernel, one QEMU and one kind of CPU are most likely to agree",
        )


def _devices(
    catalogue: Catalogue, vm: VirtualMachine, versions: Collection[str]
) -> Iterator[Obstacle]:
    builds = _builds(catalogue, vm, versions)
    of = (vm.machine, vm.arch, vm.build)
    for label, device in vm.labelled():
        given = {key: BOOLEANS.get(value, value) for key, value in device.properties}
        refusals = _refusals(catalogue, of, builds, device.driver)
        refusal = next((r for r in refusals if r.only is None or r.only.blocks(given)), None)
        if refusal is not None:
            yield Obstacle(
                code=refusal.code,
                what=f"{device.driver} ({label})",
                reason=refusal.reason,
                help=refusal.help,
            )


class _Refusal(NamedTuple):
    """Why QEMU migrates no device of a driver, or *only* those that are described."""

    reason: str
    help: str
    only: MigrationBlocker | None = None
    code: str = _UNMIGRATABLE


#: What a virtual machine is made of: machine type, architecture, and the build that is to run it.
_Of = tuple[str, str, str | None]


@remembered(MEMO_LIMIT)
def _refusals(
    catalogue: Catalogue, of: _Of, builds: tuple[str, ...], driver: str
) -> tuple[_Refusal, ...]:
    """Return why those of *builds* that may run such a machine migrate no device of *driver*."""
    names = _types(catalogue, of, driver)
    own = _refusal(catalogue, of, builds, names)
    return (
        *(
            _Refusal(blocker.reason, blocker.help, blocker)
            for blocker in catalogue.devices().blockers
            if not names.isdisjoint(blocker.drivers)
            and (not blocker.since or _reaches(catalogue, of, builds, blocker.since))
        ),
        *([own] if own is not None else []),
    )


def _reaches(catalogue: Catalogue, of: _Of, builds: tuple[str, ...], release: str) -> bool:
    """Return whether one of *builds* that may run such a machine is of *release* or later."""
    return any(
        version_key(catalogue.build(build, of[1]).version) >= version_key(release)
        for build in builds
        if _may_run(catalogue, of, build)
    )


def _refusal(
    catalogue: Catalogue, of: _Of, builds: tuple[str, ...], names: frozenset[str]
) -> _Refusal | None:
    """Return why those of *builds* migrate no device of *names*, whatever its properties are."""
    refusing = [
        build
        for build in builds
        if names & (catalogue.unmigratable(build, of[1]) or frozenset())
        and _may_run(catalogue, of, build)
    ]
    if not refusing:
        return _supposed(catalogue, of, builds, names)
    others = [b for b in builds if b not in refusing and _may_run(catalogue, of, b)]
    reason = f"{' and '.join(refusing)} {_DO[len(refusing) > 1]} not migrate it"
    return _Refusal(reason, _instead(others))


def _supposed(
    catalogue: Catalogue, of: _Of, builds: tuple[str, ...], names: frozenset[str]
) -> _Refusal | None:
    """Return what nobody asked one of *builds*, and the most like it says of a device of *names*.

    One that has only said what it has, or is known by what was written of it, was never asked what
    it migrates.
    """
    unasked = [build for build in builds if catalogue.unmigratable(build, of[1]) is None]
    if not unasked or _refused(catalogue, of[1]).isdisjoint(names):
        return None  # nor need the machine types of any build be read
    for build in unasked:
        other = _like(catalogue, build, of[1]) if _may_run(catalogue, of, build) else ""
        if other and names & (catalogue.unmigratable(other, of[1]) or frozenset()):
            return _Refusal(
                f"{other} does not migrate it, and nobody asked {build}",
                "'platform-abi rehearse' tries it; or use another device",
                code=NOT_ASKED,
            )
    return None


@remembered()
def _refused(catalogue: Catalogue, arch: str) -> frozenset[str]:
    """Return the types with which any build refuses to migrate."""
    asked = (catalogue.unmigratable(name, arch) for name in catalogue.builds(arch))
    return frozenset().union(*filter(None, asked))


@remembered()
def _like(catalogue: Catalogue, build: str, arch: str) -> str:
    """Return the build that was asked what it migrates, of *build*'s release or the one before.

    Where all are newer the oldest, and nothing where none was asked.
    """
    releases = {
        name: version_key(catalogue.build(name, arch).version)
        for name in catalogue.builds(arch)
        if catalogue.unmigratable(name, arch) is not None
    }
    own = version_key(catalogue.build(build, arch).version)
    older = [name for name, release in releases.items() if release <= own]
    if older:
        return max(older, key=lambda name: releases[name])
    return min(releases, key=lambda name: releases[name], default="")


_DO = {False: "does", True: "do"}


def _instead(others: list[str]) -> str:
    if not others:
        return "use a device that is migrated, or take it out before"
    return f"run it in {' or '.join(others)} and say so with --build, or use another device"


def _builds(catalogue: Catalogue, vm: VirtualMachine, versions: Collection[str]) -> tuple[str, ...]:
    """Return the builds that may be meant, the newest first; not all need have the machine type."""
    known = catalogue.builds(vm.arch)
    if versions:
        of = {name: catalogue.build(name, vm.arch).version for name in known}
        if set(versions) <= set(of.values()):
            return tuple(name for name in known if of[name] in versions)
    elif vm.build is not None and catalogue.has_build(vm.build, vm.arch):
        return (vm.build,)
    return known


def _may_run(catalogue: Catalogue, of: _Of, build: str) -> bool:
    """Return whether *build* has the machine type, or is the one that is said to run it."""
    machine, arch, named = of
    return build == named or machine in catalogue.build(build, arch).machines


def _types(catalogue: Catalogue, of: _Of, driver: str) -> frozenset[str]:
    """Return the types of a device of *driver* and of what is inside of it.

    They are those of the newest build that has both machine type and driver: a driver keeps its
    place from release to release.
    """
    _, arch, named = of
    for build in catalogue.builds(arch) if named is None else (named,):
        if _may_run(catalogue, of, build):
            types = catalogue.types(build, arch)
            if types.canonical(driver) in types:
                return _types_in(catalogue, build, arch, driver)
    return frozenset({driver})


@remembered()
def _types_in(catalogue: Catalogue, build: str, arch: str, driver: str) -> frozenset[str]:
    types = catalogue.types(build, arch)
    name = types.canonical(driver)
    inner = inner_device(types, _inside(catalogue, build, arch), name)
    return frozenset({name, *types.ancestry(name), *([inner] if inner else [])})


@remembered()
def _inside(catalogue: Catalogue, build: str, arch: str) -> dict[str, str]:
    return inner_types(catalogue, catalogue.types(build, arch))
