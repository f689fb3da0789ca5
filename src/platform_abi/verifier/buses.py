"""Where the PCI devices of a paused machine are, and a way to each though no firmware has run."""

from __future__ import annotations

from platform_abi.guest.pci_function import ConfigSpace, MemorySpace, PortSpace
from platform_abi.guest.virtio_pci import PciBus
from platform_abi.model.guest import GuestBoard
from platform_abi.qemu.qtest import Qtest
from platform_abi.verifier.running import Ask

#: Where the extended configuration space is put: below the holes that boards use, above any RAM
#: here. The lowest bit switches it on.
_EXTENDED_PLACE = 0xB0000000
_ENABLE = 1

#: A bridge's numbers of the buses before, directly behind and last behind it (PCI 3.0, 3.2.5.3).
_BUS_NUMBERS = 0x18
_LAST_BUS = 0xFF


def chain_of(ask: Ask, path: str) -> tuple[int, ...]:
    """Return the slots and functions, as one number each, that lead from the root bus to a device.

    Empty for one that is on no PCI bus. A bus is a child of the device that has it: a bridge, or
    the board's host bridge, which has no place on a bus itself (hw/pci/pci.c, pci_root_bus_new).
    """
    chain: list[int] = []
    while len(chain) <= _LAST_BUS:
        wanted = ("parent_bus", "addr")
        bus, place = (
            answer.value
            for answer in ask([("qom-get", {"path": path, "property": name}) for name in wanted])
        )
        if not isinstance(place, int) or not isinstance(bus, str) or place < 0:
            return tuple(reversed(chain))
        chain.append(place)
        path = bus.rpartition("/")[0]
    return ()


class Buses:
    """The PCI buses of a paused machine, of which only those are numbered that lead somewhere."""

    def __init__(self, qtest: Qtest, board: GuestBoard) -> None:
        self._qtest = qtest
        self._bus = PciBus(qtest)
        self._extended = bool(board.pciexbar)
        self._numbered: list[ConfigSpace] = []
        if board.pciexbar:
            self._bus.config_write(0, board.pciexbar + 4, 0)
            self._bus.config_write(0, board.pciexbar, _EXTENDED_PLACE | _ENABLE)

    def at(self, chain: tuple[int, ...]) -> ConfigSpace | None:
        """Return the configuration space of a function, None where it cannot be reached."""
        for bridge in reversed(self._numbered):
            bridge.write(_BUS_NUMBERS, 0)
        self._numbered = []
        *bridges, last = chain
        for bus, place in enumerate(bridges):
            space = self._space(bus, place)
            if space is None:
                return None
            space.write(_BUS_NUMBERS, bus | bus + 1 << 8 | _LAST_BUS << 16)
            self._numbered.append(space)
        return self._space(len(bridges), last)

    def _space(self, bus: int, place: int) -> ConfigSpace | None:
        slot, function = place >> 3, place & 7
        if self._extended:
            return MemorySpace(self._qtest, _EXTENDED_PLACE, bus, slot, function)
        return None if bus else PortSpace(self._bus, slot, function)
