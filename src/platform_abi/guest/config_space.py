"""The configuration space of a PCI function of a paused machine, and two ways to reach it.

No firmware has run: no bus behind a bridge has a number, and a board's memory window is off.
"""

from __future__ import annotations

from typing import Protocol

from platform_abi.guest.pci_config import EXTENDED_SIZE, SIZE
from platform_abi.qemu.qtest import Accesses

#: The ports by which a PC selects 32 bits of a configuration space, and reaches them (PCI 3.0,
#: 3.2.2.3.2).
_CONFIG_ADDRESS = 0xCF8
_CONFIG_DATA = 0xCFC
_SELECT = 0x80000000

#: A bridge's numbers of the buses before, directly behind and last behind it (PCI 3.0, 3.2.5.3).
_BUS_NUMBERS = 0x18


class ConfigSpace(Protocol):
    """The configuration space of one function; offsets are multiples of 4."""

    def image(self) -> bytes:
        """Return all of it that can be reached."""
        ...

    def read(self, offset: int) -> int:
        """Return the 32 bits at an offset."""
        ...

    def write(self, offset: int, value: int) -> None:
        """Write 32 bits at an offset."""
        ...


class PortSpace:
    """The 256 bytes that are reached through the ports of a PC."""

    def __init__(self, guest: Accesses, slot: int, function: int = 0, *, bus: int = 0) -> None:
        self._guest = guest
        self._place = _SELECT | bus << 16 | slot << 11 | function << 8

    def image(self) -> bytes:
        """Return all 256 bytes."""
        words = (self.read(offset) for offset in range(0, SIZE, 4))
        return b"".join(word.to_bytes(4, "little") for word in words)

    def read(self, offset: int) -> int:
        """Return the 32 bits at an offset."""
        self._guest.outl(_CONFIG_ADDRESS, self._place | offset)
        return self._guest.inl(_CONFIG_DATA)

    def write(self, offset: int, value: int) -> None:
        """Write 32 bits at an offset."""
        self._guest.outl(_CONFIG_ADDRESS, self._place | offset)
        self._guest.outl(_CONFIG_DATA, value)


class MemorySpace:
    """The 4096 bytes of a PCI Express function, in the memory window of its host bridge.

    *base* is where that window begins (PCI Express 5.0, 7.2.2, ECAM).
    """

    def __init__(self, guest: Accesses, base: int, bus: int, slot: int, function: int = 0) -> None:
        self._guest = guest
        self._place = base + (bus << 20 | slot << 15 | function << 12)

    def image(self) -> bytes:
        """Return all 4096 bytes."""
        return self._guest.read(self._place, EXTENDED_SIZE)

    def read(self, offset: int) -> int:
        """Return the 32 bits at an offset."""
        return self._guest.readl(self._place + offset)

    def write(self, offset: int, value: int) -> None:
        """Write 32 bits at an offset."""
        self._guest.writel(self._place + offset, value)


def number_buses(bridge: ConfigSpace, before: int, behind: int, last: int) -> None:
    """Give the buses of a *bridge* their numbers; zeros take them away again."""
    bridge.write(_BUS_NUMBERS, before | behind << 8 | last << 16)
