"""Where the devices that are looked at are placed, and what QEMU is given for that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from platform_abi.guest.virtio_ccw import channel_device
from platform_abi.model.guest import GuestBoard, GuestDevice, label
from platform_abi.model.value import frozen

#: Slots of a root bus that a board itself leaves free, 0x02 to 0x1e: the host bridge is at 0, a
#: PC's own functions at 1 or 0x1f.
_FIRST_SLOT, _LAST_SLOT = 0x02, 0x1E

#: So many devices behind channels are looked at at once.
_CHANNELS = 64

#: How many functions a slot has: a root port takes one of them.
_FUNCTIONS = 8


def labels_of(board: GuestBoard, device: GuestDevice) -> list[str]:
    """Return what a device is called at each place on *board* where it is looked at."""
    if device.on == "mmio":
        return [label(device)] if board.mmio is not None else []
    if device.on == "ccw":
        return [label(device)] if board.channels else []
    if not board.bus:
        return []
    places = (device.root, False), (device.port and bool(board.port), True)
    return [label(device, port=port) for wanted, port in places if wanted]


@frozen(kw_only=True)
class Placed:
    """A device at its place: where a guest finds it, and what QEMU is given for that."""

    label: str
    driver: str
    #: PCI bus number; 0 is the root bus, None that it is on the board's own bus, in *place*.
    bus: int | None
    slot: int
    arguments: tuple[str, ...]
    place: str = ""
    #: Whether it stands on something of the host's: what QEMU refuses then says nothing of QEMU.
    on_host: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """Return its options as QEMU names them before a complaint."""
        pairs = zip(self.arguments[::2], self.arguments[1::2], strict=True)
        return tuple(f"{flag} {value}:" for flag, value in pairs)


@frozen(kw_only=True)
class RootPort:
    """A port on the root bus, and the number of the bus that is to be behind it."""

    slot: int
    function: int
    bus: int
    arguments: tuple[str, ...]


@frozen(kw_only=True)
class PlacedStart:
    """One start of QEMU: all that fits onto its buses."""

    ports: tuple[RootPort, ...]
    devices: tuple[Placed, ...]

    def arguments(self, without: Collection[Placed] = ()) -> list[str]:
        """Return what QEMU is started with, but for the devices in *without*."""
        words = [word for port in self.ports for word in port.arguments]
        placed = (device for device in self.devices if device not in without)
        return [*words, *(word for device in placed for word in device.arguments)]


def starts(
    board: GuestBoard, devices: Sequence[GuestDevice], numbers: Mapping[str, int]
) -> Iterator[PlacedStart]:
    """Yield the starts that show all *devices* on *board*.

    *numbers* gives each label a number of its own, which names what belongs to the device.
    """
    on_root = [device for device in devices if device.on == "pci" and device.root and board.bus]
    room = _LAST_SLOT - _FIRST_SLOT + 1
    for first in range(0, len(on_root), room):
        placed = [
            _placed(board, device, numbers, bus=0, slot=_FIRST_SLOT + index)
            for index, device in enumerate(on_root[first : first + room])
        ]
        yield PlacedStart(ports=(), devices=tuple(placed))
    room = _CHANNELS if board.mmio is None else board.mmio.count
    on_board = [device for device in devices if device.on != "pci" and labels_of(board, device)]
    for first in range(0, len(on_board), room):
        placed = [
            _placed(board, device, numbers, bus=None, slot=slot)
            for slot, device in enumerate(on_board[first : first + room])
        ]
        yield PlacedStart(ports=(), devices=tuple(placed))
    behind = [device for device in devices if device.port and board.port]
    if behind:
        ports = [_port(board, index) for index in range(len(behind))]
        plugged = (
            _placed(board, device, numbers, bus=port.bus, slot=0)
            for port, device in zip(ports, behind, strict=True)
        )
        yield PlacedStart(ports=tuple(ports), devices=tuple(plugged))


def numbers(devices: Sequence[GuestDevice]) -> dict[str, int]:
    """Return a number for every device by its label, the same whichever of them are left out."""
    return {label(device): index for index, device in enumerate(devices)}


def _port(board: GuestBoard, index: int) -> RootPort:
    slot, function = _FIRST_SLOT + index // _FUNCTIONS, index % _FUNCTIONS
    bus = index + 1
    option = f"{board.port},id=port{bus},chassis={bus},bus={board.bus}"
    place = f"addr={slot:#x}.{function:#x},multifunction=on"
    return RootPort(
        slot=slot, function=function, bus=bus, arguments=("-device", f"{option},{place}")
    )


def _placed(
    board: GuestBoard,
    device: GuestDevice,
    numbers: Mapping[str, int],
    *,
    bus: int | None,
    slot: int,
) -> Placed:
    own = f"d{numbers[label(device)]}"
    where = f"bus=port{bus}" if bus else f"bus={board.bus},addr={slot:#x}"
    place = ""
    if bus is None and board.mmio is not None:
        place = board.mmio.name_of(slot)
        where = f"bus={place}"
    elif bus is None:
        place = channel_device(slot + 1)
        where = f"devno={place}"
    option = ",".join(filter(None, (device.driver, where, device.options)))
    words = (*device.needs, "-device", option)
    return Placed(
        label=label(device, port=bool(bus)),
        driver=device.driver,
        bus=bus,
        slot=slot,
        arguments=tuple(word.replace("{id}", own) for word in words),
        place=place,
        on_host=bool(device.node),
    )
