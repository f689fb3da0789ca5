"""Fingerprints of a machine type's content: of all that a guest can see, and of each driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from platform_abi.model.abi import GuestAbi, MachineContent
from platform_abi.model.digest import canonical_digest
from platform_abi.model.memo import remembered
from platform_abi.model.value import field, frozen
from platform_abi.resolver.cpu_models import cpu_model
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.machine_table import Cell, driver_row, known_build, whole_table

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.machine import MachineType
    from platform_abi.model.vm import VirtualMachine


@frozen(kw_only=True)
class MachineFingerprints:
    """What identifies the content of a machine type, whatever build it is of and what its name is.

    *guest* is over every property of every driver that a guest can see; values that give it the
    same device are one. *drivers* has one for each driver, over all its properties as the build
    states them, so that a change can be located, a stream's as well.
    """

    guest: str
    drivers: Mapping[str, str] = field(factory=dict)


def machine_fingerprints(
    catalogue: Catalogue, build: str, machine: str, arch: str
) -> MachineFingerprints:
    """Return the fingerprints of machine type *machine* of *build*.

    They depend on nothing but values: two builds that give every driver the same properties with
    the same values, however these are spelled or come about, have the same fingerprints. What the
    definitions say of who sees a property, and of values that are the same, is part of *guest*:
    compare two that were made with the same definitions.
    """
    table = {
        driver: row
        for driver, row in whole_table(catalogue, build, machine, arch).items()
        if any(cell[2] != "absent" for cell in row.values())
    }
    return MachineFingerprints(
        guest=canonical_digest(
            {
                driver: {name: cell[0] for name, cell in row.items() if cell[2] == "guest"}
                for driver, row in table.items()
            }
        ),
        drivers={name: driver_fingerprint(row) for name, row in table.items()},
    )


def driver_fingerprint(row: Mapping[str, Cell]) -> str:
    """Return the digest of one driver's properties with their values, as the build states them.

    Who can tell them does not count, nor which values come to the same or which default an
    instance gives itself: a rule that is found later changes no lockfile.
    """
    return canonical_digest({name: cell[4] for name, cell in row.items()})


#: As many hexadecimal digits of a digest tell one content from another where there are dozens.
_DIGITS = 32


def content_fingerprint(catalogue: Catalogue, build: str, machine: str, arch: str) -> str:
    """Return what names all that machine type *machine* of *build* gives every driver, and its CPU.

    It is made of what the build says of its types and of what the machine type overrides, in QEMU's
    order: equal ones are one content, of whatever build and name. It costs no more than reading
    both, where ``machine_fingerprints`` works out every property of every driver.
    """
    known = catalogue.machine(build, machine, arch)
    rows = [[each.driver, each.property, each.value, each.optional] for each in known.compat]
    whole = canonical_digest([_of_types(catalogue, build, arch), known.cpu, rows])
    return whole.partition(":")[2][:_DIGITS]


@remembered()
def build_fingerprint(catalogue: Catalogue, build: str, arch: str) -> str:
    """Return what names all that *build* makes of all its machine types, with their names."""
    machines = catalogue.build(build, arch).machines
    every = {name: content_fingerprint(catalogue, build, name, arch) for name in machines}
    return canonical_digest(every).partition(":")[2][:_DIGITS]


@remembered()
def _of_types(catalogue: Catalogue, build: str, arch: str) -> str:
    types = catalogue.types(build, arch)
    rows = catalogue.property_rows(build, arch)
    return canonical_digest([dict(types.parents), sorted(types.abstract), rows])


def machine_content(
    catalogue: Catalogue, abi: GuestAbi, build: str | None = None
) -> MachineContent:
    """Return the fingerprints of what *abi*'s virtual machine consists of, for its lockfile.

    In *build*, else the one that the ABI was resolved for, else the newest with its machine type.
    """
    vm = abi.vm
    chosen, machine = choose_machine(catalogue, vm.machine, vm.arch, build or vm.build)
    known = known_build(catalogue, chosen.name, vm.arch).types
    rows = (
        (driver, driver_row(catalogue, chosen.name, machine.name, vm.arch, driver))
        for driver in vm_drivers(catalogue, chosen.name, machine, vm)
        if driver in known or not known
    )
    return MachineContent(
        build=chosen.name,
        drivers=tuple((driver, driver_fingerprint(row)) for driver, row in rows),
    )


def vm_drivers(
    catalogue: Catalogue, build: str, machine: MachineType, vm: VirtualMachine
) -> tuple[str, ...]:
    """Return the drivers of *vm*: its devices, what is inside of them, the CPU and the board."""
    known = known_build(catalogue, build, vm.arch)
    found = {known.types.canonical(d.driver) for d in vm.devices}
    found |= {known.inner[name] for name in found if name in known.inner}
    found |= set(_cpu_types(catalogue, build, machine, vm))
    found |= set(catalogue.visibility().board(machine.family, machine.generation))
    return tuple(sorted(found))


def _cpu_types(
    catalogue: Catalogue, build: str, machine: MachineType, vm: VirtualMachine
) -> Iterator[str]:
    """Yield the QOM type of the CPU, by the build's own list of models or as families name it."""
    if vm.cpu is None:
        yield from [machine.cpu] if machine.cpu else []
        return
    model = cpu_model(catalogue, build, vm.arch, vm.cpu.model)
    if model is not None:
        yield model.type
        return
    for family in catalogue.devices().families:
        if machine.cpu.endswith(f"-{family.driver}"):
            yield f"{vm.cpu.model}-{family.driver}"
