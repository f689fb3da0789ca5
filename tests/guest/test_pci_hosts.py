"""Whichever way a board has to its PCI buses, what is there is the same."""

from __future__ import annotations

import struct
from typing import cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.guest.config_space import PortSpace
from platform_abi.guest.pci_config import EXTENDED_SIZE, SIZE
from platform_abi.guest.pci_hosts import MemoryPorts, PciHost, pci_host
from platform_abi.model.guest import GuestBoard
from platform_abi.qemu.qtest import Accesses
from tests.conftest import DEFINITIONS

PLACES = st.tuples(st.integers(0, 3), st.integers(0, 31), st.integers(0, 7))
OFFSETS = st.integers(0, SIZE // 4 - 1).map(lambda word: 4 * word)
WORDS = st.integers(0, 0xFFFFFFFF)

#: One board for each way; the window of the second is at the last of its places.
BOARDS = {
    "ports": GuestBoard(family="pc", bus="pci.0"),
    "pciexbar": GuestBoard(family="pc-q35", bus="pcie.0", pciexbar=0x60),
    "ecam": GuestBoard(family="virt", bus="pcie.0", access="ecam", ecam=(1 << 40, 1 << 30)),
    "rtas": GuestBoard(family="pseries", bus="pci.0", access="rtas", buid=0x0800_0000_2000_0001),
}

Place = tuple[int, int, int]


class _Machine:
    """Functions of a machine, each reached by ports, by a memory window, and by RTAS."""

    def __init__(self, functions: dict[Place, bytearray]) -> None:
        self.functions = functions
        self.express = False
        self._selected = 0

    def _word(self, place: Place, offset: int, value: int | None = None) -> int:
        """Return 32 bits of a function, ones where nothing is; or write them."""
        image = self.functions.get(place)
        if image is None or offset + 4 > len(image):
            return 0xFFFFFFFF
        if value is not None:
            image[offset : offset + 4] = value.to_bytes(4, "little")
        return int.from_bytes(image[offset : offset + 4], "little")

    @staticmethod
    def _place(bits: int) -> Place:
        return bits >> 8 & 0xFF, bits >> 3 & 0x1F, bits & 7

    def outl(self, port: int, value: int) -> None:
        if port == 0xCF8:
            self._selected = value & 0x7FFFFFFF
        else:
            assert port == 0xCFC
            self._word(self._place(self._selected >> 8), self._selected & 0xFC, value)

    def inl(self, port: int) -> int:
        assert port == 0xCFC
        return self._word(self._place(self._selected >> 8), self._selected & 0xFC)

    def readl(self, address: int) -> int:
        offset = address - self._window()
        if not 0 <= offset < 1 << 28:
            return 0
        return self._word(self._place(offset >> 12), offset & 0xFFC)

    def writel(self, address: int, value: int) -> None:
        offset = address - self._window()
        assert 0 <= offset < 1 << 28
        self._word(self._place(offset >> 12), offset & 0xFFC, value)

    def _window(self) -> int:
        """Return where the memory window is: where PCIEXBAR has it, once it is switched on."""
        place = int.from_bytes(self.functions.get((0, 0, 0), b"")[0x60:0x68], "little")
        return place - 1 if self.express and place & 1 else BOARDS["ecam"].ecam[-1]

    def read(self, address: int, size: int) -> bytes:
        words = (self.readl(address + offset) for offset in range(0, size, 4))
        return b"".join(word.to_bytes(4, "little") for word in words)

    def rtas(self, name: str, place: int, words: bytes, answers: int) -> bytes:
        del place
        where, high, low, width, *rest = struct.unpack(f">{len(words) // 4}I", words)
        assert (high << 32 | low, width) == (BOARDS["rtas"].buid, 4)
        offset = where >> 20 & 0xF00 | where & 0xFF
        function = self.functions.get(self._place(where >> 8 & 0xFFFF))
        done = function is not None and offset + 4 <= len(function)
        value = self._word(self._place(where >> 8 & 0xFFFF), offset, *rest)
        status = 0 if done else 0xFFFFFFFF
        said = struct.pack(">I", status) if rest else struct.pack(">II", status, value)
        assert name == f"ibm,{'write' if rest else 'read'}-pci-config"
        assert len(said) == answers
        return said


FUNCTIONS = st.dictionaries(
    PLACES,
    st.sampled_from([SIZE, EXTENDED_SIZE]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
)


def _machine(functions: dict[Place, bytes]) -> _Machine:
    bridge = b"\x36\x1b\x08\0" + bytes(7) + b"\6" + bytes(SIZE - 12)
    return _Machine(
        {place: bytearray(image) for place, image in ({**functions, (0, 0, 0): bridge}).items()}
    )


def _host(machine: _Machine, way: str) -> PciHost:
    machine.express = bool(BOARDS[way].pciexbar)
    host = pci_host(cast(Accesses, machine), BOARDS[way])
    assert host is not None
    return host


@given(functions=FUNCTIONS, place=PLACES, offset=OFFSETS, value=WORDS)
@pytest.mark.parametrize("way", BOARDS)
def test_a_function_is_the_same_by_every_way(
    way: str, functions: dict[Place, bytes], place: Place, offset: int, value: int
) -> None:
    """What is read is what is there, ones where nothing is, and what is written stays."""
    # Where the register of the window's place is written, the window goes away.
    assume(way != "pciexbar" or place != (0, 0, 0) or offset not in {0x60, 0x64})
    machine = _machine(functions)
    space = _host(machine, way).at(*place)
    known = bytes(machine.functions.get(place, b"\xff" * SIZE))
    assert space.image()[:SIZE] == known[:SIZE]
    assert space.read(offset).to_bytes(4, "little") == known[offset : offset + 4]
    space.write(offset, value)
    if place in machine.functions:
        after = known[:offset] + value.to_bytes(4, "little") + known[offset + 4 :]
        assert bytes(machine.functions[place]) == after
        assert space.read(offset) == value


@given(functions=FUNCTIONS, place=PLACES)
def test_rtas_reaches_all_of_a_function_that_has_more(
    functions: dict[Place, bytes], place: Place
) -> None:
    """4096 bytes of an express function, and no more than there are of another."""
    machine = _machine(functions)
    image = _host(machine, "rtas").at(*place).image()
    assert image == bytes(machine.functions.get(place, b"\xff" * SIZE))


def test_a_board_without_its_bridge_has_no_host() -> None:
    """Where the window is at none of its places, whatever else is there, nothing is looked at."""
    for there in ({}, {(0, 0, 0): bytearray(b"\x36\x1b\x08\0" + bytes(SIZE - 4))}):
        assert pci_host(cast(Accesses, _Machine(there)), BOARDS["ecam"]) is None


class _Ports:
    """Memory that is a bus's ports."""

    def __init__(self) -> None:
        self.bytes = bytearray(b"\xa5" * 0x10000)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.bytes[address - 0x1000 : address - 0x1000 + size])

    def write(self, address: int, data: bytes) -> None:
        self.bytes[address - 0x1000 : address - 0x1000 + len(data)] = data


@given(st.integers(0, 0xFFFC), st.integers(0, 0xFFFF))
def test_ports_in_memory_are_little_endian(port: int, value: int) -> None:
    """Whatever the processor is: PCI is."""
    memory = _Ports()
    ports = MemoryPorts(cast(Accesses, memory), 0x1000)
    ports.outw(port, value)
    assert memory.bytes[port : port + 4] == value.to_bytes(2, "little") + b"\xa5\xa5"
    assert (ports.inw(port), ports.inl(port)) == (value, value | 0xA5A5_0000)


def test_what_reaches_more_than_256_bytes_says_so() -> None:
    """Only the ports of a PC do not."""
    extended = {way: _host(_machine({}), way).extended for way in BOARDS}
    assert extended == {"ports": False, "pciexbar": True, "ecam": True, "rtas": True}


def test_every_board_says_what_its_way_takes() -> None:
    """A window has places, RTAS a bridge, and neither processor has ports of its own."""
    catalogue = pa.FileCatalogue([DEFINITIONS])
    ways = set()
    for arch in ("x86_64", "aarch64", "riscv64", "ppc64"):
        looked_at = catalogue.guest_devices(arch)
        assert looked_at is not None
        for board in looked_at.board:
            ways.add(board.access)
            assert bool(board.ecam) == (board.access == "ecam")
            assert bool(board.buid) == (board.access == "rtas")
            assert bool(board.ports) == (board.access != "ports")
            assert not board.pciexbar or board.access == "ports"
    assert ways == {board.access for board in BOARDS.values()}
    assert isinstance(_host(_machine({}), "ports").at(0, 1), PortSpace)
