"""A guest's driver of a virtio device, as far as its promise to use what it was offered.

From there on the device is bound: its features and queues are in every migration stream, and a
destination that offers less refuses them. Nothing is transferred: no guest code runs, and rings
stay empty.
"""

from __future__ import annotations

from platform_abi.guest.config_space import ConfigSpace
from platform_abi.guest.virtio_pci import (
    DEVICE_FEATURE,
    DEVICE_FEATURE_SELECT,
    FEATURE_WORDS,
    common_window,
    queues,
)
from platform_abi.model.value import frozen

_COMMAND = 0x04
_COMMAND_MASTER = 0x4

# The common configuration (VIRTIO 1.3, 4.1.4.3, struct virtio_pci_common_cfg).
_DRIVER_FEATURE_SELECT = 0x08
_DRIVER_FEATURE = 0x0C
_STATUS = 0x14
_QUEUE_ENABLE = 0x1C
_QUEUE_ADDRESSES = 0x20

# The device status (VIRTIO 1.3, 2.1).
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 0x1, 0x2, 0x4, 0x8

#: Room for the three parts of a ring of the largest size, 32768 entries of 16 bytes and less.
RING_PART = 1 << 20


@frozen(kw_only=True)
class Bound:
    """What a device and its driver have agreed on: its *status*, *features* and the queue sizes."""

    status: int
    features: int
    queues: tuple[int, ...]


def bind(space: ConfigSpace, *, rings: int) -> Bound | None:
    """Accept all that the virtio device behind *space* offers, with every queue enabled.

    *rings* is an address in the guest's RAM behind which the rings may lie, 1 MiB for each part;
    every queue gets the same. Return None for a function that is no virtio 1.x device.
    """
    opened = common_window(space, space.image())
    if opened is None:
        return None
    window, common = opened
    space.write(_COMMAND, _COMMAND_MASTER)
    window.writeb(common + _STATUS, 0)
    status = ACKNOWLEDGE | DRIVER
    window.writeb(common + _STATUS, status)
    for word in range(FEATURE_WORDS):
        window.writel(common + DEVICE_FEATURE_SELECT, word)
        offered = window.readl(common + DEVICE_FEATURE)
        window.writel(common + _DRIVER_FEATURE_SELECT, word)
        window.writel(common + _DRIVER_FEATURE, offered)
    status |= FEATURES_OK
    window.writeb(common + _STATUS, status)
    for _, size in queues(window, common):
        if size == 0:
            continue
        for part in range(3):
            place = common + _QUEUE_ADDRESSES + 8 * part
            window.writel(place, rings + part * RING_PART)
            window.writel(place + 4, 0)
        window.writew(common + _QUEUE_ENABLE, 1)
    window.writeb(common + _STATUS, status | DRIVER_OK)
    return bound(space)


def bound(space: ConfigSpace) -> Bound | None:
    """Return what the virtio device behind *space* and its driver have agreed on, if it is one."""
    opened = common_window(space, space.image())
    if opened is None:
        return None
    window, common = opened
    features = 0
    for word in range(FEATURE_WORDS):
        window.writel(common + _DRIVER_FEATURE_SELECT, word)
        features |= window.readl(common + _DRIVER_FEATURE) << 32 * word
    sizes = tuple(size for _, size in queues(window, common))
    return Bound(status=window.readb(common + _STATUS), features=features, queues=sizes)
