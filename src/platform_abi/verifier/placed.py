"""Whether devices that QEMU gave their places have them in the order that the lockfile says."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.compat.finding import Finding
from platform_abi.guest.buses import place_of
from platform_abi.verifier.expected import ADDRESS, BUS
from platform_abi.verifier.verification import Sides


def places(sides: Sides) -> Iterator[Finding]:
    """Yield each PCI device that stands before one that comes earlier in the lockfile.

    QEMU gives each the first slot that is free, in the order of the command line (hw/pci/pci.c,
    do_pci_register_device), so that on one bus their places rise. What the board brings, and
    ``-nic``, has been there before.
    """
    highest: dict[str, tuple[int, str]] = {}
    for label, device in sides.abi.vm.labelled():
        thing = sides.expected.located.found.get(label)
        if thing is None or thing.place == "unattached" or ADDRESS in dict(device.properties):
            continue
        bus, place = thing.properties.get(BUS, ""), thing.properties.get(ADDRESS, "")
        if not bus or not place.isdecimal():
            continue
        before, other = highest.get(bus, (-1, ""))
        if int(place) > before:
            highest[bus] = int(place), label
            continue
        yield Finding(
            code="device-place",
            severity="drift",
            message=f"{label} is in slot {place_of((int(place),))}, before {other} in slot "
            f"{place_of((before,))}, and by the lockfile it comes after it",
            help="start it with its devices in the order of the lockfile",
            device=label,
            driver=thing.driver,
            property=ADDRESS,
            found=place_of((int(place),)),
            seen="guest",
        )
