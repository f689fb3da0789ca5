"""Every PCI function of a paused machine, found as firmware finds them: bus by bus."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.guest.config_space import ConfigSpace, number_buses
from platform_abi.guest.pci_hosts import PciHost

#: Where a function is: the slots and functions, as one number each, that lead from the root bus to
#: it by way of bridges. Unlike the number of a bus it is the same whoever has numbered them.
Chain = tuple[int, ...]

_SLOTS, _FUNCTIONS = 32, 8
_LAST_BUS = 0xFF
_NOTHING = 0xFFFF

# The double word with the header's type (PCI 3.0, 6.1), its highest bit for several functions.
_HEADER = 0x0C
_BRIDGE, _SEVERAL = 1, 0x80


def walk(host: PciHost) -> dict[Chain, ConfigSpace]:
    """Return the configuration space of every function, and leave the buses numbered.

    Buses behind another host bridge (pxb) are not among them.
    """
    return dict(_Walk(host).functions(0, ()))


def place_of(chain: Chain) -> str:
    """Return *chain* as QEMU calls it in a migration stream: ``1c.0:00.0``.

    (hw/pci/pci.c, pcibus_get_dev_path.)
    """
    return ":".join(f"{each >> 3:02x}.{each & 7}" for each in chain)


class _Walk:
    def __init__(self, host: PciHost) -> None:
        self._host = host
        self._last = 0

    def functions(self, bus: int, chain: Chain) -> Iterator[tuple[Chain, ConfigSpace]]:
        """Yield what is on a *bus* and behind it; *chain* leads to its bridge."""
        for slot in range(_SLOTS):
            for function in range(_FUNCTIONS):
                space = self._host.at(bus, slot, function)
                if space.read(0) & 0xFFFF != _NOTHING:
                    place = (*chain, slot << 3 | function)
                    yield place, space
                    header = space.read(_HEADER) >> 16 & 0xFF
                    if header & ~_SEVERAL == _BRIDGE and self._last < _LAST_BUS:
                        yield from self._behind(space, bus, place)
                    if function or header & _SEVERAL:
                        continue
                elif function:
                    continue
                break

    def _behind(
        self, bridge: ConfigSpace, before: int, chain: Chain
    ) -> Iterator[tuple[Chain, ConfigSpace]]:
        self._last += 1
        bus = self._last
        number_buses(bridge, before, bus, _LAST_BUS)
        yield from self.functions(bus, chain)
        number_buses(bridge, before, bus, self._last)
