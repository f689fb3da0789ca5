"""Where libvirt's domain XML says what a platform sets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from platform_abi.model.value import field, frozen

#: One step of a path: the name of an element, and an attribute that tells it from its likes.
_STEP = re.compile(r"([a-z_-]+)(?:\[([a-z_]+)=([a-z_-]+)\])?")


@frozen(kw_only=True)
class Step:
    """An element on the way: its name, and the attributes by which it is that one."""

    name: str
    by: tuple[tuple[str, str], ...] = ()


@frozen(kw_only=True)
class NativePlace:
    """An attribute of libvirt's own that gives properties a value.

    *path* leads to its element, from the device's own where *element* names one (a child of
    ``devices``), else from ``domain``: names with slashes between them, and ``[attribute=value]``
    where several bear one. *values* are what libvirt calls each value that it can say; without any,
    each is written as it is, but those in *never*. *also* are attributes that its element needs
    besides. *since* is the first libvirt that has it, where not every one.
    """

    properties: tuple[str, ...]
    path: str
    attribute: str
    source: str
    element: str = ""
    values: Mapping[str, str] = field(factory=dict)
    never: tuple[str, ...] = ()
    also: Mapping[str, str] = field(factory=dict)
    since: str = ""

    def steps(self) -> tuple[Step, ...]:
        """Return the elements that its path leads through."""
        return steps(self.path)

    def value(self, value: str) -> str | None:
        """Return what libvirt calls *value*; None: it cannot say that here."""
        if self.values:
            return self.values.get(value)
        return None if value in self.never else value


@frozen(kw_only=True)
class NewElement:
    """How an element is made that is not there: behind which others, and with what attributes."""

    after: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class LibvirtTable:
    """Everything in ``definitions/libvirt/``.

    What is in no *native* place stands in ``qemu:override`` of its device, or, if it is the
    CPU's or the board's, in ``qemu:commandline``. *whole* says of which drivers a device cannot
    have an alias of its own without its guest noticing, and why: theirs stands in
    ``qemu:commandline`` as well. *lost* are properties that no libvirt can be told, and why.
    """

    #: The libvirt that is written for where nobody names one: the oldest that is known.
    oldest: str = ""
    #: What a domain's type is whose guest runs in QEMU.
    types: tuple[str, ...] = ()
    #: The namespace of what it hands to QEMU as it is.
    namespace: str = ""
    native: tuple[NativePlace, ...] = ()
    new: Mapping[str, NewElement] = field(factory=dict)
    whole: Mapping[str, str] = field(factory=dict)
    lost: Mapping[str, str] = field(factory=dict)

    def places(
        self, drivers: Collection[str], name: str, element: str, version: str
    ) -> Iterator[NativePlace]:
        """Yield where libvirt *version* can say property *name* of a device's *element*.

        *drivers* are the types that the device is of; without an element it is the board or CPU.
        """
        names = {f"{driver}.{name}" for driver in drivers}
        for place in self.native:
            of = place.element == element and not names.isdisjoint(place.properties)
            if of and not _newer(place, version):
                yield place


def _newer(place: NativePlace, version: str) -> bool:
    return bool(place.since) and numbers(place.since) > numbers(version)


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a libvirt *version*; raises ValueError for what is none."""
    return tuple(int(part) for part in version.split("."))


def steps(path: str) -> tuple[Step, ...]:
    """Return the elements that *path* leads through; raises ValueError for what is no path."""
    made = []
    for text in path.split("/"):
        matched = _STEP.fullmatch(text)
        if matched is None:
            message = f"not the name of an element: {text!r}"
            raise ValueError(message)
        name, attribute, value = matched.groups()
        made.append(Step(name=name, by=((attribute, value),) if attribute else ()))
    return tuple(made)
