"""What a virtio device shows to a driver that has not negotiated anything, by each interface.

It needs no address for that: the structures of virtio 1.x are read through the window that the
configuration space has for them (VIRTIO 1.3, 4.1.4.9). Only the legacy header has no such window;
it gets a port for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from platform_abi.errors import HostError
from platform_abi.guest.config_space import ConfigSpace
from platform_abi.guest.pci_config import VIRTIO_VENDOR, virtio_structure
from platform_abi.guest.pci_hosts import Ports
from platform_abi.model.value import frozen

_COMMAND = 0x04
_COMMAND_IO = 0x1
_BAR = 0x10
_BAR_PORT = 0x1
_ALL_ONES = 0xFFFFFFFF

#: A port that no board has anything at, and that is in reach of every one.
_PORT = 0xC000

# The structure "common" (virtio 1.2, 4.1.4.3) and the legacy header (4.1.4.10).
DEVICE_FEATURE_SELECT = 0x00
DEVICE_FEATURE = 0x04
_NUM_QUEUES = 0x12
_QUEUE_SELECT = 0x16
_QUEUE_SIZE = 0x18
FEATURE_WORDS = 4
_LEGACY_FEATURES = 0x00
_LEGACY_QUEUE_SIZE = 0x0C
_LEGACY_QUEUE_SELECT = 0x0E
_LEGACY_QUEUES_MAX = 1024  # VIRTIO_QUEUE_MAX, include/hw/virtio/virtio.h

#: Of no virtio device the configuration is longer, in bytes.
_LONGEST_CONFIG = 256


@frozen(kw_only=True)
class Offered:
    """What a device offers through one interface."""

    #: Feature bits: 128 of them through that of virtio 1.x, 32 through the legacy one.
    features: int
    #: The size of every queue, by queue number.
    queue_sizes: tuple[int, ...]
    #: The device's own configuration, as far as it was read.
    config: bytes = b""


class Memory(Protocol):
    """Memory as a guest reads and writes it: unsigned, little-endian."""

    def readb(self, address: int) -> int:
        """Return the 8-bit value at an address."""
        ...

    def readw(self, address: int) -> int:
        """Return the 16-bit value at an address."""
        ...

    def readl(self, address: int) -> int:
        """Return the 32-bit value at an address."""
        ...

    def writew(self, address: int, value: int) -> None:
        """Write a 16-bit value to an address."""
        ...

    def writel(self, address: int, value: int) -> None:
        """Write a 32-bit value to an address."""
        ...


def offered_features(ports: Ports, space: ConfigSpace) -> int:
    """Return the feature bits of the virtio device behind *space*, on a bus with these *ports*.

    Raises HostError (``qemu-failed``) where there is none.
    """
    image = space.image()
    offered = modern_offer(space, image) or legacy_offer(ports, space, image)
    if offered is None:
        raise HostError(
            "neither a virtio 1.x structure nor legacy ports are in its slot",
            code="qemu-failed",
            help="is it the slot of a virtio device?",
        )
    return offered.features


def modern_offer(space: ConfigSpace, image: bytes) -> Offered | None:
    """Return what a function offers through virtio 1.x, None where it has no such interface.

    *image* is what is in its configuration *space*.
    """
    opened = common_window(space, image)
    if opened is None:
        return None
    window, common = opened
    features, sizes = common_structure(window, common)
    device = virtio_structure(image, "device")
    config = b""
    if device is not None:
        length = min(_structure_length(image, device[0]), _LONGEST_CONFIG)
        config = device_config(window, device[1], length)
    return Offered(features=features, queue_sizes=sizes, config=config)


def legacy_offer(ports: Ports, space: ConfigSpace, image: bytes) -> Offered | None:
    """Return what a function offers through virtio's legacy header, None where it has none.

    *image* is what is in its configuration *space*. Its *ports* are in BAR 0, always.
    """
    if int.from_bytes(image[:2], "little") != VIRTIO_VENDOR:
        return None
    space.write(_BAR, _ALL_ONES)
    offered = None
    if space.read(_BAR) & _BAR_PORT:
        space.write(_BAR, _PORT)
        space.write(_COMMAND, _COMMAND_IO)
        features, sizes = legacy_header(ports, _PORT)
        space.write(_COMMAND, 0)
        offered = Offered(features=features, queue_sizes=sizes)
    space.write(_BAR, 0)
    return offered


def common_window(space: ConfigSpace, image: bytes) -> tuple[Window, int] | None:
    """Return a window to a device's BAR, and where in it the common configuration is.

    None for a function that is no virtio 1.x device by *image*, what is in its *space*.
    """
    access, common = (virtio_structure(image, kind) for kind in ("access", "common"))
    if access is None or common is None:
        return None
    return Window(space, access[0]), common[1]


def common_structure(memory: Memory, common: int) -> tuple[int, tuple[int, ...]]:
    """Return features and queue sizes by the common configuration structure at an address."""
    features = 0
    for word in range(FEATURE_WORDS):
        # QEMUs that know 64 bits only (before 10.2) answer 0 for words beyond them.
        memory.writel(common + DEVICE_FEATURE_SELECT, word)
        features |= memory.readl(common + DEVICE_FEATURE) << 32 * word
    return features, tuple(size for _, size in queues(memory, common))


def queues(memory: Memory, common: int) -> Iterator[tuple[int, int]]:
    """Yield number and size of each queue, which is the selected one at that moment."""
    for queue in range(memory.readw(common + _NUM_QUEUES)):
        memory.writew(common + _QUEUE_SELECT, queue)
        yield queue, memory.readw(common + _QUEUE_SIZE)


def legacy_header(ports: Ports, place: int) -> tuple[int, tuple[int, ...]]:
    """Return features and queue sizes by the legacy header at a port."""
    features = ports.inl(place + _LEGACY_FEATURES)
    sizes = []
    for queue in range(_LEGACY_QUEUES_MAX):
        ports.outw(place + _LEGACY_QUEUE_SELECT, queue)
        size = ports.inw(place + _LEGACY_QUEUE_SIZE)
        if size == 0:  # the legacy header has no count: the first missing queue is the end
            break
        sizes.append(size)
    return features, tuple(sizes)


def device_config(memory: Memory, address: int, length: int) -> bytes:
    """Return the *length* bytes of a device's own configuration, ones at the end left out.

    Behind its end QEMU answers with ones, and so it does to a word that reaches across
    (hw/virtio/virtio-config-io.c, virtio_config_modern_readl). Ones in between are values: the
    masks of an IOMMU, the speed of a NIC that nobody knows.
    """
    words = [memory.readl(address + offset) for offset in range(0, length - 3, 4)]
    while words and words[-1] == _ALL_ONES:
        words.pop()
    found = b"".join(word.to_bytes(4, "little") for word in words)
    # Any of the words that were taken away may be the one that reaches across.
    rest = bytes(memory.readb(address + offset) for offset in range(len(found), length))
    return (found + rest).rstrip(b"\xff")


def _structure_length(image: bytes, offset: int) -> int:
    """Return how long a virtio structure is by its capability (struct virtio_pci_cap, length)."""
    return int.from_bytes(image[offset + 12 : offset + 16], "little")


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
