"""Where devices are put to be looked at: each in a place of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.guest import placing as plan
from tests.guest.shipped import ARCH, SHIPPED


def test_the_list_has_what_virtual_machines_are_made_of(
    catalogue: pa.FileCatalogue,
) -> None:
    """At least 25 drivers are looked at; every one is a driver of some build."""
    drivers = {device.driver for device in SHIPPED.device}
    assert len(drivers) >= 25
    known = {n for b in catalogue.builds(ARCH) for n in catalogue.types(b, ARCH).parents}
    assert drivers <= known


@given(data=st.data())
def test_every_device_has_a_place_of_its_own(data: st.DataObject) -> None:
    """Whatever is left out: each device is placed once wherever it is wanted, no two in one slot.

    And what it is called does not depend on the others.
    """
    shipped = SHIPPED
    board = data.draw(st.sampled_from(shipped.board))
    devices = [d for d in shipped.device if data.draw(st.booleans())]
    starts = list(plan.starts(board, devices, plan.numbers(shipped.device)))
    placed = [device for start in starts for device in start.devices]
    wanted = [name for device in devices for name in plan.labels_of(board, device)]
    assert sorted(device.label for device in placed) == sorted(wanted)
    for start in starts:
        places = [(device.bus, device.slot, device.place) for device in start.devices]
        assert len(set(places)) == len(places)
        ports = {(port.slot, port.function) for port in start.ports}
        assert len(ports) == len(start.ports)
        assert all((device.bus is None) == bool(device.place) for device in start.devices)
        buses = {device.bus for device in start.devices} - {None}
        assert buses <= ({0, *(p.bus for p in start.ports)} if board.bus else set())
        on_root = [device.slot for device in start.devices if device.bus == 0]
        assert all(2 <= slot <= 0x1E for slot in [*on_root, *(slot for slot, _ in ports)])
    whole = {
        device.label: [word for word in device.arguments if "addr=" not in word]
        for start in plan.starts(board, shipped.device, plan.numbers(shipped.device))
        for device in start.devices
        if device.bus == 0
    }
    for device in placed:
        if device.bus == 0:
            own = [word for word in device.arguments if "addr=" not in word]
            assert own == whole[device.label]
