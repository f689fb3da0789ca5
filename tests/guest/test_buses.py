"""Every function of any tree of buses is found once, and its buses are numbered as they nest."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest.buses import Chain, place_of, walk
from platform_abi.guest.pci_hosts import PciHost

_BUS_NUMBERS, _HEADER = 0x18, 0x0C


class _Function:
    """A function, and what is behind it if it is a bridge."""

    def __init__(self, behind: dict[int, _Function] | None, *, several: bool) -> None:
        self.behind = behind
        self.several = several
        self.numbers = 0

    def read(self, offset: int) -> int:
        if offset == _HEADER:
            return ((self.behind is not None) | self.several << 7) << 16
        return self.numbers if offset == _BUS_NUMBERS else 0x1234_5678

    def write(self, offset: int, value: int) -> None:
        assert offset == _BUS_NUMBERS
        self.numbers = value

    def image(self) -> bytes:
        raise AssertionError("a walk reads no more than it needs")


class _Nothing(_Function):
    def __init__(self) -> None:
        super().__init__(None, several=False)

    def read(self, offset: int) -> int:
        del offset
        return 0xFFFF_FFFF


class _Machine:
    """Configuration cycles, passed on by bridges that have numbers."""

    def __init__(self, root: dict[int, _Function]) -> None:
        self._root = root

    def at(self, bus: int, slot: int, function: int = 0) -> _Function:
        found, here = self._root, 0
        while here != bus:
            for each in found.values():
                behind, last = each.numbers >> 8 & 0xFF, each.numbers >> 16 & 0xFF
                if each.behind is not None and 0 < behind <= bus <= last:
                    found, here = each.behind, behind
                    break
            else:
                return _Nothing()
        return found.get(slot << 3 | function, _Nothing())


@st.composite
def _buses(draw: st.DrawFn, depth: int = 3) -> dict[int, _Function]:
    found: dict[int, _Function] = {}
    for slot in draw(st.lists(st.integers(0, 31), max_size=3, unique=True)):
        others = draw(st.lists(st.integers(1, 7), max_size=2, unique=True))
        for function in (0, *others):
            bridge = depth > 0 and draw(st.booleans())
            behind = draw(_buses(depth - 1)) if bridge else None
            found[slot << 3 | function] = _Function(behind, several=bool(others))
    return found


def _chains(buses: dict[int, _Function], before: Chain = ()) -> set[Chain]:
    found = set()
    for place, each in buses.items():
        found |= {(*before, place), *_chains(each.behind or {}, (*before, place))}
    return found


@given(_buses())
def test_every_function_is_found_once_wherever_it_is(root: dict[int, _Function]) -> None:
    """By the way that leads there, behind however many bridges; and nothing else is."""
    spaces = cast("PciHost", _Machine(root))
    found = walk(spaces)
    assert found.keys() == _chains(root)
    assert len({id(space) for space in found.values()}) == len(found)
    # Whoever walks again finds the same, and gives the same numbers.
    numbers = {chain: space.read(_BUS_NUMBERS) for chain, space in found.items()}
    assert numbers == {chain: space.read(_BUS_NUMBERS) for chain, space in walk(spaces).items()}


def test_a_place_is_written_as_in_a_migration_stream() -> None:
    """Slot and function of every bridge on the way, and of the device."""
    assert place_of((0x28,)) == "05.0"
    assert place_of((0xE1, 0x00)) == "1c.1:00.0"
