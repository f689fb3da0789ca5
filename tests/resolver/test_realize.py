"""What values become when a device is realized: one rule after another, by what it says."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.device import DeviceTable
from platform_abi.model.driver import DriverProperty
from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
from platform_abi.model.realize import (
    InitialValue,
    PropertyValue,
    RealizeRule,
    RealizeTable,
)
from platform_abi.model.vm import Device, Properties
from platform_abi.resolver.full import full_properties
from platform_abi.testing import MemoryCatalogue
from tests.resolver.test_full import ARCH

_SETTLED = RealizeRule(
    drivers=("device",),
    properties=("count",),
    values=("auto",),
    of="vcpus",
    plus=1,
    at_most=9,
    left_to="vcpus",
)


def _one(
    properties: Properties,
    *rules: RealizeRule,
    vcpus: int | None = None,
    queues: int | None = None,
    others: tuple[Device, ...] = (),
    initial: tuple[InitialValue, ...] = (),
    compat: tuple[CompatProperty, ...] = (),
) -> dict[str, PropertyValue]:
    """Return the properties of one device of a small driver under *rules*."""
    catalogue = MemoryCatalogue(
        devices=DeviceTable(accelerators=("tcg",)),
        features=(),
        platforms=(),
        machines=(
            MachineType(
                name="pc-q35-9.1", family="pc-q35", arch=ARCH, generation="9.1", compat=compat
            ),
        ),
        types=TypeTable(parents={"device": "", "disk": "device", "port": "device"}),
        properties={
            "disk": {
                "count": DriverProperty(type="uint32", default="auto"),
                "vectors": DriverProperty(type="uint32", default="0"),
                "mode": DriverProperty(type="bool", default="off"),
                "addr": DriverProperty(type="int32", default="-1"),
                "name": DriverProperty(type="str"),
            },
        },
        realize=RealizeTable(rules=rules, initial=initial),
    )
    vm = pa.VirtualMachine(
        machine="pc-q35-9.1",
        accelerator="tcg",
        devices=(Device(driver="disk", id="d", properties=properties), *others),
    )
    abi = pa.GuestAbi(vm=vm, platform="", edition="", settings=(), preconditions=(), unpinned=())
    known = None if queues is None else {"d": queues}
    return dict(full_properties(catalogue, abi, vcpus=vcpus, queues=known)["d"].properties)


@given(st.sampled_from(["auto", "7", "0"]), st.none() | st.integers(1, 20))
def test_a_rule_is_about_its_own_values_only(value: str, vcpus: int | None) -> None:
    """Whatever value a rule does not name stays as it is; what it needs is given, or left open."""
    count = _one((("count", value),), _SETTLED, vcpus=vcpus)["count"]
    if value != "auto":
        assert (count.final, count.rule) == (value, None)
    elif vcpus is None:
        assert (count.value, count.final, count.left_to) == ("auto", None, "vcpus")
    else:
        assert (count.value, count.final) == ("auto", str(min(vcpus + 1, 9)))


def test_compat_properties_win_over_what_an_instance_gives_itself_first() -> None:
    """And lose where it does so afterwards; what -device says wins over both."""
    first = InitialValue(drivers=("device",), properties=("vectors",), value="4")
    last = evolve(first, after_compat=True)
    entry = CompatProperty(driver="disk", property="vectors", value="5")
    for initial, compat, value in (
        (first, (), "4"),
        (first, (entry,), "5"),
        (last, (), "4"),
        (last, (entry,), "4"),
    ):
        assert _one((), initial=(initial,), compat=compat)["vectors"].final == value
        found = _one((("vectors", "6"),), initial=(initial,), compat=compat)["vectors"]
        assert (found.final, found.layer) == ("6", "device")


def test_what_follows_from_an_open_value_is_open_too() -> None:
    """A number of something that is left to somebody is left to the same."""
    vectors = RealizeRule(
        drivers=("disk",), properties=("vectors",), values=("0",), of="count", plus=2
    )
    assert _one((), _SETTLED, vectors, vcpus=3)["vectors"].final == "6"
    assert _one((), _SETTLED, vectors)["vectors"].left_to == "vcpus"
    assert _one((("count", "5"),), _SETTLED, vectors)["vectors"].final == "7"


def test_the_first_rule_that_applies_counts() -> None:
    """A condition on another property sees its realized value; what fails it leaves to the next."""
    first = RealizeRule(
        drivers=("disk",), properties=("vectors",), values=("0",), when={"mode": "on"}, becomes="1"
    )
    second = RealizeRule(drivers=("disk",), properties=("vectors",), values=("0",), becomes="2")
    assert _one((("mode", "true"),), first, second)["vectors"].final == "1"
    assert _one((), first, second)["vectors"].final == "2"
    unset = evolve(first, when={"name": ""})
    named = evolve(first, when={"name": "*"}, becomes="3")
    assert _one((), unset, named)["vectors"].final == "1"
    assert _one((("name", "x"),), unset, named)["vectors"].final == "3"


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ({"since": "9.1"}, True),
        ({"since": "9.2"}, False),
        ({"until": "9.1"}, False),
        ({"until": "9.2"}, True),
        ({"qemu_since": "10.2"}, True),
        ({"qemu_until": "10.2"}, False),
        ({"accelerators": ("tcg",)}, True),
        ({"accelerators": ("kvm",)}, False),
        ({"machines": ("pc-i440fx",)}, False),
        ({"arch": (ARCH,)}, True),
        ({"arch": ("s390x",)}, False),
        ({"behind": ("port",)}, True),
        ({"behind": ("disk",)}, False),
    ],
)
def test_every_condition_of_a_rule_counts(condition: dict[str, Any], applies: bool) -> None:
    """Generation, QEMU release, accelerator, board, architecture and bus decide as it says."""
    rule = RealizeRule(
        drivers=("disk",), properties=("vectors",), values=("0",), becomes="{generation}"
    )
    found = _one(
        (("bus", "p.0"),), evolve(rule, **condition), others=(Device(driver="port", id="p"),)
    )
    assert found["vectors"].final == ("9.1" if applies else "0")


@pytest.mark.parametrize(
    ("written", "read"),
    [("5", "40"), ("0x5", "40"), ("1f.7", "255"), ("10", "128"), ("0x1.2", "10")],
)
def test_a_pci_address_is_read_back_as_one_number(written: str, read: str) -> None:
    """Slots are hexadecimal with or without 0x (hw/core/qdev-properties.c, set_pci_devfn)."""
    rules = (
        RealizeRule(drivers=("disk",), properties=("addr",), values=("-1",), left_to="placement"),
        RealizeRule(drivers=("disk",), properties=("addr",), form="devfn"),
    )
    address = _one((("addr", written),), *rules)["addr"]
    assert (address.value, address.final) == (written, read)
    assert _one((), *rules)["addr"].left_to == "placement"
