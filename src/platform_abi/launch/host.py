"""Who answers for the host that a QEMU is to be started on, and for that QEMU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from platform_abi.model.abi import GuestAbi

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.host import HostReport
    from platform_abi.model.machine import QemuBuild
    from platform_abi.model.vm import VirtualMachine


class Host(Protocol):
    """Who answers for the host that QEMU is to be started on."""

    def everything(self) -> HostReport:
        """Return all that the host offers."""
        ...

    def needed(self, abi: GuestAbi) -> HostReport:
        """Return what the host offers of that which *abi* needs; more does no harm."""
        ...

    def same_cpu(self, before: VirtualMachine, after: VirtualMachine) -> bool:
        """Return whether the QEMU to be started makes the same of the CPU of both."""
        ...

    def aliased_machines(self) -> Mapping[str, str]:
        """Return what the aliases of the QEMU to be started mean."""
        ...

    def default_machine(self) -> str | None:
        """Return the machine type that the QEMU to be started takes where none is named."""
        ...

    def version(self) -> tuple[str, str] | None:
        """Return version and package of the QEMU to be started, None where nobody knows."""
        ...

    def known(self) -> tuple[Catalogue, QemuBuild] | None:
        """Return the build that the QEMU to be started is, and a catalogue that has it.

        The catalogue is the one of the start with what that QEMU has said of itself, if no
        definition has it. None where it cannot be asked.
        """
        ...
