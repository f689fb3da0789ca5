"""Where the PCI devices of a paused machine are, and a way to each though no firmware has run."""

from __future__ import annotations

from platform_abi.guest.config_space import ConfigSpace, ConfigSpaces, number_buses
from platform_abi.model.guest import GuestBoard
from platform_abi.qemu.qtest import Accesses
from platform_abi.verifier.running import Ask

#: The highest number that a bus can have.
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
        # The address of a DIMM is one in memory, and it is on no bus (hw/mem/pc-dimm.c).
        if not isinstance(place, int) or not isinstance(bus, str) or place < 0 or not bus:
            return tuple(reversed(chain))
        chain.append(place)
        path = bus.rpartition("/")[0]
    return ()


class Buses:
    """The PCI buses of a paused machine, of which only those are numbered that lead somewhere."""

    def __init__(self, guest: Accesses, board: GuestBoard) -> None:
        self._spaces = ConfigSpaces(guest, board)
        self._numbered: list[ConfigSpace] = []

    def at(self, chain: tuple[int, ...]) -> ConfigSpace | None:
        """Return the configuration space of a function, None where it cannot be reached."""
        for bridge in reversed(self._numbered):
            number_buses(bridge, 0, 0, 0)
        self._numbered = []
        *bridges, last = chain
        if bridges and not self._spaces.extended:
            return None
        for bus, place in enumerate(bridges):
            bridge = self._spaces.at(bus, place >> 3, place & 7)
            number_buses(bridge, bus, bus + 1, _LAST_BUS)
            self._numbered.append(bridge)
        return self._spaces.at(len(bridges), last >> 3, last & 7)
