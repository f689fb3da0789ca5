"""Names of CPU models: which of them a build takes, and which an accelerator then refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown
from platform_abi.model.cpu_names import is_one_of
from platform_abi.model.feature import UNDECIDED

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.driver import CpuModel
    from platform_abi.model.vm import VirtualMachine
    from platform_abi.resolver.basis import Basis


def cpu_model(catalogue: Catalogue, build: str, arch: str, name: str) -> CpuModel | None:
    """Return what *build* calls *name* in its list of CPU models; None where it is not in it."""
    models = catalogue.cpu_models(build, arch)
    if name in models or not catalogue.devices().names_of_cpus(arch).any_case:
        return models.get(name)
    return next((model for key, model in models.items() if key.lower() == name.lower()), None)


def has_cpu_model(catalogue: Catalogue, build: str, arch: str, name: str) -> bool | None:
    """Return whether ``-cpu`` *name* is taken by *build*; None where its models are not recorded.

    ``host`` and ``max`` are taken as far as the name goes: a QEMU lists the first where it was
    built for that accelerator, and on POWER only once it runs with it.
    """
    if name in UNDECIDED or is_one_of(
        name.lower(), catalogue.devices().names_of_cpus(arch).unlisted
    ):
        return True
    if not catalogue.cpu_models(build, arch):
        return None
    return cpu_model(catalogue, build, arch, name) is not None


def check_cpu_model(basis: Basis, vm: VirtualMachine) -> None:
    """Raise what QEMU would end with for the CPU model of *vm*.

    UnknownNameError (``unknown-cpu``) where every build that may be meant has its models recorded
    and none has that one, UsageError (``cpu-accelerator``) where the accelerator refuses it.
    """
    if vm.cpu is None:
        return
    name, arch, catalogue = vm.cpu.model, vm.arch, basis.catalogue
    if not _has_type(basis, name):
        builds = _candidates(basis)
        if not any(has_cpu_model(catalogue, build, arch, name) is not False for build in builds):
            _raise_unknown(catalogue, builds, arch, name)
    changed = bool(vm.cpu.properties)
    for each in catalogue.devices().refused_models:
        if each.refuses(arch, vm.accelerator, name, changed=changed):
            raise UsageError(
                f"CPU model {name} does not run with {vm.accelerator}: {each.reason}",
                code="cpu-accelerator",
                help=each.help,
            )


def _has_type(basis: Basis, name: str) -> bool:
    """Return whether the build of *basis* has the QOM type of the CPU model *name*.

    That is known already; of others the list of models has to be read. A type is called after its
    model and the one right below ``cpu``, as that of the machine type's own is.
    """
    own = basis.machine.cpu.removesuffix("-cpu").rpartition("-")[2]
    found = f"{name}-{own}-cpu"
    return bool(own) and found in basis.types and found not in basis.types.abstract


def _raise_unknown(catalogue: Catalogue, builds: list[str], arch: str, name: str) -> None:
    meant = catalogue.devices().names_of_cpus(arch).called.get(name.lower())
    models = {key for build in builds for key in catalogue.cpu_models(build, arch)}
    raise unknown(
        "CPU model",
        name,
        models if meant is None else (),
        code="unknown-cpu",
        help=f"QEMU calls it {' or '.join(meant)}" if meant else "",
    )


def _candidates(basis: Basis) -> list[str]:
    """Return the build of *basis*; where nobody named it, with all that have its machine type."""
    arch, known = basis.machine.arch, basis.catalogue
    others = () if basis.named_build else known.builds(arch)
    having = [name for name in others if basis.machine.name in known.build(name, arch).machines]
    return [*dict.fromkeys([basis.build.name, *having])]
