"""What a virtio device shows that stands on a board's own bus, by its registers in memory.

No bus is walked: a board has so many places, and a register says what is in each (VIRTIO 1.3, 4.2,
and 4.2.4 for the legacy interface, which QEMU has unless ``virtio-mmio.force-legacy`` is off).
"""

from __future__ import annotations

from platform_abi.guest.pci_function import queue_sizes
from platform_abi.guest.virtio_pci import device_config
from platform_abi.model.guest import MmioSlots
from platform_abi.qemu.qtest import Accesses

_MAGIC, _VERSION, _DEVICE, _VENDOR = 0x00, 0x04, 0x08, 0x0C
_FEATURES, _FEATURES_SELECT = 0x10, 0x14
_QUEUE_SELECT, _QUEUE_SIZE = 0x30, 0x34
_CONFIG = 0x100

_VIRT = int.from_bytes(b"virt", "little")

#: How many words of features there are (hw/virtio/virtio-mmio.c, virtio_mmio_read).
_FEATURE_WORDS = 2

#: How an identity begins; the vendor and the kind of the device follow.
IDENTITY = "mmio "

_QUEUES_MAX = 1024  # VIRTIO_QUEUE_MAX, include/hw/virtio/virtio.h
_LONGEST_CONFIG = 0x100


def mmio_facts(guest: Accesses, slots: MmioSlots, slot: int) -> dict[str, str] | None:
    """Return what a guest finds of the device at a place, None where there is none.

    The machine is a little-endian one. Nothing is written but what selects features and queues.
    """
    base = slots.base + slot * slots.step
    if slot >= slots.count or guest.readl(base + _MAGIC) != _VIRT:
        return None
    device = guest.readl(base + _DEVICE)
    if device == 0:
        return None
    features = 0
    for word in range(_FEATURE_WORDS):
        guest.writel(base + _FEATURES_SELECT, word)
        features |= guest.readl(base + _FEATURES) << 32 * word
    found = {
        "identity": f"{IDENTITY}{guest.readl(base + _VENDOR):08x}:{device:04x}",
        "interface": str(guest.readl(base + _VERSION)),
        "features": f"{features:#034x}",
        "queues": queue_sizes(_queues(guest, base)),
    }
    length = min(slots.step - _CONFIG, _LONGEST_CONFIG)
    if config := device_config(guest, base + _CONFIG, length):
        found["config"] = config.hex()
    return found


def _queues(guest: Accesses, base: int) -> tuple[int, ...]:
    sizes = []
    for queue in range(_QUEUES_MAX):
        guest.writel(base + _QUEUE_SELECT, queue)
        size = guest.readl(base + _QUEUE_SIZE)
        if size == 0:  # there is no count: the first missing queue is the end
            break
        sizes.append(size)
    return tuple(sizes)
