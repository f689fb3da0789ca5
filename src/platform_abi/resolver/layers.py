"""QEMU's precedence: the order in which everything is written that sets a property of a device.

QEMU has no table of layers: it writes one value over another, and whoever writes last has the last
word. An object gets its built-in defaults when it is made (qom/object.c,
object_initialize_with_type). When its own part is done, compat properties of the accelerator and
then of the machine type are written, then ``-global`` (hw/core/qdev.c, device_post_init), each list
in its order, and each entry wherever the object is of the entry's type (qom/object.c,
object_apply_global_props). What ``-device`` says comes last (qdev_device_add).

A device with another inside makes that one first, with all of that but the last, and shows its
properties as its own (hw/virtio/virtio-pci.c, virtio_instance_init_common). So whatever is written
on the outer device, a compat property too, beats even a ``-global`` on the inner one.

A platform is written as ``-global`` before the user's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from platform_abi.model.abi import Layer, Setting
from platform_abi.model.memo import MEMO_LIMIT, remembered_of_same
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.machine import MachineType, TypeTable
    from platform_abi.model.realize import BoardValue

#: Layers of settings that no argument is added for: QEMU's own constants, and what the user's
#: ``-device`` says anyway.
UNWRITTEN: frozenset[Layer] = frozenset({"default", "device"})


class Statement(Protocol):
    """Something that gives a property of every object of a type a value."""

    @property
    def driver(self) -> str:
        """Return the type."""
        ...

    @property
    def property(self) -> str:
        """Return the name of the property."""
        ...


S = TypeVar("S", bound=Statement)


@frozen(kw_only=True)
class DeviceTypes:
    """The QOM types that a device is of, and those of the device inside of it, if there is one."""

    outer: frozenset[str]
    inner: frozenset[str] = frozenset()

    @property
    def every(self) -> frozenset[str]:
        """Return the types that a statement can name to reach the device."""
        return self.outer | self.inner


def device_types(types: TypeTable, driver: str, inner: str = "") -> DeviceTypes:
    """Return the types of a device of *driver* with one of *inner* in it, if that is another."""
    return DeviceTypes(
        outer=frozenset((driver, *types.ancestry(driver))),
        inner=frozenset((inner, *types.ancestry(inner)))
        if inner not in ("", driver)
        else frozenset(),
    )


def inner_types(catalogue: Catalogue, types: TypeTable) -> dict[str, str]:
    """Return the types that have a device inside and pass its properties on, with its type."""
    inside = {
        proxy: family.driver
        for family in catalogue.devices().families
        for proxy in family.proxies
        if not types.is_a(proxy, family.driver)
    }
    for entry in catalogue.inner_types():
        if entry.type in types:
            for driver in entry.drivers:
                inside.setdefault(driver, entry.type)
    return inside


def inner_device(types: TypeTable, inside: dict[str, str], driver: str) -> str:
    """Return the type of the device inside of one of *driver*, nothing where it has none.

    *inside* is what ``inner_types`` gives; a type has inside what its nearest parent has.
    """
    return next((inside[step] for step in types.ancestry(driver) if step in inside), "")


def in_order(device: DeviceTypes, *layers: Sequence[S]) -> Iterator[tuple[S, bool]]:
    """Yield what reaches a device in the order in which QEMU writes it: the last word counts.

    *layers* are those between the built-in defaults and what ``-device`` says, lowest first, each
    in its own order. Beside each statement stands whether it is the outer device that it is
    written on; one for a type of both is written twice. It has an effect where that device has the
    property: the outer one has what the inner one has, not the other way round.
    """
    for types, outer in ((device.inner, False), (device.outer, True)):
        for layer in layers:
            for statement in layer:
                if statement.driver in types:
                    yield statement, outer


def compat_of(machine: MachineType, name: str | None = None) -> Sequence[Setting]:
    """Return the compat properties of *machine* as settings: all, or those called *name*."""
    every = _compat_of(machine)
    return every if name is None else [entry for entry in every if entry.property == name]


@remembered_of_same(MEMO_LIMIT)
def _compat_of(machine: MachineType) -> tuple[Setting, ...]:
    return tuple(
        [
            Setting(
                driver=entry.driver,
                property=entry.property,
                value=entry.value,
                layer="machine",
                source=machine.source,
            )
            for entry in machine.compat
        ]
    )


def board_settings(entry: BoardValue) -> Iterator[Setting]:
    """Yield what a board sets by itself: after its compat properties, before any ``-global``."""
    for driver in entry.drivers:
        for name in entry.properties:
            yield Setting(
                driver=driver,
                property=name,
                value=entry.value,
                layer="machine",
                source=entry.source,
            )


def globals_of(settings: Iterable[Setting]) -> list[Setting]:
    """Return those of an ABI's settings that are written as ``-global``, the platform's first."""
    return [s for s in settings if s.device is None and s.layer not in UNWRITTEN]
