"""What a board has besides PCI that devices are on, as far as a guest can look at it.

That are the registers of virtio-mmio, each with a place of its own, or the channels of a mainframe.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from platform_abi.guest.driver import Bound
from platform_abi.guest.instructions import Monitor, Processor
from platform_abi.guest.virtio_ccw import Channels
from platform_abi.guest.virtio_mmio import bind_mmio, bound_mmio, mmio_facts
from platform_abi.model.guest import GuestBoard, MmioSlots
from platform_abi.qemu.qtest import Accesses

#: How long a processor may take over a few instructions, in seconds.
_TIMEOUT = 30.0


class BoardBus(Protocol):
    """A bus of the board's own, whose places have the names that QEMU has for them."""

    def names(self) -> Iterable[str]:
        """Return what each place is called at which there may be a device."""
        ...

    def facts(self, name: str) -> dict[str, str] | None:
        """Return what a guest finds of the device in a place, None where there is none."""
        ...

    def bind(self, name: str, *, rings: int) -> Bound | None:
        """Accept all that the virtio device in a place offers, as ``guest.driver.bind`` does."""
        ...

    def bound(self, name: str) -> Bound | None:
        """Return what such a device and its driver have agreed on, as far as that can be read."""
        ...


def board_bus(board: GuestBoard, guest: Accesses, monitor: Monitor | None) -> BoardBus | None:
    """Return the bus of a machine on *board*, None where it has none.

    Channels are reached only where there is a *monitor*, who lets a processor go on.
    """
    if board.mmio is not None:
        return _Registers(guest, board.mmio)
    if board.channels and monitor is not None:
        return Channels(Processor(guest, monitor, timeout=_TIMEOUT))
    return None


class _Registers:
    """The places of a board's virtio-mmio devices."""

    def __init__(self, guest: Accesses, slots: MmioSlots) -> None:
        self._guest, self._slots = guest, slots

    def names(self) -> list[str]:
        return [self._slots.name_of(slot) for slot in range(self._slots.count)]

    def facts(self, name: str) -> dict[str, str] | None:
        slot = self._slots.slot_of(name)
        return None if slot is None else mmio_facts(self._guest, self._slots, slot)

    def bind(self, name: str, *, rings: int) -> Bound | None:
        slot = self._slots.slot_of(name)
        return None if slot is None else bind_mmio(self._guest, self._slots, slot, rings=rings)

    def bound(self, name: str) -> Bound | None:
        slot = self._slots.slot_of(name)
        return None if slot is None else bound_mmio(self._guest, self._slots, slot)
