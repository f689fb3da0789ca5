"""The devices of a domain as QEMU's options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from platform_abi.model.domain import DomainDevice, DomainTable
from platform_abi.model.option_language import join_options
from platform_abi.model.value import define, field
from platform_abi.model.xml_tree import Element
from platform_abi.source.domain_behind import Behind
from platform_abi.source.domain_places import FLOPPY, SCSI, USB, Places, number_of
from platform_abi.source.domain_tree import DomainTree
from platform_abi.source.reading import Unread

#: In a driver's name, what a path says, perhaps without what it begins with.
_PLACE = re.compile(r"\{(?P<path>[^{}#]+)(?:#(?P<without>[^{}]+))?\}")

#: What libvirt calls the address of a device that is not plugged into anything.
_UNASSIGNED = "unassigned"

#: The parts of the address of a disk, in the order in which they name it.
_DRIVE = ("controller", "bus", "target", "unit")

#: Which kind of device is meant by an element, and by what <os> says to boot from.
_BOOTED = {"interface": "network"}
_BOOTS = {"disk": "hd", "lun": "hd", "floppy": "fd"}

#: What every device may say of itself.
_EVERY = {
    "romfile": "rom/@file",
    "acpi-index": "acpi/@index",
    "loadparm": "boot/@loadparm",
}

#: What a device that a board has by itself may be called, and where it is among its like.
_NAMES = ("@index", "@type", "alias/@name", "model/@name", "target/@index")


@define(kw_only=True, eq=False, repr=False)
class Devices:
    """The devices of a domain, one after the other.

    *unplaced* are, after all of them, those of which nobody says where they are.
    """

    tree: DomainTree
    table: DomainTable
    places: Places
    behind: Behind
    machine: str
    arch: str
    unplaced: list[Unread] = field(factory=list)
    #: Where the element of each device begins, by what the device is called.
    elements: dict[str, int] = field(factory=dict)
    _rules: dict[str, list[DomainDevice]] = field(factory=dict)
    _numbers: Counter[str] = field(factory=Counter)
    _boots: dict[str, str] = field(factory=dict)
    _floppy: list[tuple[str, str]] = field(factory=list)

    def words(self) -> Iterator[str]:
        """Yield QEMU's words for every device, controllers before what is plugged into them."""
        devices = self.tree.find(self.tree.root, "devices")
        every = () if devices is None else devices.children
        above = {rule.element for rule in self.table.device if rule.above}
        every = (*(each for each in self.tree.root.children if each.name in above), *every)
        os = self.tree.find(self.tree.root, "os")
        for number, boot in enumerate(() if os is None else os.named("boot"), start=1):
            self._boots.setdefault(self.tree.get(boot, "@dev") or "", str(number))
            self.tree.mark(boot)
        for element in every:
            if element.name == "controller":
                own = any(self._is(element, inside) for inside in self.table.inside)
                self.places.know(element, of_board=own)
        usb = {rule.element for rule in self.table.device if rule.place == USB}
        self.places.count_ports(each for each in every if each.name in usb and self._plugged(each))
        ordered = sorted(every, key=lambda each: each.name != "controller")
        words = [word for element in ordered for word in self._one(element)]
        yield from self._floppies(any(self._bus_of(each) == FLOPPY for each in every))
        yield from words
        for element in self.behind.unsure:
            self._note(element, "source/@startupPolicy", "its image may be away when it is started")

    def _plugged(self, element: Element) -> bool:
        """Return whether *element* is plugged into a controller of USB's."""
        rule = self._rule(element)
        own = any(self._is(element, inside) for inside in self.table.inside)
        return rule is not None and rule.place == USB and not own

    def _rule(self, element: Element) -> DomainDevice | None:
        """Return the first rule that *element* fits, None: it is unknown."""
        if not self._rules:
            for rule in self.table.device:
                self._rules.setdefault(rule.element, []).append(rule)
        rules = self._rules.get(element.name, [])
        return next((rule for rule in rules if self._fits(element, rule)), None)

    def _one(self, element: Element) -> Iterator[str]:
        tree = self.tree
        unassigned = tree.peek(element, "address/@type") == _UNASSIGNED
        if unassigned:
            tree.take_whole(element)
            return
        if any(self._take_inside(element, inside) for inside in self.table.inside):
            return
        rule = self._rule(element)
        if rule is None:
            return
        tree.mark(element)
        for path in (*rule.when, *rule.unseen):
            tree.get(element, path)
        alias = self._alias(element, rule)
        if not rule.driver:  # a view of another device, or one that is the board's own
            yield from (f"-{rule.option}", f"chardev:char{alias}") if rule.option else ()
            return
        self.elements[alias] = element.start
        pairs = [*self._properties(element, rule)]
        yield from self.behind.words(element, rule, alias, pairs)
        if rule.companion:
            pairs.append((rule.companion, f"{self.places.called(element, 0, first=True)}.0"))
        where = self.places.of(element, rule.place)
        if where is None:
            self._note(
                element,
                alias,
                "says no address, and libvirt chooses one when the domain is defined",
            )
        driver = self._driver(element, rule)
        yield from self._zpci(element, alias)
        yield from ("-device", join_options(driver, (("id", alias), *pairs, *(where or ()))))
        yield from self._codecs(element, rule, alias)

    def _is(self, element: Element, inside: Mapping[str, str]) -> bool:
        """Return whether a board has *element* by itself."""
        when = {
            path: wanted for path, wanted in inside.items() if path not in ("element", "machine")
        }
        board = fnmatchcase(self.machine, inside.get("machine", "*"))
        return board and inside.get("element") == element.name and self.tree.fits(element, when)

    def _fits(self, element: Element, rule: DomainDevice) -> bool:
        board = not rule.machines or any(fnmatchcase(self.machine, m) for m in rule.machines)
        there = not rule.arches or self.arch in rule.arches
        return board and there and self.tree.fits(element, rule.when)

    def _take_inside(self, element: Element, inside: Mapping[str, str]) -> bool:
        """Read of a device that a board has by itself what says that it is that one."""
        if not self._is(element, inside):
            return False
        self.tree.mark(element)
        for path in (*inside, *_NAMES):
            self.tree.get(element, path)
        address = self.tree.find(element, "address")
        if address is not None:
            self.tree.take_whole(address)
        return True

    def _note(self, element: Element, what: str, reason: str) -> None:
        where = f"devices/{element.name} {what}" if "/" not in what else f"devices/disk/{what}"
        self.unplaced.append(Unread(what=where, place=f"line {element.line}", reason=reason))

    def _zpci(self, element: Element, alias: str) -> Iterator[str]:
        """Yield what gives a device of PCI its number on s390x, where an address says that."""
        uid = self.tree.get(element, "address/zpci/@uid")
        fid = self.tree.get(element, "address/zpci/@fid")
        if uid is not None and fid is not None:
            number = str(number_of(uid))
            pairs = (("uid", number), ("fid", str(number_of(fid))), ("target", alias))
            yield from ("-device", join_options("zpci", (*pairs, ("id", f"zpci{number}"))))

    def _alias(self, element: Element, rule: DomainDevice) -> str:
        tree = self.tree
        tree.get(element, "@index")
        kind = rule.alias or element.name
        number = self._numbers[kind]
        self._numbers[kind] += 1
        named = tree.get(element, "alias/@name")
        if named:
            return named
        if element.name == "controller":
            return self.places.called(element, number)
        if element.name == "disk" and not rule.alias:
            bus = tree.peek(element, "target/@bus")
            parts = _DRIVE if bus == SCSI else [part for part in _DRIVE if part != "target"]
            return bus + "-".join(tree.peek(element, f"address/@{part}") or "0" for part in parts)
        slot = tree.peek(element, "address/@slot") or str(number)
        return rule.alias.replace("{n}", str(number)).replace("{slot}", slot)

    def _driver(self, element: Element, rule: DomainDevice) -> str:
        def said(match: re.Match[str]) -> str:
            text = self.tree.get(element, match["path"]) or ""
            return text.removeprefix(match["without"] or "")

        name = _PLACE.sub(said, rule.driver)
        if not rule.virtio or rule.whole:
            return name
        kind = self.tree.peek(element, "address/@type") or rule.place
        model = self.tree.get(element, "@model") or self.tree.get(element, "model/@type") or ""
        ending = next((g for g in sorted(self.table.generation) if model.endswith(g)), "")
        return f"{name}{self.table.transport.get(kind, '')}{ending}"

    def _properties(self, element: Element, rule: DomainDevice) -> Iterator[tuple[str, str]]:
        tree = self.tree
        paths = {**(self.table.virtio if rule.virtio else {}), **rule.properties}
        said = set()
        for name, path in paths.items():
            text = tree.told(element, path, rule.values.get(name, {}))
            if text is not None:
                said.add(name)
            if text:
                yield name, text
        yield from ((name, value) for name, value in rule.fixed.items() if name not in said)
        order = tree.get(element, "boot/@order") or self._boot(element)
        if order is not None and self._bus_of(element) != FLOPPY:
            yield "bootindex", order
        elif order is not None:
            letter = "AB"[tree.peek(element, "address/@unit") == "1"]
            self._floppy.append((f"{self.table.floppy}{letter}", order))
        if tree.get(element, "rom/@enabled") == "off":
            yield "romfile", ""
        shown = tree.get(element, "rom/@bar")
        if shown is not None:
            yield "rombar", str(int(shown == "on"))
        for name, path in _EVERY.items():
            text = tree.get(element, path)
            if text is not None:
                yield name, text

    def _bus_of(self, element: Element) -> str:
        return self.tree.peek(element, "target/@bus") if element.name == "disk" else ""

    def _boot(self, element: Element) -> str | None:
        """Return which of all *element* is booted from: the first of its kind that <os> lists."""
        if element.name not in ("disk", "interface"):
            return None
        kind = _BOOTED.get(element.name) or self.tree.peek(element, "@device") or "disk"
        return self._boots.pop(_BOOTS.get(kind, kind), None)

    def _floppies(self, there: bool) -> Iterator[str]:
        """Yield the controller of floppy disks where it is plugged in, or what it is told."""
        driver, _, _ = self.table.floppy.partition(".")
        plugged = any(fnmatchcase(self.machine, m) for m in self.table.floppy_plugged)
        if there and plugged:
            told = ((key.rpartition(".")[2], order) for key, order in self._floppy)
            yield from ("-device", join_options(driver, tuple(told)))
            return
        for key, order in self._floppy:
            yield from ("-global", f"{key}={order}")

    def _codecs(self, element: Element, rule: DomainDevice, alias: str) -> Iterator[str]:
        """Yield the codecs of a sound card, which are devices of their own."""
        codecs = [*element.named("codec")]
        kinds = [self.tree.get(codec, "@type") or "" for codec in codecs]
        for codec, kind in zip(codecs, kinds, strict=True):
            self.tree.mark(codec)
            if kind not in self.table.codecs:
                self.tree.unmark(codec, "type")
        for number, kind in enumerate(kinds or filter(None, [rule.codec])):
            driver = self.table.codecs.get(kind)
            where = (("id", f"{alias}-codec{number}"), ("bus", f"{alias}.0"), ("cad", str(number)))
            if driver is not None:
                yield from ("-device", join_options(driver, where))
