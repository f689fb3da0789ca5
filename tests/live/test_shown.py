"""That properties show where definitions say, and nowhere else: on real devices.

Each property of a device is given another value; whatever the definitions then still tell of the
device, by the recorded view of one without that, has to be what a guest finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.guest.look import _View
from platform_abi.guest.placing import numbers, starts
from platform_abi.guest.recorded import recorded_machine
from platform_abi.guest.view import REFUSED
from platform_abi.model.abi import GuestAbi
from platform_abi.model.driver import DriverProperty
from platform_abi.model.guest import GuestDevice, label
from platform_abi.model.vm import Device, VirtualMachine

pytestmark = pytest.mark.live

ARCH, MACHINE = "x86_64", "pc-q35-9.1"
BUILD, VERSION = "qemu-11.1.3", "11.1"

#: Devices whose properties people set; each is started once with each value.
DRIVERS = (
    "virtio-net-pci", "virtio-blk-pci", "virtio-scsi-pci", "virtio-tablet-pci", "virtio-rng-pci",
    "virtio-serial-pci", "virtio-gpu-pci", "pcie-root-port", "e1000e", "qemu-xhci",
)  # fmt: skip

#: Values that are unlike any default; QEMU refuses some, which tells nothing.
SWITCHES, NUMBERS = ("on", "off"), ("2", "64", "1024")

#: What is given to be created at all, or names a place or another thing.
OTHERS = {"addr", "mac", "drive", "netdev", "sriov-pf", "multifunction", "failover_pair_id"}

#: So many fit on the root bus with one that has nothing set.
ROOM = 24


def _values(kind: str) -> tuple[str, ...]:
    if kind in ("bool", "OnOffAuto"):
        return SWITCHES
    return NUMBERS if kind.startswith(("uint", "int", "size")) else ()


def _variants(properties: dict[str, DriverProperty]) -> Iterator[tuple[str, str]]:
    for name, entry in properties.items():
        if name not in OTHERS and not name.startswith("x-"):
            yield from ((name, value) for value in _values(entry.type))


def _abi(entry: GuestDevice, own: str) -> GuestAbi:
    """Return what a virtual machine is that has the device of *entry* with *own*, and no more."""
    pairs = tuple(
        (key, value)
        for key, _, value in (word.partition("=") for word in f"{entry.options},{own}".split(","))
        if key
    )
    vm = VirtualMachine(
        machine=MACHINE,
        arch=ARCH,
        accelerator="tcg",
        devices=(Device(driver=entry.driver, id="it", properties=pairs),),
    )
    return GuestAbi(vm=vm, platform="", edition="", settings=(), preconditions=(), unpinned=())


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_is_still_told_is_what_a_guest_finds(
    qemu_binaries: dict[str, Path], catalogue: pa.FileCatalogue, driver: str
) -> None:
    """Of every property and a few values of each."""
    looked_at = catalogue.guest_devices(ARCH)
    assert looked_at is not None
    board = looked_at.board_of(MACHINE)
    assert board is not None
    entry = next(d for d in looked_at.device if d.driver == driver and not d.backend)
    known = dict(catalogue.driver_properties(BUILD, ARCH, driver))
    variants = [f"{name}={value}" for name, value in _variants(known)]
    if "chassis=" in entry.options:  # of which no machine may have two
        variants = [f"{own},chassis={n}" for n, own in enumerate(variants) if "chassis" not in own]
    tried, whole = 0, 0
    for first in range(0, len(variants), ROOM):
        devices = [
            evolve(entry, backend=own, options=f"{entry.options},{own}".lstrip(","), port=False)
            for own in variants[first : first + ROOM]
        ]
        view = _View(str(qemu_binaries[VERSION]), MACHINE, board, timeout=120)
        for start in starts(board, devices, numbers(devices)):
            view.look(start)
        for own, device in zip(variants[first:], devices, strict=False):
            found = view.devices[label(device)]
            if REFUSED in found:
                continue
            recorded = recorded_machine(catalogue, _abi(entry, own), BUILD)
            assert recorded is not None
            told = recorded.view.devices["it"]
            unlike = {
                fact: (told.facts.get(fact), found.get(fact))
                for fact in told.facts.keys() | found.keys()
                if told.tells(fact) and told.facts.get(fact) != found.get(fact)
            }
            assert not unlike, own
            tried += 1
            whole += "*" in told.untold
    # Else nothing would be told of anything, and all of it true.
    assert tried > len(variants) // 3
    assert whole < tried / 2
