"""The PCI host bridges of boards: by which way a guest reaches what is on their buses.

There is one way for each kind of board: the ports of a PC, the memory window of a generic PCI
Express bridge (ECAM), and on POWER the calls of its firmware (RTAS).
"""

from __future__ import annotations

import struct
from typing import Protocol

from platform_abi.guest.config_space import ConfigSpace, MemorySpace, PortSpace
from platform_abi.guest.pci_config import EXTENDED_SIZE, SIZE
from platform_abi.model.guest import GuestBoard
from platform_abi.qemu.qtest import Accesses

#: Where a PC's extended configuration space is put: below the holes that boards use, above any RAM
#: here. The lowest bit switches it on; the window has the width of 256 buses.
_EXTENDED_PLACE = 0xB0000000
_ENABLE = 1

#: The double word with the class of a function, and that of a host bridge (PCI 3.0, 6.1, D).
_CLASS, _HOST_BRIDGE = 0x08, 0x0600


class Ports(Protocol):
    """The I/O ports of a PCI bus: unsigned values, little-endian."""

    def inw(self, port: int) -> int:
        """Return the 16-bit value at a port."""
        ...

    def inl(self, port: int) -> int:
        """Return the 32-bit value at a port."""
        ...

    def outw(self, port: int, value: int) -> None:
        """Write a 16-bit value to a port."""
        ...


class PciHost(Protocol):
    """A host bridge and the buses behind it; *ports* are theirs.

    *extended* is whether more than 256 bytes of a configuration space can be reached.
    """

    extended: bool
    ports: Ports

    def at(self, bus: int, slot: int, function: int = 0) -> ConfigSpace:
        """Return the configuration space of a function, which need not be there."""
        ...


def pci_host(guest: Accesses, board: GuestBoard) -> PciHost | None:
    """Return the host bridge of a machine on *board*, None where it is at none of its places."""
    if board.access == "ports":
        return PcHost(guest, board.pciexbar)
    ports = MemoryPorts(guest, board.ports)
    if board.access == "rtas":
        return RtasHost(guest, ports, board)
    for base in board.ecam:
        # Where this is not, other things may be: a second region of redistributors, on Arm.
        if guest.readl(base + _CLASS) >> 16 == _HOST_BRIDGE:
            return EcamHost(guest, ports, base)
    return None


class PcHost:
    """The bridge of a PC; *pciexbar* is its register for the place of a memory window, 0: none."""

    def __init__(self, guest: Accesses, pciexbar: int) -> None:
        self._guest = guest
        self.extended = bool(pciexbar)
        self.ports: Ports = guest
        if pciexbar:
            bridge = PortSpace(guest, 0)
            bridge.write(pciexbar + 4, 0)
            bridge.write(pciexbar, _EXTENDED_PLACE | _ENABLE)

    def at(self, bus: int, slot: int, function: int = 0) -> ConfigSpace:
        """Return the configuration space of a function, which need not be there."""
        if self.extended:
            return MemorySpace(self._guest, _EXTENDED_PLACE, bus, slot, function)
        return PortSpace(self._guest, slot, function, bus=bus)


class EcamHost:
    """A bridge with a memory window that nobody has to switch on, at *base*."""

    extended = True

    def __init__(self, guest: Accesses, ports: Ports, base: int) -> None:
        self._guest, self.ports, self._base = guest, ports, base

    def at(self, bus: int, slot: int, function: int = 0) -> ConfigSpace:
        """Return the configuration space of a function, which need not be there."""
        return MemorySpace(self._guest, self._base, bus, slot, function)


class RtasHost:
    """A bridge that only the firmware of a POWER machine reaches, which is QEMU itself.

    (PAPR, 7.3.4; QEMU hw/ppc/spapr_pci.c.)
    """

    extended = True

    def __init__(self, guest: Accesses, ports: Ports, board: GuestBoard) -> None:
        self._guest, self.ports, self._board = guest, ports, board

    def at(self, bus: int, slot: int, function: int = 0) -> ConfigSpace:
        """Return the configuration space of a function, which need not be there."""
        return RtasSpace(self._guest, self._board, bus, slot, function)


class RtasSpace:
    """The configuration space of a function, by calls of RTAS on the *board*'s bridge.

    Arguments and answers are in RAM, big-endian words.
    """

    def __init__(
        self, guest: Accesses, board: GuestBoard, bus: int, slot: int, function: int = 0
    ) -> None:
        self._guest = guest
        self._place = bus << 16 | slot << 11 | function << 8
        self._bridge = board.buid >> 32, board.buid & 0xFFFFFFFF
        self._memory = board.ram + _RTAS_WORDS

    def image(self) -> bytes:
        """Return all 256 bytes, or 4096 of a function that has so many."""
        words = [self.read(offset) for offset in range(0, SIZE, 4)]
        if self._call(_READ, SIZE, 4, answers=2)[0] == _DONE:
            words += [self.read(offset) for offset in range(SIZE, EXTENDED_SIZE, 4)]
        return b"".join(word.to_bytes(4, "little") for word in words)

    def read(self, offset: int) -> int:
        """Return the 32 bits at an offset, ones where no function is."""
        status, value = self._call(_READ, offset, 4, answers=2)
        return value if status == _DONE else 0xFFFFFFFF

    def write(self, offset: int, value: int) -> None:
        """Write 32 bits at an offset."""
        self._call(_WRITE, offset, 4, value, answers=1)

    def _call(self, name: str, offset: int, *rest: int, answers: int) -> tuple[int, ...]:
        # The place of a register above 255 begins in the highest bits (rtas_pci_cfgaddr).
        place = self._place | (offset & 0xF00) << 20 | offset & 0xFF
        words = (place, *self._bridge, *rest)
        packed = struct.pack(f">{len(words)}I", *words)
        said = self._guest.rtas(name, self._memory, packed, 4 * answers)
        return struct.unpack(f">{answers}I", said)


_READ, _WRITE = "ibm,read-pci-config", "ibm,write-pci-config"

#: The status of a call that did what was asked (PAPR, 7.2.8).
_DONE = 0

#: Where in RAM calls of RTAS have their words: nothing else is there in a machine without a guest.
_RTAS_WORDS = 24 << 20


class MemoryPorts:
    """Ports that a board has in its memory, from *base* on."""

    def __init__(self, guest: Accesses, base: int) -> None:
        self._guest, self._base = guest, base

    def inw(self, port: int) -> int:
        """Return the 16-bit value at a port."""
        return int.from_bytes(self._guest.read(self._base + port, 2), "little")

    def inl(self, port: int) -> int:
        """Return the 32-bit value at a port."""
        return int.from_bytes(self._guest.read(self._base + port, 4), "little")

    def outw(self, port: int, value: int) -> None:
        """Write a 16-bit value to a port."""
        self._guest.write(self._base + port, value.to_bytes(2, "little"))
