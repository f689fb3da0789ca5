"""Which devices are put before a guest to be looked at: what ``audit-qemu`` holds binaries to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from platform_abi.model.value import field, frozen
from platform_abi.model.visibility import matches


@frozen(kw_only=True)
class MmioSlots:
    """Where a board has the registers of its virtio-mmio devices: *count* of them from *base* on.

    Each begins *step* bytes after the one before; what is on the bus called *bus*, with its number
    behind a dot, is the one of that number. *driver* is that of the registers, which shows what
    has been set of it in every device.
    """

    driver: str
    bus: str
    base: int
    step: int
    count: int

    def name_of(self, slot: int) -> str:
        """Return what QEMU calls the bus at a place."""
        return f"{self.bus}.{slot}"

    def slot_of(self, name: str) -> int | None:
        """Return the place of the bus called *name*, None of one of another kind."""
        bus, _, number = name.rpartition(".")
        return int(number) if bus == self.bus and number.isdecimal() else None


@frozen(kw_only=True)
class GuestBoard:
    """A family of machine types with devices that can be looked at."""

    family: str
    #: What its root PCI bus is called; empty: it has none that can be read.
    bus: str = ""
    #: The driver of a port that a device can be plugged into; empty: it has none.
    port: str = ""
    #: How a guest reaches configuration spaces: the ports of a PC, a memory window, or RTAS.
    access: Literal["ports", "ecam", "rtas"] = "ports"
    #: The host bridge's register for the place of the extended configuration space; 0: none.
    pciexbar: int = 0
    #: Physical addresses of the memory window, one of which it has.
    ecam: tuple[int, ...] = ()
    #: What RTAS knows the host bridge by.
    buid: int = 0
    #: Where in memory the ports of the bus begin, on a board whose processor has none.
    ports: int = 0
    #: Where RAM begins, and how much of it a machine needs, in MiB.
    ram: int = 0
    memory: int = 64
    mmio: MmioSlots | None = None
    #: Whether its devices are behind channels, which only its processor reaches.
    channels: bool = False


@frozen(kw_only=True)
class GuestDevice:
    """One device that is looked at; {id} in its words stands for a name of its own."""

    driver: str
    #: What stands behind it, where it is looked at with more than one.
    backend: str = ""
    options: str = ""
    needs: tuple[str, ...] = ()
    #: A device node without which this host cannot have it.
    node: str = ""
    #: What it is on: the PCI bus, one of the board's virtio-mmio buses, or a channel.
    on: Literal["pci", "mmio", "ccw"] = "pci"
    #: Of a PCI device, whether it is looked at on the root bus, and behind a port.
    root: bool = True
    port: bool = False
    #: Families of the only boards that can have it; empty: all.
    boards: tuple[str, ...] = ()


@frozen(kw_only=True)
class GuestCpus:
    """Which CPU models are asked about, and under which accelerator."""

    accelerator: str
    node: str = ""
    models: tuple[str, ...] = ()
    #: Properties, as patterns, that say nothing of what a guest finds, or something of the host.
    ignored: tuple[str, ...] = ()


@frozen(kw_only=True)
class GuestDevices:
    """Everything that is looked at in a machine of one architecture."""

    arch: str
    board: tuple[GuestBoard, ...] = ()
    device: tuple[GuestDevice, ...] = ()
    cpu: GuestCpus = field(factory=lambda: GuestCpus(accelerator="tcg"))

    def board_of(self, machine: str) -> GuestBoard | None:
        """Return the board of a machine type, None if nobody can look at its devices."""
        return next((b for b in self.board if f"{machine}-".startswith(f"{b.family}-")), None)


def label(device: GuestDevice, *, port: bool = False) -> str:
    """Return what a view calls a device."""
    backend = f" with {device.backend}" if device.backend else ""
    return f"{device.driver}{backend}{' behind port' if port else ''}"


#: Stands among what is not told of a device for all facts.
EVERY_FACT = "*"


@frozen(kw_only=True)
class DeviceView:
    """What a guest finds of one device of a virtual machine, by fact, and what nobody can tell.

    A fact is *untold*, by names and patterns, where it was read of a device with other properties
    and these show in it. Any other that is not among *facts* is known not to be there.
    """

    driver: str
    facts: Mapping[str, str] = field(factory=dict)
    untold: tuple[str, ...] = ()

    def tells(self, fact: str) -> bool:
        """Return whether it is known what a guest finds of *fact*."""
        return not any(matches(pattern, fact) for pattern in self.untold)


@frozen(kw_only=True)
class MachineView:
    """What a guest finds of the devices of one virtual machine in one QEMU.

    *qemu* is the build of which that was recorded, or with *looked* the release of the binary that
    was started and looked at. Devices are by label.
    """

    qemu: str
    looked: bool = False
    devices: Mapping[str, DeviceView] = field(factory=dict)
