"""One function on a PCI bus, asked as a guest's first look at it does.

Nothing needs an address for that: BARs are sized and taken back.
"""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.guest.config_space import ConfigSpace
from platform_abi.guest.pci_config import facts
from platform_abi.guest.pci_hosts import Ports
from platform_abi.guest.virtio_pci import legacy_offer, modern_offer

_BARS = 0x10
#: How many BARs a function has and where its ROM's is, by the type of its header.
_LAYOUT = {0: (6, 0x30), 1: (2, 0x38)}
#: The lowest bits of a BAR: ports; else a 64-bit address, and prefetchable.
_BAR_PORT, _BAR_WIDE, _BAR_PREFETCH = 0x1, 0x4, 0x8
_BAR_KIND = 0x7
_ROM_MASK = 0xFFFFF800
_ALL_ONES = 0xFFFFFFFF


def function_facts(ports: Ports, space: ConfigSpace) -> dict[str, str]:
    """Return all that a guest finds of the function whose configuration space is given.

    *ports* are those of its bus.
    """
    image = space.image()
    said = facts(image)
    layout = _LAYOUT.get(image[0x0E] & 0x7F)
    if layout is None:
        return said
    count, rom = layout
    said |= {f"bar{number}": text for number, text in _bars(space, count)}
    space.write(rom, _ROM_MASK)
    mask = space.read(rom) & _ROM_MASK
    space.write(rom, 0)
    if mask:
        said["rom"] = _size(_lowest(mask))
    return said | _virtio(ports, space, image)


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


def _virtio(ports: Ports, space: ConfigSpace, image: bytes) -> dict[str, str]:
    """Return what a virtio device offers through each of its interfaces, nothing for another."""
    said = {}
    if modern := modern_offer(space, image):
        said = {"features": f"{modern.features:#034x}", "queues": queue_sizes(modern.queue_sizes)}
        if modern.config:
            said["config"] = modern.config.hex()
    if legacy := legacy_offer(ports, space, image):
        said["legacy-features"] = f"{legacy.features:#010x}"
        said["legacy-queues"] = queue_sizes(legacy.queue_sizes)
    return said


def queue_sizes(sizes: tuple[int, ...]) -> str:
    """Return the sizes of queues in their order, equal ones that follow each other said once."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][0] == size:
            runs[-1][1] += 1
        else:
            runs.append([size, 1])
    return " ".join(f"{size}*{count}" if count > 1 else str(size) for size, count in runs)
