"""One QEMU binary, asked for everything that definition files say of a build."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from platform_abi.author.asking import Asked
from platform_abi.author.devices import (
    Progress,
    cpu_models,
    device_aliases,
    device_types,
    qom_properties,
)
from platform_abi.author.generation import said, told
from platform_abi.author.inheritance import whole_properties
from platform_abi.author.machines import (
    Compat,
    ask_machines,
    machine_types,
    with_generations,
    with_optional,
)
from platform_abi.author.names import build_of, families
from platform_abi.author.observation import BuildDefinition, Given
from platform_abi.author.trace import traced_compat
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import printable
from platform_abi.model.machine import MachineType, QemuBuild
from platform_abi.model.naming import Naming
from platform_abi.model.value import evolve
from platform_abi.resolver.generations import known_machines, release, steps

#: A start and an answer take well under a second; a busy machine and an emulated CPU may take a
#: hundred times that. Beyond it, something hangs. In seconds.
TIMEOUT = 60.0


def observe(
    catalogue: FileCatalogue,
    binary: str,
    given: Given | None = None,
    *,
    timeout: float = TIMEOUT,
    progress: Progress | None = None,
) -> BuildDefinition:
    """Return everything that *binary*, a path or a name in PATH, says of itself.

    *timeout* in seconds bounds each answer; *progress* is told how many types have been asked
    about. *catalogue* has the machine types that a vendor's are compared with.

    Raises HostError: ``qemu-not-found``, ``qemu-failed`` for what crashes or is no QEMU,
    ``qemu-timeout``, ``qemu-too-old``, ``no-compiler`` and ``no-compat`` where compat properties
    cannot be seen; UsageError: ``unknown-vendor``, ``machine-generation``, ``unknown-machine``.
    """
    with Asked(binary, timeout=timeout) as qemu:
        trace = partial(traced_compat, binary, timeout=timeout)
        return observe_asked(catalogue, qemu, given or Given(), trace, progress)


def observe_asked(
    catalogue: FileCatalogue,
    qemu: Asked,
    given: Given,
    trace: Callable[[], Compat],
    progress: Progress | None = None,
) -> BuildDefinition:
    """Return what ``observe`` does of a *qemu* that is running already.

    *trace* tells the compat properties of one that does not list them.
    """
    warnings: list[str] = []
    naming = catalogue.naming()
    version, arch = qemu.execute("query-version"), qemu.execute("query-target")["arch"]
    build = build_of(version, arch, naming, given)
    answers, compat, listed = ask_machines(qemu, trace)
    machines = machine_types(answers, compat, arch, naming, _families(catalogue, arch, naming))
    types = device_types(qemu, warnings, progress)
    models = cpu_models(qemu, types)
    if catalogue.devices().names_of_cpus(arch).more_with:
        # Without its accelerator it has hardly a property, and others would seem to differ by that.
        of_host = {models[name].type for name in models.keys() & {"host"}}
        types = tuple(evolve(t, properties=None) if t.name in of_host else t for t in types)
    properties = dict(whole_properties(types))
    machines = with_generations(
        machines,
        given.generations,
        partial(_tell, catalogue, build, machines, properties.keys()),
        warnings,
    )
    if listed:
        drivers = {entry.driver for machine in machines for entry in machine.compat}
        properties |= qom_properties(qemu, drivers - properties.keys())
        machines = with_optional(machines, properties)
    # A module that does not load takes its types away: the reader has to know.
    warnings += (f"QEMU says: {printable(line)}" for line in qemu.stderr.splitlines())
    return BuildDefinition(
        build=build,
        machines=machines,
        types=types,
        aliases=device_aliases(qemu),
        cpu_models=models,
        warnings=tuple(warnings),
    )


def _families(catalogue: FileCatalogue, arch: str, naming: Naming) -> frozenset[str]:
    """Return the families that the builds in *catalogue* have versions of."""
    builds = (catalogue.build(name, arch) for name in catalogue.builds(arch))
    return families((name for build in builds for name in build.machines), naming)


def _tell(
    catalogue: FileCatalogue,
    build: QemuBuild,
    machines: Sequence[MachineType],
    drivers: Collection[str],
    machine: MachineType,
) -> str | None:
    """Return the generation that a vendor's *machine* derives from, None where none shows."""
    others = known_machines(catalogue, build.arch, machine.family)
    shown = told(machine, release(build), steps(machine.family, [machines, *others]), drivers)
    vendor = next((v for v in catalogue.naming().vendors if v.name == build.vendor), None)
    if shown is not None or vendor is None:
        return shown
    return said(machine.name, machine.family, vendor.generations)
