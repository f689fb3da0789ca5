"""Strategies of devices that a machine type takes, with properties that its build has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hypothesis import strategies as st

from platform_abi.guest.placing import labels_of
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.driver import DriverProperty
from platform_abi.model.guest import GuestDevice
from platform_abi.model.memo import remembered
from platform_abi.model.option_language import split_options
from platform_abi.model.value import frozen
from platform_abi.model.vm import Properties
from platform_abi.testing.shipped.machine import DrawnMachine, one_of, packaged

#: What a property takes of each type of QEMU's that is a choice among a few words.
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "bool": ("on", "off"),
    "OnOffAuto": ("auto", "on", "off"),
}

#: Types of which a property's own default is the one value that every device surely takes.
_NUMBERS: Final = frozenset({"int32", "uint8", "uint16", "uint32", "uint64", "size"})

#: What the names begin with of properties that QEMU promises nobody.
_UNSTABLE: Final = "x-"


@frozen(kw_only=True)
class DrawnDevice:
    """A device, what has to stand before it, and properties that somebody gave it.

    *needs* and *options* are what it cannot be without; ``{id}`` in their words stands for a name.
    """

    driver: str
    properties: Properties = ()
    options: str = ""
    needs: tuple[str, ...] = ()

    def words(self, number: int) -> tuple[str, ...]:
        """Return its words as device *number* of a command line, which the names are made of."""
        given = [f"{name}={value}" for name, value in self.properties]
        head = [self.driver, f"id=device{number}", self.options, *given]
        option = ",".join(filter(None, head))
        words = (*self.needs, "-device", option)
        return tuple(word.replace("{id}", f"behind{number}") for word in words)


@st.composite
def devices(
    draw: st.DrawFn, machine: DrawnMachine, catalogue: Catalogue | None = None, *, most: int = 2
) -> DrawnDevice:
    """Draw a device of ``fitting`` with up to *most* properties, each with a value it can have.

    Shrinks to the first of them without a property.
    """
    known = packaged() if catalogue is None else catalogue
    device = draw(one_of(fitting(known, machine)))
    able = _settable(known, machine.build, machine.arch, device.driver)
    words = ",".join(filter(None, (device.driver, device.options)))
    taken = {name for name, _ in split_options(words, "driver")}
    names = [name for name in able if name not in taken]
    given = draw(st.lists(one_of(names), unique=True, max_size=most)) if names else []
    return DrawnDevice(
        driver=device.driver,
        properties=tuple((name, draw(one_of(able[name]))) for name in sorted(given)),
        options=device.options,
        needs=device.needs,
    )


def fitting(catalogue: Catalogue, machine: DrawnMachine) -> tuple[GuestDevice, ...]:
    """Return the devices that can be put into *machine*: on its buses, of drivers of its build.

    They are those that ``audit-qemu`` looks at; none on a board of which nobody knows the buses.
    """
    looked_at = catalogue.guest_devices(machine.arch)
    board = looked_at.board_of(machine.name) if looked_at else None
    if looked_at is None or board is None:
        return ()
    own = catalogue.types(machine.build, machine.arch)
    others = (catalogue.types(name, machine.arch) for name in catalogue.builds(machine.arch))
    # Of a build that nobody asked it is only known what others of its architecture have.
    tables = [own] if own else [*others]
    return tuple(
        device
        for device in looked_at.device
        if any(types.canonical(device.driver) in types for types in tables)
        and (not device.boards or board.family in device.boards)
        and labels_of(board, device)
    )


@remembered()
def _settable(
    catalogue: Catalogue, build: str, arch: str, driver: str
) -> Mapping[str, tuple[str, ...]]:
    """Return the properties of *driver* that can be drawn, each with its values."""
    known = catalogue.driver_properties(build, arch, driver)
    return {
        name: values
        for name, each in known.items()
        if not name.startswith(_UNSTABLE) and (values := values_of(each))
    }


def values_of(known: DriverProperty) -> tuple[str, ...]:
    """Return values that a property surely takes; none where its type does not tell any."""
    if known.type in _CHOICES:
        return _CHOICES[known.type]
    if known.type in _NUMBERS and known.default is not None:
        return (known.default,)
    return ()
