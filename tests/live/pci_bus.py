"""A virtual PCI bus as firmware and a driver go about it: the second opinion on ``guest``.

Addresses are given out, and everything is read through them, not through windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platform_abi.guest.pci_hosts import PcHost, PciHost
from platform_abi.guest.virtio_pci import common_structure, legacy_header
from platform_abi.qemu.qtest import Qtest

# PCI, by the specification's names.
_COMMAND = 0x04
_COMMAND_IO = 0x1
_COMMAND_MEMORY = 0x2
_STATUS_CAPABILITIES = 0x10 << 16  # status is the upper half of the command register
_BARS = 0x10
_BAR_COUNT = 6
_BAR_KIND = 0x7  # port or memory, and of memory the width of its address
_BAR_WIDE = 0x4
_CAPABILITIES = 0x34
_CAPABILITY_VENDOR = 0x09

# Virtio over PCI: virtio 1.2, 4.1.4 (modern) and 4.1.4.10 (legacy).
_VIRTIO_VENDOR = 0x1AF4
_COMMON_CONFIG = 1  # cfg_type of the structure below

# Without firmware nobody has given out addresses yet. From these on, no port, RAM or device of
# either board is in the way; the first to come, the I/O APIC, lies 492 MiB into the memory.
_PORTS_START = 0xC000
_MEMORY_START = 0xE0000000
_WIDE_MEMORY_START = 1 << 38
_WIDE_SIZE = 1 << 26  # a 64-bit BAR of this size or more goes to the latter


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What a virtio PCI device shows to a driver that has not negotiated anything yet."""

    vendor: int
    device: int
    #: The device's feature bits: 128 of them if modern, else the legacy interface's 32.
    features: int
    #: Whether they were read through the virtio 1.x interface.
    modern: bool
    #: The size of every queue, by queue number.
    queue_sizes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Region:
    """A BAR's place in the guest's port or memory space, once assigned."""

    address: int
    is_port: bool
    #: Whether its address has 64 bits and takes up two BARs.
    is_wide: bool


@dataclass(frozen=True, kw_only=True)
class Window:
    """Where a board has the memory of its PCI bus: by the bus, and by the processor."""

    bus: int
    processor: int


class _Memory:
    """A guest's memory, little-endian whatever its processor is."""

    def __init__(self, guest: Qtest, offset: int) -> None:
        self._guest, self._offset = guest, offset

    def readb(self, address: int) -> int:
        return self._guest.readb(address + self._offset)

    def readw(self, address: int) -> int:
        return int.from_bytes(self._guest.read(address + self._offset, 2), "little")

    def readl(self, address: int) -> int:
        return int.from_bytes(self._guest.read(address + self._offset, 4), "little")

    def writew(self, address: int, value: int) -> None:
        self._guest.write(address + self._offset, value.to_bytes(2, "little"))

    def writel(self, address: int, value: int) -> None:
        self._guest.write(address + self._offset, value.to_bytes(4, "little"))


class PciBus:
    """The PCI root bus of a *guest* whose firmware has not run: a PC's, or that of a *host* bridge.

    *window* is where its 32-bit memory is.
    """

    def __init__(
        self,
        guest: Qtest,
        host: PciHost | None = None,
        window: Window = Window(bus=_MEMORY_START, processor=_MEMORY_START),
    ) -> None:
        self._host = host or PcHost(guest, 0)
        self._memory = _Memory(guest, window.processor - window.bus)
        self._free = {"port": _PORTS_START, "memory": window.bus, "wide": _WIDE_MEMORY_START}

    def config_read(self, slot: int, offset: int) -> int:
        """Return the 32 bits at an offset (a multiple of 4) of a device's configuration space."""
        return self._host.at(0, slot).read(offset)

    def config_write(self, slot: int, offset: int, value: int) -> None:
        """Write 32 bits at an offset (a multiple of 4) of a device's configuration space."""
        self._host.at(0, slot).write(offset, value)

    def offered(self, slot: int) -> Offered:
        """Return what the virtio device in a slot of the root bus (its ``addr=``) offers.

        Fails where there is no device or it is not a virtio device.
        """
        identity = self.config_read(slot, 0)
        vendor, device = identity & 0xFFFF, identity >> 16
        assert vendor == _VIRTIO_VENDOR, f"slot {slot:#x}: no virtio device, vendor {vendor:#06x}"
        regions = self._assign_bars(slot)
        common = self._common_config(slot, regions)
        if common is None:
            features, queue_sizes = legacy_header(self._host.ports, _legacy_ports(slot, regions))
        else:
            features, queue_sizes = common_structure(self._memory, common)
        return Offered(
            vendor=vendor,
            device=device,
            features=features,
            modern=common is not None,
            queue_sizes=queue_sizes,
        )

    def _assign_bars(self, slot: int) -> dict[int, _Region]:
        """Give every BAR of a device an address, switches them on, returns them by number."""
        self._set_command(slot, 0)  # a device must not decode half-written addresses
        regions: dict[int, _Region] = {}
        number = 0
        while number < _BAR_COUNT:
            region = self._assign_bar(slot, _BARS + 4 * number)
            if region is not None:
                regions[number] = region
            number += 2 if region is not None and region.is_wide else 1
        self._set_command(slot, _COMMAND_IO | _COMMAND_MEMORY)
        return regions

    def _assign_bar(self, slot: int, offset: int) -> _Region | None:
        """Give the BAR at an offset an address, unless there is none."""
        self.config_write(slot, offset, 0xFFFFFFFF)
        mask = self.config_read(slot, offset)
        if mask == 0:
            return None
        is_port, is_wide = bool(mask & 0x1), mask & _BAR_KIND == _BAR_WIDE
        if is_wide:
            self.config_write(slot, offset + 4, 0xFFFFFFFF)
            mask |= self.config_read(slot, offset + 4) << 32
        # All ones were written: the lowest address bit that could be set is the size.
        address_bits = mask & (~0x3 if is_port else ~0xF)
        size = address_bits & -address_bits
        region = _Region(
            address=self._reserve(size, is_port, is_wide), is_port=is_port, is_wide=is_wide
        )
        self.config_write(slot, offset, region.address & 0xFFFFFFFF)
        if is_wide:
            self.config_write(slot, offset + 4, region.address >> 32)
        return region

    def _reserve(self, size: int, is_port: bool, is_wide: bool) -> int:
        """Return the next free address that is a multiple of the size, a power of two."""
        memory = "wide" if is_wide and size >= _WIDE_SIZE else "memory"
        space = "port" if is_port else memory
        address = -(-self._free[space] // size) * size
        self._free[space] = address + size
        return address

    def _set_command(self, slot: int, bits: int) -> None:
        """Set the command register; zeros leave the status bits in its upper half as they are."""
        self.config_write(slot, _COMMAND, bits)

    def _common_config(self, slot: int, regions: Mapping[int, _Region]) -> int | None:
        """Return the address of the virtio 1.x common configuration, None if legacy-only."""
        for capability in self._capabilities(slot):
            header = self.config_read(slot, capability)
            if header & 0xFF != _CAPABILITY_VENDOR or header >> 24 != _COMMON_CONFIG:
                continue
            region = regions.get(self.config_read(slot, capability + 4) & 0xFF)
            if region is None or region.is_port:
                continue
            return region.address + self.config_read(slot, capability + 8)
        return None

    def _capabilities(self, slot: int) -> Iterator[int]:
        """Return the offsets of a device's PCI capabilities."""
        if not self.config_read(slot, _COMMAND) & _STATUS_CAPABILITIES:
            return
        offset = self.config_read(slot, _CAPABILITIES) & 0xFC
        while offset:
            yield offset
            offset = self.config_read(slot, offset) >> 8 & 0xFC


def _legacy_ports(slot: int, regions: Mapping[int, _Region]) -> int:
    """Return the port of the legacy virtio header: BAR 0, always."""
    region = regions.get(0)
    assert region is not None, f"slot {slot:#x}: neither a virtio 1.x structure nor legacy ports"
    assert region.is_port, f"slot {slot:#x}: neither a virtio 1.x structure nor legacy ports"
    return region.address
