"""Devices behind channels are found, told and driven by channel programs."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest.driver import DRIVER_OK, FEATURES_OK
from platform_abi.guest.instructions import Processor
from platform_abi.guest.pci_function import queue_sizes
from platform_abi.guest.virtio_ccw import Channels, channel_device
from platform_abi.qemu.qtest import Accesses
from tests.guest.mainframe import Device, Mainframe

devices = st.builds(
    Device,
    number=st.just(0),
    model=st.integers(1, 40),
    features=st.integers(0, (1 << 64) - 1),
    queues=st.lists(st.integers(1, 1024), max_size=40).map(tuple),
    config=st.binary(max_size=100),
    revision_max=st.integers(0, 3),
    pending=st.booleans(),
)


def channels(machine: Mainframe) -> Channels:
    """Return the channels of *machine*."""
    return Channels(Processor(cast(Accesses, machine), machine, timeout=1))


@given(made=st.dictionaries(st.integers(0, 0xFFFF), devices, max_size=3))
def test_all_of_every_device_is_told(made: dict[int, Device]) -> None:
    """By its number: type, revision, features of that, every queue and the whole configuration."""
    for number, device in made.items():
        device.number = number
    found = channels(Mainframe([*made.values()]))
    assert found.names() == [channel_device(number) for number in sorted(made)]
    for number, device in made.items():
        facts = found.facts(channel_device(number))
        assert facts is not None
        offered = device.features if device.revision_max else device.features & 0xFFFFFFFF
        assert facts == {
            "identity": f"ccw 3832:{device.model:02x}",
            "interface": str(device.revision_max),
            "features": f"{offered:#034x}",
            "queues": queue_sizes(tuple(device.queues)),
        } | ({"config": device.config.hex()} if device.config else {})
    assert found.facts("fe.1.0000") is None
    assert found.bind("fe.1.0000", rings=0) is None


@given(device=devices)
def test_a_driver_takes_everything(device: Device) -> None:
    """All features and every queue, each with rings; a device has something to say afterwards."""
    name = channel_device(device.number)
    found = channels(Mainframe([device]))
    bound = found.bind(name, rings=0x200000)
    assert bound is not None
    assert bound.status & DRIVER_OK
    assert bool(bound.status & FEATURES_OK) == bool(device.revision_max)
    taken = sum(value << 32 * word for word, value in device.driver.items())
    assert taken == (device.features if device.revision_max else device.features & 0xFFFFFFFF)
    assert {queue: each[0] for queue, each in device.rings.items()} == dict(
        enumerate(device.queues)
    )
    assert all(each[1] == 0x200000 for each in device.rings.values())
    assert found.bound(name) == bound
