"""One function on a PCI bus, asked as a guest's first look at it does.

Nothing needs an address for that: BARs are sized and taken back, and the structures of a virtio 1.x
device are read through the window that its configuration space has for that (VIRTIO 1.3, 4.1.4.9).
Only the legacy header of virtio has no such window; it gets a port for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from platform_abi.guest.pci_config import EXTENDED_SIZE, SIZE, facts, virtio_structure
from platform_abi.guest.virtio_pci import PciBus, legacy, modern
from platform_abi.qemu.qtest import Qtest

_COMMAND = 0x04
_COMMAND_IO = 0x1
_BARS = 0x10
#: How many BARs a function has and where its ROM's is, by the type of its header.
_LAYOUT = {0: (6, 0x30), 1: (2, 0x38)}
#: The lowest bits of a BAR: ports; else a 64-bit address, and prefetchable.
_BAR_PORT, _BAR_WIDE, _BAR_PREFETCH = 0x1, 0x4, 0x8
_BAR_KIND = 0x7
_ROM_MASK = 0xFFFFF800
_ALL_ONES = 0xFFFFFFFF

#: A port that no board has anything at.
_PORT = 0xC000

#: Of no virtio device the configuration is longer, in bytes.
_LONGEST_CONFIG = 256


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
    """The 256 bytes that are reached through the ports of a PC, on the root bus only."""

    def __init__(self, bus: PciBus, slot: int, function: int = 0) -> None:
        self._bus, self._slot, self._function = bus, slot, function

    def image(self) -> bytes:
        """Return all 256 bytes."""
        words = (self.read(offset) for offset in range(0, SIZE, 4))
        return b"".join(word.to_bytes(4, "little") for word in words)

    def read(self, offset: int) -> int:
        """Return the 32 bits at an offset."""
        return self._bus.config_read(self._slot, offset, function=self._function)

    def write(self, offset: int, value: int) -> None:
        """Write 32 bits at an offset."""
        self._bus.config_write(self._slot, offset, value, function=self._function)


class MemorySpace:
    """The 4096 bytes of a PCI Express function, in the memory window of its host bridge.

    *base* is where that window begins (PCI Express 5.0, 7.2.2, ECAM).
    """

    def __init__(self, guest: Qtest, base: int, bus: int, slot: int, function: int = 0) -> None:
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


def function_facts(guest: Qtest, space: ConfigSpace) -> dict[str, str]:
    """Return all that a guest finds of the function whose configuration space is given."""
    image = space.image()
    found = facts(image)
    layout = _LAYOUT.get(image[0x0E] & 0x7F)
    if layout is None:
        return found
    count, rom = layout
    ports = None
    for number, text in _bars(space, count):
        found[f"bar{number}"] = text
        if number == 0 and text.startswith("port"):
            ports = _PORT
    space.write(rom, _ROM_MASK)
    mask = space.read(rom) & _ROM_MASK
    space.write(rom, 0)
    if mask:
        found["rom"] = _size(_lowest(mask))
    found |= _virtio(guest, space, image, ports)
    return found


def _bars(space: ConfigSpace, count: int) -> Iterator[tuple[int, str]]:
    """Yield what every BAR decodes, by its number, and leave them at zero."""
    number = 0
    while number < count:
        offset = _BARS + 4 * number
        space.write(offset, _ALL_ONES)
        mask = space.read(offset)
        wide = mask & _BAR_KIND == _BAR_WIDE
        if wide:
            space.write(offset + 4, _ALL_ONES)
            mask |= space.read(offset + 4) << 32
            space.write(offset + 4, 0)
        space.write(offset, 0)
        if mask:
            yield number, _bar(mask, wide=wide)
        number += 2 if wide else 1


def _bar(mask: int, *, wide: bool) -> str:
    """Return what a BAR decodes that reads as *mask* after all ones were written to it."""
    if mask & _BAR_PORT:
        return f"port, {_size(_lowest(mask & ~0x3))}"
    prefetch = " prefetchable" if mask & _BAR_PREFETCH else ""
    return f"memory {64 if wide else 32} bits{prefetch}, {_size(_lowest(mask & ~0xF))}"


def _lowest(mask: int) -> int:
    """Return the lowest bit of *mask*: of an address that could be set, the size."""
    return mask & -mask


def _size(number: int) -> str:
    """Return a size in bytes as it is usually said."""
    for unit, shift in (("G", 30), ("M", 20), ("K", 10)):
        if number and number % (1 << shift) == 0:
            return f"{number >> shift}{unit}"
    return str(number)


def _virtio(guest: Qtest, space: ConfigSpace, image: bytes, ports: int | None) -> dict[str, str]:
    """Return what a virtio device offers through each of its interfaces, nothing for another."""
    found = {}
    window = virtio_structure(image, "access")
    common = virtio_structure(image, "common")
    if window is not None and common is not None:
        through = Window(space, window[0])
        features, sizes = modern(through, common[1])
        found["features"] = f"{features:#034x}"
        found["queues"] = _numbers(sizes)
        device = virtio_structure(image, "device")
        if device is not None:
            length = min(_structure_length(image, device[0]), _LONGEST_CONFIG)
            if config := through.config(device[1], length):
                found["config"] = config.hex()
    if ports is not None and image[:2] == _VIRTIO_VENDOR:
        space.write(_BARS, ports)
        space.write(_COMMAND, _COMMAND_IO)
        features, sizes = legacy(guest, ports)
        space.write(_COMMAND, 0)
        space.write(_BARS, 0)
        found["legacy-features"] = f"{features:#010x}"
        found["legacy-queues"] = _numbers(sizes)
    return found


_VIRTIO_VENDOR = (0x1AF4).to_bytes(2, "little")


def _structure_length(image: bytes, offset: int) -> int:
    """Return how long a virtio structure is by its capability (struct virtio_pci_cap, length)."""
    return int.from_bytes(image[offset + 12 : offset + 16], "little")


def _numbers(sizes: tuple[int, ...]) -> str:
    """Return queue sizes in their order, equal ones that follow each other said once."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][0] == size:
            runs[-1][1] += 1
        else:
            runs.append([size, 1])
    return " ".join(f"{size}*{count}" if count > 1 else str(size) for size, count in runs)


class Window:
    """The structures of a virtio device, reached through its configuration space.

    *offset* is that of the capability: bar, offset and length of the access, and the data
    (struct virtio_pci_cfg_cap). Addresses are offsets in the BAR.
    """

    def __init__(self, space: ConfigSpace, offset: int) -> None:
        self._space, self._offset = space, offset
        self._width = 0

    def _select(self, address: int, width: int) -> None:
        self._space.write(self._offset + 8, address)
        if width != self._width:
            self._space.write(self._offset + 12, width)
            self._width = width

    def readb(self, address: int) -> int:
        """Return the 8-bit value at an address."""
        self._select(address, 1)
        return self._space.read(self._offset + 16) & 0xFF

    def readl(self, address: int) -> int:
        """Return the 32-bit value at an address."""
        self._select(address, 4)
        return self._space.read(self._offset + 16)

    def readw(self, address: int) -> int:
        """Return the 16-bit value at an address."""
        self._select(address, 2)
        return self._space.read(self._offset + 16) & 0xFFFF

    def writeb(self, address: int, value: int) -> None:
        """Write an 8-bit value to an address."""
        self._select(address, 1)
        self._space.write(self._offset + 16, value)

    def writel(self, address: int, value: int) -> None:
        """Write a 32-bit value to an address."""
        self._select(address, 4)
        self._space.write(self._offset + 16, value)

    def writew(self, address: int, value: int) -> None:
        """Write a 16-bit value to an address."""
        self._select(address, 2)
        self._space.write(self._offset + 16, value)

    def config(self, address: int, length: int) -> bytes:
        """Return the *length* bytes of a device's own configuration, ones at the end left out.

        Behind its end QEMU answers with ones, and so it does to a word that reaches across
        (hw/virtio/virtio-config-io.c, virtio_config_modern_readl). Ones in between are values: the
        masks of an IOMMU, the speed of a NIC that nobody knows.
        """
        words = [self.readl(address + offset) for offset in range(0, length - 3, 4)]
        while words and words[-1] == _ALL_ONES:
            words.pop()
        found = b"".join(word.to_bytes(4, "little") for word in words)
        # Any of the words that were taken away may be the one that reaches across.
        rest = bytes(self.readb(address + offset) for offset in range(len(found), length))
        return (found + rest).rstrip(b"\xff")
