"""A place in libvirt's domain XML is read as it is written, and is there from its version on."""

from __future__ import annotations

import pytest

from platform_abi.model.libvirt import LibvirtTable, NativePlace, Step, numbers, steps

_PLACE = NativePlace(
    properties=("net-device.csum",),
    path="driver/host",
    attribute="csum",
    element="interface",
    values={"on": "yes"},
    since="11.3",
    source="qemu_command.c",
)


def test_a_path_is_a_step_for_each_element() -> None:
    """With what tells one from its likes."""
    timer = Step(name="timer", by=(("name", "kvmclock"),))
    assert (Step(name="clock"), timer) == steps("clock/timer[name=kvmclock]")
    assert steps("driver/host") == _PLACE.steps()


@pytest.mark.parametrize("path", ["", "/clock", "clock/", "clock/timer[kvmclock]", "a b", "Clock"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """Not made an element of that name."""
    with pytest.raises(ValueError, match="not the name of an element"):
        steps(path)


def test_a_place_says_the_values_that_it_has() -> None:
    """All, but those in never, where it names none."""
    assert ("yes", None) == (_PLACE.value("on"), _PLACE.value("off"))
    number = NativePlace(
        properties=("a.b",), path="c", attribute="d", never=("0",), source="qemu_command.c"
    )
    assert ("7", None) == (number.value("7"), number.value("0"))


@pytest.mark.parametrize(
    ("version", "there"), [("9.0", False), ("11.3", True), ("11.3.0", True), ("12.0", True)]
)
def test_a_place_is_there_from_its_version_on(version: str, there: bool) -> None:
    """As numbers, not as text: 9.0 is older than 11.3."""
    table = LibvirtTable(native=(_PLACE,))
    places = list(table.places({"net-device", "device"}, "csum", "interface", version))
    assert ([_PLACE] if there else []) == places


def test_a_place_is_of_one_element_and_property() -> None:
    """Nothing else has it."""
    table = LibvirtTable(native=(_PLACE,))
    assert [] == list(table.places({"net-device"}, "csum", "disk", "12.0"))
    assert [] == list(table.places({"net-device"}, "ufo", "interface", "12.0"))
    assert [] == list(table.places({"disk-device"}, "csum", "interface", "12.0"))


def test_a_version_is_numbers() -> None:
    """Or none."""
    assert (11, 3, 0) == numbers("11.3.0")
    with pytest.raises(ValueError, match="invalid literal"):
        numbers("new")
