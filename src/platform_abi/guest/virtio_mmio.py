"""A virtio device that stands on a board's own bus, by its registers in memory: sight and driver.

No bus is walked: a board has so many places, and a register says what is in each (VIRTIO 1.3, 4.2,
and 4.2.4 for the legacy interface, which QEMU has unless ``virtio-mmio.force-legacy`` is off).
"""

from __future__ import annotations

from platform_abi.guest.driver import (
    ACKNOWLEDGE,
    DRIVER,
    DRIVER_OK,
    FEATURES_OK,
    RING_PART,
    Bound,
)
from platform_abi.guest.pci_function import queue_sizes
from platform_abi.guest.virtio_pci import device_config
from platform_abi.model.guest import MmioSlots
from platform_abi.qemu.qtest import Accesses

_MAGIC, _VERSION, _DEVICE, _VENDOR = 0x00, 0x04, 0x08, 0x0C
_FEATURES, _FEATURES_SELECT = 0x10, 0x14
_QUEUE_SELECT, _QUEUE_SIZE = 0x30, 0x34
_CONFIG = 0x100

# What a driver writes; of a legacy device the page of a queue, of another its three parts.
_DRIVER_FEATURES, _DRIVER_SELECT, _PAGE_SIZE = 0x20, 0x24, 0x28
_QUEUE_LENGTH, _QUEUE_ALIGN, _QUEUE_PAGE, _QUEUE_READY = 0x38, 0x3C, 0x40, 0x44
_STATUS = 0x70
_QUEUE_PARTS = (0x80, 0x90, 0xA0)

_LEGACY, _PAGE = 1, 4096

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


def bind_mmio(guest: Accesses, slots: MmioSlots, slot: int, *, rings: int) -> Bound | None:
    """Accept all that the device at a place offers, with every queue enabled, as ``bind`` does.

    Return None where there is no device.
    """
    base = slots.base + slot * slots.step
    if mmio_facts(guest, slots, slot) is None:
        return None
    legacy = guest.readl(base + _VERSION) == _LEGACY
    guest.writel(base + _STATUS, 0)
    status = ACKNOWLEDGE | DRIVER
    guest.writel(base + _STATUS, status)
    for word in range(1 if legacy else _FEATURE_WORDS):
        guest.writel(base + _FEATURES_SELECT, word)
        guest.writel(base + _DRIVER_SELECT, word)
        guest.writel(base + _DRIVER_FEATURES, guest.readl(base + _FEATURES))
    if legacy:
        guest.writel(base + _PAGE_SIZE, _PAGE)
    else:
        status |= FEATURES_OK
        guest.writel(base + _STATUS, status)
    for queue, size in enumerate(_queues(guest, base)):
        guest.writel(base + _QUEUE_SELECT, queue)
        guest.writel(base + _QUEUE_LENGTH, size)
        if legacy:
            guest.writel(base + _QUEUE_ALIGN, _PAGE)
            guest.writel(base + _QUEUE_PAGE, rings // _PAGE)
            continue
        for part, place in enumerate(_QUEUE_PARTS):
            guest.writel(base + place, rings + part * RING_PART)
            guest.writel(base + place + 4, 0)
        guest.writel(base + _QUEUE_READY, 1)
    guest.writel(base + _STATUS, status | DRIVER_OK)
    return bound_mmio(guest, slots, slot)


def bound_mmio(guest: Accesses, slots: MmioSlots, slot: int) -> Bound | None:
    """Return what the device at a place and its driver have agreed on, None where there is none.

    That is the status, and the sizes of the queues that are in use: which features a driver took
    cannot be read, and are none here.
    """
    if mmio_facts(guest, slots, slot) is None:
        return None
    base = slots.base + slot * slots.step
    ready = _QUEUE_PAGE if guest.readl(base + _VERSION) == _LEGACY else _QUEUE_READY
    sizes = []
    for queue, size in enumerate(_queues(guest, base)):
        guest.writel(base + _QUEUE_SELECT, queue)
        sizes.append(size if guest.readl(base + ready) else 0)
    return Bound(status=guest.readl(base + _STATUS), features=0, queues=tuple(sizes))
