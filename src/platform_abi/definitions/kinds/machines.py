"""``machines/BUILD/ARCH.toml``: the machine types of one QEMU build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.definitions.checks import (
    Fault,
    name_fault,
    name_faults,
    version_faults,
)
from platform_abi.definitions.machines import OPTIONAL, BuildMachines, MachineEntry
from platform_abi.definitions.reading import Reader
from platform_abi.errors import suggest
from platform_abi.model.capability import Confidence
from platform_abi.model.machine import QemuBuild
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class BuildHead:
    """The ``[build]`` table."""

    name: str
    version: str
    arch: str
    vendor: str = ""
    package: str = ""
    confidence: Confidence = "high"
    reference: str = ""


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    build: BuildHead
    machine: tuple[MachineEntry, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from name_fault(("build", "name"), self.build.name)
        wanted = "a QEMU release such as '9.1.2'"
        yield from version_faults(("build", "version"), self.build.version, wanted)
        yield from name_faults(("machine",), (each.name for each in self.machine))
        names = {each.name: each for each in self.machine}
        taken: dict[str, str] = dict.fromkeys(names, "a machine type")
        for index, machine in enumerate(self.machine):
            for at, alias in enumerate(machine.aliases):
                if alias in taken:
                    yield ("machine", index, "aliases", at), f"'{alias}' is already {taken[alias]}"
                taken[alias] = f"an alias of {machine.name}"
            for path, message in _entry_faults(machine, names):
                yield ("machine", index, *path), message


def _entry_faults(machine: MachineEntry, names: Mapping[str, MachineEntry]) -> Iterator[Fault]:
    yield from version_faults(("generation",), machine.generation, "a QEMU release such as '9.1'")
    if machine.inherits and machine.inherits not in names:
        hint = suggest(machine.inherits, names)
        yield ("inherits",), f"no machine type '{machine.inherits}'{hint}"
    elif machine.inherits and _in_cycle(machine.name, names):
        yield ("inherits",), f"'{machine.name}' inherits from itself"
    for at, row in enumerate(machine.compat):
        if len(row) not in (3, 4) or (len(row) == 4 and row[3] != OPTIONAL):  # noqa: PLR2004
            yield ("compat", at), f'expected [driver, property, value] and perhaps "{OPTIONAL}"'


def _in_cycle(name: str, machines: Mapping[str, MachineEntry]) -> bool:
    at = machines[name].inherits
    steps = 0
    while at and at != name and steps <= len(machines):
        at = machines[at].inherits if at in machines else ""
        steps += 1
    return bool(at) and at == name


def merged(reader: Reader, name: str, arch: str) -> BuildMachines:
    """Return build *name* for *arch*, with its machine types."""
    document, file = reader.one(Document, f"build {name}", "machines", name, arch)
    head = document.build
    reader.same_name(file, ("build", "name"), name, head.name)
    reader.same_name(file, ("build", "arch"), arch, head.arch)
    build = QemuBuild(
        name=head.name,
        version=head.version,
        arch=head.arch,
        vendor=head.vendor,
        package=head.package,
        confidence=head.confidence,
        reference=head.reference,
        machines=tuple(entry.name for entry in document.machine),
        aliases={a: entry.name for entry in document.machine for a in entry.aliases},
        source=file[1],
    )
    return BuildMachines(build=build, entries={entry.name: entry for entry in document.machine})
