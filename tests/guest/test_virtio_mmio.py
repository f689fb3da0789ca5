"""A device on a board's own bus is read by its registers, whatever is in them."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest.driver import RING_PART, Bound
from platform_abi.guest.virtio_mmio import bind_mmio, bound_mmio, mmio_facts
from platform_abi.model.guest import MmioSlots
from platform_abi.qemu.qtest import Accesses

SLOTS = MmioSlots(driver="virtio-mmio", bus="mmio-bus", base=0x1000, step=0x200, count=4)


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


class _Bindable(_Board):
    """A device that heeds its driver: VIRTIO 1.3, 4.2.2, and 4.2.4 for a *legacy* one.

    A queue is known by what was written of it, a register by its offset.
    """

    def __init__(self, features: int, queues: list[int], *, legacy: bool) -> None:
        super().__init__(1, 1, features, queues, b"")
        self._legacy = legacy
        self._fixed[0x04] = 1 if legacy else 2
        self._selected = 0
        self.reset()

    def reset(self) -> None:
        self.status = self.taken = self.page = 0
        self.rings: list[dict[int, int]] = [{} for _ in self._queues]

    def readl(self, address: int) -> int:
        offset = address - self._base
        if offset == 0x70:
            return self.status
        if offset == (0x40 if self._legacy else 0x44):
            return self.rings[self._queue].get(offset, 0)
        assert offset not in {0x40, 0x44}
        return super().readl(address)

    def writel(self, address: int, value: int) -> None:
        offset = address - self._base
        if offset in {0x14, 0x30}:
            super().writel(address, value)
        elif offset == 0x70 and value == 0:
            self.reset()
        elif offset == 0x70:
            # What was told once stays told, and each comes after the one before.
            assert value & self.status == self.status
            assert self.status or value == 0b11
            self.status = value
        elif offset == 0x24:
            self._selected = value
        elif offset == 0x20:
            assert self.status == 0b11
            self.taken |= value << 32 * self._selected
        elif offset == 0x28:
            self.page = value
        else:
            assert self.page if self._legacy else self.status == 0b1011
            self.rings[self._queue][offset] = value


_OFFERED = st.integers(0, (1 << 64) - 1)
_SIZES = st.lists(st.integers(1, 1024), max_size=4)
_RINGS = st.integers(1, 0xFFC).map(lambda number: number << 20)


@given(features=_OFFERED, queues=_SIZES, rings=_RINGS)
def test_a_driver_takes_all_that_it_is_offered(
    features: int, queues: list[int], rings: int
) -> None:
    """Every feature, and every queue at its largest with its parts in the guest's memory."""
    board = _Bindable(features, queues, legacy=False)
    board.status = 0b1111  # of a driver before this one
    made = bind_mmio(cast(Accesses, board), SLOTS, 1, rings=rings)
    assert made == Bound(status=0b1111, features=0, queues=tuple(queues))
    assert (board.status, board.taken) == (0b1111, features)
    parts = {0x80: rings, 0x90: rings + RING_PART, 0xA0: rings + 2 * RING_PART}
    high = dict.fromkeys((0x84, 0x94, 0xA4), 0)
    assert board.rings == [{0x38: size, **parts, **high, 0x44: 1} for size in queues]


@given(features=_OFFERED, queues=_SIZES, rings=_RINGS)
def test_a_legacy_device_has_pages(features: int, queues: list[int], rings: int) -> None:
    """Of its features there are 32, nothing says that they are taken, and a queue is one page's."""
    board = _Bindable(features, queues, legacy=True)
    made = bind_mmio(cast(Accesses, board), SLOTS, 1, rings=rings)
    assert made == Bound(status=0b0111, features=0, queues=tuple(queues))
    assert (board.taken, board.page) == (features & 0xFFFFFFFF, 4096)
    assert board.rings == [{0x38: size, 0x3C: 4096, 0x40: rings // 4096} for size in queues]


@given(queues=_SIZES, legacy=st.booleans(), used=st.sets(st.integers(0, 3)))
def test_a_queue_that_is_not_used_has_no_size(
    queues: list[int], legacy: bool, used: set[int]
) -> None:
    """Neither before a driver was there nor where it left some out."""
    board = _Bindable(0, queues, legacy=legacy)
    for queue in used & set(range(len(queues))):
        board.rings[queue] = {0x40 if legacy else 0x44: 1}
    sizes = tuple(size if queue in used else 0 for queue, size in enumerate(queues))
    agreed = bound_mmio(cast(Accesses, board), SLOTS, 1)
    assert agreed == Bound(status=0, features=0, queues=sizes)


def test_where_there_is_no_device_nothing_is_bound() -> None:
    """Nor is anything written there."""
    empty = cast(Accesses, _Board(1, 0, 0, [], b""))
    for slot in range(SLOTS.count):
        assert bind_mmio(empty, SLOTS, slot, rings=1 << 20) is None
        assert bound_mmio(empty, SLOTS, slot) is None


@given(st.integers(0, 99))
def test_a_bus_is_called_by_its_place(slot: int) -> None:
    """And no other bus is taken for one."""
    assert SLOTS.slot_of(SLOTS.name_of(slot)) == slot
    assert SLOTS.slot_of(f"pcie.{slot}") is None
    assert SLOTS.slot_of("") is None
