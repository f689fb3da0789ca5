"""Devices that are drawn: those that a machine takes, with properties that its build has."""

from __future__ import annotations

from hypothesis import find, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.guest.placing import labels_of
from platform_abi.model.driver import DriverProperty
from platform_abi.model.option_language import split_options
from platform_abi.testing import shipped
from tests.testing.shipped.test_machine import EVERY


@given(data=st.data())
def test_properties_are_those_of_the_build(
    catalogue: pa.FileCatalogue, data: st.DataObject
) -> None:
    """Each property is one of the driver's there, with a value of its type, and none is twice."""
    machine = data.draw(shipped.machine_types(catalogue, boards=True))
    device = data.draw(shipped.devices(machine, catalogue))
    known = catalogue.driver_properties(machine.build, machine.arch, device.driver)
    for name, value in device.properties:
        assert value in shipped.values_of(known[name])
    if not catalogue.property_rows(machine.build, machine.arch):
        assert device.properties == ()
    *_, option = device.words(3)
    names = [name for name, _ in split_options(option, "driver")]
    assert len(names) == len(set(names))
    assert "{" not in "".join(device.words(3))


@given(data=st.data())
def test_devices_are_on_buses_that_the_board_has(
    catalogue: pa.FileCatalogue, data: st.DataObject
) -> None:
    """No PCI device without a PCI bus, and none behind a channel but on IBM Z."""
    machine = data.draw(shipped.machine_types(catalogue))
    for device in shipped.fitting(catalogue, machine):
        assert (device.on == "ccw") == (machine.arch == "s390x")
        assert (device.on == "mmio") == device.driver.endswith("-device")
        assert machine.family != "microvm" or device.on == "mmio"


def test_boards_that_nobody_has_looked_at_get_none(catalogue: pa.FileCatalogue) -> None:
    """Of no bus of theirs anything is known."""
    machine = find(shipped.machine_types(catalogue), lambda m: m.family == "isapc", settings=EVERY)
    assert shipped.fitting(catalogue, machine) == ()


def test_values_are_of_the_type() -> None:
    """A switch has its words, a number the one value that no device refuses, others nothing."""
    assert shipped.values_of(DriverProperty(type="bool", default="on")) == ("on", "off")
    assert shipped.values_of(DriverProperty(type="OnOffAuto")) == ("auto", "on", "off")
    assert shipped.values_of(DriverProperty(type="uint16", default="256")) == ("256",)
    assert shipped.values_of(DriverProperty(type="uint16")) == ()
    assert shipped.values_of(DriverProperty(type="str", default="x")) == ()


def test_every_driver_that_is_looked_at_is_drawn_somewhere(catalogue: pa.FileCatalogue) -> None:
    """None is known and never tried, on every architecture that has such devices."""
    drawn: set[shipped.DrawnMachine] = set()

    @EVERY
    @given(machine=shipped.machine_types(catalogue, boards=True))
    def draw(machine: shipped.DrawnMachine) -> None:
        drawn.add(machine)

    draw()
    for arch in shipped.architectures(catalogue):
        machines = [machine for machine in drawn if machine.arch == arch]
        looked_at = catalogue.guest_devices(arch)
        tables = [catalogue.types(build, arch) for build in catalogue.builds(arch)]
        known = {
            device.driver
            for device in (looked_at.device if looked_at else ())
            for board in (looked_at.board if looked_at else ())
            if labels_of(board, device) and (not device.boards or board.family in device.boards)
        }
        assert {each.driver for m in machines for each in shipped.fitting(catalogue, m)} == {
            name for name in known if any(table.canonical(name) in table for table in tables)
        }
