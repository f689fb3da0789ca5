"""Where the devices of a domain are: its controllers, and addresses on their buses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from platform_abi.model.value import define, field
from platform_abi.model.xml_tree import Element
from platform_abi.source.domain_tree import DomainTree

#: What an address says, by its attributes.
Said = Mapping[str, str]

Pairs = Iterator[tuple[str, str]]

#: Buses of disks that a board has, and of others.
_DRIVE = "drive"
IDE, FLOPPY, SCSI, SATA, USB, PCI = "ide", "fdc", "scsi", "sata", "usb", "pci"

#: The model of a SCSI controller whose disks have no more than a number.
_WITHOUT_LUNS = "lsilogic"

#: How many ports every controller of USB's has: a PIIX3's.
_FEWEST = 2


@define(kw_only=True, eq=False, repr=False)
class Places:
    """The controllers of a domain by what libvirt calls them, and the ports that are taken."""

    tree: DomainTree
    #: Kinds of address that have to be read or say nothing.
    transports: Container[str] = ()
    _controllers: dict[tuple[str, str], tuple[str, Element]] = field(factory=dict)
    _boards: set[str] = field(factory=set)
    _free_ports: bool = True
    _ports: Counter[str] = field(factory=Counter)

    def know(self, element: Element, *, of_board: bool) -> None:
        """Note what a controller is called, for those that are plugged into it, and whose it is.

        That is as in qemuAssignDeviceControllerAlias (src/qemu/qemu_alias.c of libvirt 9.0): the
        first of USB's and of a board's own IDE has no number, and PCI's are called as their bus.
        """
        kind, index = self.tree.peek(element, "@type"), self.tree.peek(element, "@index") or "0"
        name = self.tree.peek(element, "alias/@name")
        if kind == PCI and of_board:
            name = ""  # the board's own is called what QEMU calls it
        if not name and kind == PCI:
            express = self.tree.peek(element, "@model") == "pcie-root"
            name = f"{'pcie' if express else PCI}.{index}"
        elif not name:
            name = kind if index == "0" and kind in (USB, IDE) else f"{kind}{index}"
        # Companions of an EHCI controller have its number; what is plugged is plugged into that.
        self._controllers.setdefault((kind, index), (name, element))
        if of_board:
            self._boards.add(name)

    def count_ports(self, elements: Iterable[Element]) -> None:
        """Note whether it is known where libvirt plugs *elements* of USB's that say nothing of it.

        It puts hubs first, and adds one where ports run out: only so few are known that every
        controller has ports for them, where none says more.
        """
        hubs, said = 0, []
        for each in elements:
            hubs += each.name == "hub"
            said.append(self.tree.peek(each, "address/@port"))
        self._free_ports = not any(said) and not hubs and len(said) <= _FEWEST

    def called(self, element: Element, number: int, *, first: bool = False) -> str:
        """Return what the controller *element* is called, the *number*-th of its kind.

        With *first* that is what the controller is called of which it is a companion.
        """
        kind, index = self.tree.peek(element, "@type"), self.tree.peek(element, "@index") or "0"
        name, leading = self._controllers[kind, index]
        return name if first or leading is element else f"{name}-{number}"

    def _bus(self, kind: str, index: str) -> str:
        number = str(number_of(index))
        usual = kind if kind == USB and number == "0" else f"{kind}{number}"
        return self._controllers.get((kind, number), (usual, None))[0]

    def of(self, element: Element, kind: str) -> Pairs | None:
        """Return the properties of where *element* is, None where nobody says.

        *kind* is what address it has to have where it says none. A USB device without one has the
        next free port, as libvirt gives it (virDomainUSBAddressAssign).
        """
        address = self.tree.find(element, "address")
        keys = () if address is None else address.attributes
        said = {key: self.tree.get(element, f"address/@{key}") or "" for key in keys}
        told = said.get("type", "")
        if not told and kind == _DRIVE:
            return None
        if not told and kind == PCI:
            return None
        if told == _DRIVE:
            return self._drive(element, said)
        if not told and kind == USB:
            told = USB
        if told == USB and not said.get("port") and not self._free_ports:
            return None
        read = self._readers.get(told)
        # Into the other transports QEMU itself plugs a device, where the next place is free.
        if read is None and told and told not in self.transports:
            self.tree.unread_again(element, "address/@type")
        return iter(()) if read is None else read(said, element)

    @property
    def _readers(self) -> Mapping[str, Callable[[Said, Element], Pairs]]:
        """Return what reads which kind of address; those of others are unread."""
        return {
            PCI: self._pci,
            USB: self._usb,
            "virtio-serial": self._port,
            "ccid": self._card,
            "ccw": self._ccw,
            "isa": self._isa,
            "spapr-vio": self._vio,
            "dimm": self._dimm,
        }

    def _pci(self, said: Said, _: Element) -> Pairs:
        bus = str(number_of(said.get("bus", "0")))
        slot, function = (number_of(said.get(key, "0")) for key in ("slot", "function"))
        name, controller = self._controllers.get((PCI, bus), (f"{PCI}.{bus}", None))
        root = "" if controller is None else self.tree.peek(controller, "@model")
        # A host bridge that is plugged in, of pseries, has its bus below its own name.
        yield "bus", f"{name}.0" if root == "pci-root" and bus != "0" else name
        if said.get("multifunction"):
            yield "multifunction", said["multifunction"]
        yield "addr", f"{slot:#x}.{function:#x}" if function else f"{slot:#x}"

    def _usb(self, said: Said, _: Element) -> Pairs:
        bus = said.get("bus", "0")
        self._ports[bus] += 1
        yield "bus", f"{self._bus(USB, bus)}.0"
        yield "port", said.get("port") or str(self._ports[bus])

    def _port(self, said: Said, _: Element) -> Pairs:
        name = self._bus(said["type"], said.get("controller", "0"))
        yield from (("bus", f"{name}.{said.get('bus', '0')}"), ("nr", said.get("port", "0")))

    def _card(self, said: Said, _: Element) -> Pairs:
        yield "bus", f"{self._bus('ccid', said.get('controller', '0'))}.0"

    def _ccw(self, said: Said, _: Element) -> Pairs:
        cssid, number = (number_of(said.get(key, "0")) for key in ("cssid", "devno"))
        yield "devno", f"{cssid:x}.{number_of(said.get('ssid', '0')):x}.{number:04x}"

    def _isa(self, said: Said, element: Element) -> Pairs:
        for key in ("iobase", "irq"):
            if said.get(key):
                called = "ioport" if key == "iobase" and element.name == "panic" else key
                yield called, str(number_of(said[key]))

    def _vio(self, said: Said, _: Element) -> Pairs:
        yield "reg", str(number_of(said.get("reg", "0")))

    def _dimm(self, said: Said, _: Element) -> Pairs:
        for key, called in (("slot", "slot"), ("base", "addr")):
            if said.get(key):
                yield called, str(number_of(said[key]))

    def _drive(self, element: Element, said: Said) -> Pairs:
        bus = self.tree.peek(element, "target/@bus") or SCSI
        number, unit = said.get("controller", "0"), said.get("unit", "0")
        if bus == SCSI:
            yield from self._scsi(element, said)
        elif bus == IDE:
            yield from (("bus", f"{IDE}.{said.get('bus', '0')}"), ("unit", unit))
        elif bus == SATA:
            # The board's own controller is the first one, and has a bus for each port.
            own = self._bus(SATA, number)
            yield "bus", f"{IDE if own in self._boards else own}.{unit}"
        else:
            yield "unit", unit

    def _scsi(self, element: Element, said: Said) -> Pairs:
        number, unit = said.get("controller", "0"), said.get("unit", "0")
        name, controller = self._controllers.get((SCSI, number), (f"{SCSI}{number}", None))
        yield "bus", f"{name}.0"
        model = "" if controller is None else self.tree.peek(controller, "@model")
        channel = said.get("bus", "0")
        if model == _WITHOUT_LUNS:
            yield "scsi-id", unit
            alias = f"{SCSI}{number}-{channel}-{unit}"
        else:
            target = said.get("target", "0")
            yield from (("channel", channel), ("scsi-id", target), ("lun", unit))
            alias = f"{SCSI}{number}-{channel}-{target}-{unit}"
        if element.name == "disk" and self.tree.peek(element, "@device") != "lun":
            yield "device_id", self.tree.peek(element, "serial") or f"drive-{alias}"


def number_of(text: str) -> int:
    """Return a number as libvirt writes it, decimal or of sixteen; 0 for what is none."""
    try:
        return int(text, 0)
    except ValueError:
        return 0
