"""A device on a board's own bus is read by its registers, whatever is in them."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest.virtio_mmio import mmio_facts
from platform_abi.model.guest import MmioSlots
from platform_abi.qemu.qtest import Accesses

SLOTS = MmioSlots(bus="mmio-bus", base=0x1000, step=0x200, count=4)


class _Board:
    """One device at a place of a board; behind its configuration there are ones, as of QEMU's."""

    def __init__(self, slot: int, device: int, features: int, queues: list[int], config: bytes):
        self._base = SLOTS.base + slot * SLOTS.step
        self._fixed = {0x00: 0x74726976, 0x04: 2, 0x08: device, 0x0C: 0x554D4551}
        self._features, self._queues, self._config = features, queues, config
        self._word = self._queue = 0

    def readl(self, address: int) -> int:
        offset = address - self._base
        if not 0 <= offset < SLOTS.step:
            return 0
        if offset == 0x10:
            return self._features >> 32 * self._word & 0xFFFFFFFF
        if offset == 0x34:
            return self._queues[self._queue] if self._queue < len(self._queues) else 0
        if offset >= 0x100:
            place = offset - 0x100
            whole = place + 4 <= len(self._config)
            return (
                int.from_bytes(self._config[place : place + 4], "little") if whole else 0xFFFFFFFF
            )
        return self._fixed[offset]

    def readb(self, address: int) -> int:
        place = address - self._base - 0x100
        return self._config[place] if place < len(self._config) else 0xFF

    def writel(self, address: int, value: int) -> None:
        offset = address - self._base
        assert offset in {0x14, 0x30}
        if offset == 0x14:
            self._word = value
        else:
            self._queue = value


@given(
    slot=st.integers(0, SLOTS.count - 1),
    device=st.integers(1, 99),
    features=st.integers(0, (1 << 64) - 1),
    queues=st.lists(st.integers(1, 1024), max_size=5),
    config=st.binary(max_size=70).map(lambda text: text.rstrip(b"\xff")),
)
def test_all_registers_are_told(
    slot: int, device: int, features: int, queues: list[int], config: bytes
) -> None:
    """Of the device in its place; in every other place there is nothing."""
    board = cast(Accesses, _Board(slot, device, features, queues, config))
    facts = mmio_facts(board, SLOTS, slot)
    assert facts is not None
    assert facts["identity"] == f"mmio 554d4551:{device:04x}"
    assert (facts["interface"], int(facts["features"], 16)) == ("2", features)
    assert bytes.fromhex(facts.get("config", "")) == config
    sizes = [int(size) for run in facts["queues"].split() for size in _repeated(run)]
    assert sizes == queues
    others = [other for other in range(SLOTS.count + 2) if other != slot]
    assert [mmio_facts(board, SLOTS, other) for other in others] == [None] * len(others)


def _repeated(run: str) -> list[str]:
    size, _, count = run.partition("*")
    return [size] * int(count or 1)


def test_a_place_without_a_device_has_none() -> None:
    """QEMU's transport is there and says so by the number of a device that is none."""
    assert mmio_facts(cast(Accesses, _Board(1, 0, 0, [], b"")), SLOTS, 1) is None


@given(st.integers(0, 99))
def test_a_bus_is_called_by_its_place(slot: int) -> None:
    """And no other bus is taken for one."""
    assert SLOTS.slot_of(SLOTS.name_of(slot)) == slot
    assert SLOTS.slot_of(f"pcie.{slot}") is None
    assert SLOTS.slot_of("") is None
