"""Strategies of whole command lines of QEMU's."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from platform_abi.model.catalogue import Catalogue
from platform_abi.model.value import frozen
from platform_abi.model.vm import VirtualMachine
from platform_abi.source.words import from_command_line
from platform_abi.testing.shipped.device import DrawnDevice, devices, fitting
from platform_abi.testing.shipped.machine import DrawnMachine, machine_types, one_of, packaged

if TYPE_CHECKING:
    from hypothesis.vendor.pretty import RepresentationPrinter

#: What is drawn unless somebody says otherwise; the first is what it shrinks to.
ACCELERATORS = ("kvm", "tcg")


@frozen(kw_only=True)
class DrawnLine:
    """A command line, as the choices that it was made of."""

    machine: DrawnMachine
    accelerator: str
    cpu: str | None = None
    devices: tuple[DrawnDevice, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Return its words, without the program: a machine without what no machine type has."""
        cpu = () if self.cpu is None else ("-cpu", self.cpu)
        before = ("-nodefaults", "-machine", self.machine.name, "-accel", self.accelerator, *cpu)
        behind = (word for at, each in enumerate(self.devices) for word in each.words(at))
        return (*before, *behind)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Let Hypothesis show what can be pasted."""
        del cycle
        printer.text(f"<{shlex.join(self.words)} in {self.machine.build} {self.machine.arch}>")

    def vm(self, catalogue: Catalogue | None = None) -> VirtualMachine:
        """Return the virtual machine that it describes, in the build that it was drawn for."""
        known = packaged() if catalogue is None else catalogue
        at = self.machine
        return from_command_line(known, self.words, arch=at.arch, build=at.build).vm


@st.composite
def command_lines(
    draw: st.DrawFn,
    catalogue: Catalogue | None = None,
    *,
    arch: str | None = None,
    builds: Collection[str] | None = None,
    accelerators: Sequence[str] = ACCELERATORS,
    boards: bool = False,
    most: int = 3,
) -> DrawnLine:
    """Draw a command line with up to *most* devices, none twice, for one of ``machine_types``.

    With *boards* only machines that start anywhere. Shrinks to a machine type and nothing else.
    """
    known = packaged() if catalogue is None else catalogue
    machine = draw(machine_types(known, arch=arch, builds=builds, boards=boards))
    plugged: st.SearchStrategy[Sequence[DrawnDevice]] = one_of([()])
    if fitting(known, machine):
        plugged = st.lists(
            devices(machine, known), max_size=most, unique_by=lambda device: device.driver
        )
    return DrawnLine(
        machine=machine,
        accelerator=draw(one_of(accelerators)),
        cpu=draw(one_of([None, *_models(known, machine)])),
        devices=tuple(draw(plugged)),
    )


def _models(catalogue: Catalogue, machine: DrawnMachine) -> list[str]:
    """Return the CPU models that are asked about on such a board and that its build has."""
    looked_at = catalogue.guest_devices(machine.arch)
    if looked_at is None or looked_at.board_of(machine.name) is None:
        return []
    has = catalogue.cpu_models(machine.build, machine.arch)
    return [model for model in looked_at.cpu.models if model in has]
