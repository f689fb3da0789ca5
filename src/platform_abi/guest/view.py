"""What a guest would find in a machine, as values that can be compared, stored and printed.

A view is made of facts: what is asked about, and the answer as text. Nothing of the host that
looked is in it, nor of the binary: two views are equal where two guests would find the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platform_abi.model.digest import canonical_digest
from platform_abi.model.value import field, frozen

#: What was found, by what was looked at: ``{"identity": "1af4:1041", "rom": "256K"}``.
Facts = Mapping[str, str]

#: The one fact of a device that this QEMU does not have, or does not start with: its words.
REFUSED = "refused"

#: What is said of a device whose driver a QEMU does not have: it was built without it, or a module
#: is not installed. A machine with such a device does not start, so no guest finds another one.
NO_DRIVER: Facts = MappingProxyType({REFUSED: "no such driver"})

#: How facts begin of virtio's legacy interface.
LEGACY = "legacy-"

#: How a label begins of what a board itself has; its place on the root bus follows.
BOARD = "board "


@frozen(kw_only=True)
class GuestView:
    """What a guest would find in one machine type.

    *devices* are the functions on its PCI buses, and what is on buses of the board itself, by
    label: a driver's name, with what it is plugged into or stands in front of where there is more
    than one of it (``virtio-net-pci behind port``), or ``board 1f.3`` for what the board itself has
    there. *cpus* are CPU models by name. *unseen* says of devices and models that could not be
    looked at why; it is no part of the content.
    """

    machine: str
    arch: str
    devices: Mapping[str, Facts] = field(factory=dict)
    cpus: Mapping[str, Facts] = field(factory=dict)
    unseen: Mapping[str, str] = field(factory=dict, eq=False)

    @property
    def digest(self) -> str:
        """Return what names the content: equal for two guests that find the same."""
        return canonical_digest([self.arch, self.machine, self.devices, self.cpus])


@frozen(kw_only=True)
class BinaryView:
    """What guests of several machine types of one QEMU binary would find.

    *version* and *package* are what the binary says of itself.
    """

    version: str
    arch: str
    package: str = ""
    #: By machine type; no alias is among them.
    machines: Mapping[str, GuestView] = field(factory=dict)
