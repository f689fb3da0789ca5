"""Where the PCI devices of a paused machine are, and a way to each though no firmware has run."""

from __future__ import annotations

from platform_abi.guest.config_space import ConfigSpace, number_buses
from platform_abi.guest.pci_hosts import PciHost
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


def place_on_board(ask: Ask, path: str) -> str:
    """Return what QEMU calls the place of a device on its board, nothing for one in none.

    That is the number of one behind a channel (hw/s390x/ccw-device.c, ``dev_id``), else the bus
    that it is on: each virtio-mmio device has one.
    """
    number, bus = (
        answer.value
        for answer in ask(
            [("qom-get", {"path": path, "property": name}) for name in ("dev_id", "parent_bus")]
        )
    )
    if isinstance(number, str) and number:
        return number
    return bus.rpartition("/")[2] if isinstance(bus, str) else ""


class Buses:
    """The PCI buses of a paused machine, of which only those are numbered that lead somewhere."""

    def __init__(self, host: PciHost) -> None:
        self.host = host
        self._numbered: list[ConfigSpace] = []

    def at(self, chain: tuple[int, ...]) -> ConfigSpace | None:
        """Return the configuration space of a function, None where it cannot be reached."""
        for bridge in reversed(self._numbered):
            number_buses(bridge, 0, 0, 0)
        self._numbered = []
        *bridges, last = chain
        if bridges and not self.host.extended:
            return None
        for bus, place in enumerate(bridges):
            bridge = self.host.at(bus, place >> 3, place & 7)
            number_buses(bridge, bus, bus + 1, _LAST_BUS)
            self._numbered.append(bridge)
        return self.host.at(len(bridges), last >> 3, last & 7)
