"""What a guest can tell of devices: what they are, and where."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.places import described_devices, placed, slot_text

_DRIVERS = ["virtio-rng-pci", "e1000", "pcie-root-port", "usb-tablet", "isa-serial", "qemu-xhci"]


@cache
def _catalogue() -> FileCatalogue:
    return load_catalogue()


def _texts(devices: list[str]) -> dict[str, str]:
    catalogue = _catalogue()
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", devices=devices)
    build, machine = choose_machine(catalogue, vm.machine, vm.arch, None)
    return described_devices(catalogue, vm, build.name, machine, {})


@given(st.lists(st.sampled_from(_DRIVERS), max_size=6), st.data())
def test_ids_are_nobodys_business(drivers: list[str], data: st.DataObject) -> None:
    """Whatever devices are called, their descriptions are the same, in the same order."""
    names = data.draw(st.permutations([f"id{number}" for number in range(len(drivers))]))
    named = [f"{driver},id={name}" for driver, name in zip(drivers, names, strict=True)]
    assert [*_texts(drivers).values()] == [*_texts(named).values()]


@given(st.lists(st.sampled_from(_DRIVERS), min_size=2, max_size=6, unique=True), st.data())
def test_order_counts_where_qemu_decides(drivers: list[str], data: st.DataObject) -> None:
    """Two devices of one kind of place that change places are two other devices."""
    pci = [driver for driver in drivers if driver not in ("usb-tablet", "isa-serial")]
    other = data.draw(st.permutations(pci))
    assert (pci == [*other]) is (sorted(_texts(pci).values()) == sorted(_texts([*other]).values()))


@pytest.mark.parametrize(
    ("text", "place"), [("3", "03.0"), ("0x1f.2", "1f.2"), ("A.0x1", "0a.1"), ("-1", "-1")]
)
def test_one_slot_has_many_spellings(text: str, place: str) -> None:
    """Hexadecimal, with the function or without."""
    assert place == slot_text(text)


def test_what_names_the_host_is_not_there() -> None:
    """Neither a backend's name nor a file's is a guest's to see."""
    catalogue = _catalogue()
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        netdevs=["user,id=n"],
        devices=["virtio-net-pci,netdev=n,romfile=/a/b,mq=yes"],
    )
    build, machine = choose_machine(catalogue, vm.machine, vm.arch, None)
    ((device, place),) = placed(catalogue, vm, build.name, machine)
    assert (("mq", "on"),) == device.properties
    assert "pci automatic 1; mac automatic 1" == place


def test_a_bus_is_the_device_that_has_it() -> None:
    """A bridge is told by what it is, and a circle of them ends."""
    texts = _texts(["pcie-root-port,id=a,addr=5", "virtio-rng-pci,bus=a"])
    assert "bus=(pcie-root-port,,at=pci given,,addr=05.0)" in texts["device[1]"]
    assert 2 == len(_texts(["pci-bridge,id=a,bus=b", "pci-bridge,id=b,bus=a"]))
