"""What of a recorded device holds for one of a virtual machine."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.guest.recorded import recorded_machine
from platform_abi.model.guest import MachineView
from tests.conftest import DEFINITIONS

CATALOGUE = pa.FileCatalogue([DEFINITIONS])
BUILD = "qemu-11.1.3"


def _view(*devices: str, machine: str = "pc-q35-9.1") -> MachineView:
    vm = pa.virtual_machine(
        CATALOGUE.devices(),
        machine,
        accelerator="tcg",
        build=BUILD,
        devices=devices,
        netdevs=["user,id=n0"],
    )
    found = recorded_machine(CATALOGUE, pa.resolve(CATALOGUE, vm, "linux-6.9"), BUILD)
    assert found is not None
    return found.view


def test_a_device_that_was_looked_at_is_told_whole() -> None:
    """With the properties that it had then."""
    found = _view("virtio-rng-pci,id=a", "qemu-xhci,id=b", "pcie-root-port,id=c,chassis=3").devices
    assert {name: device.untold for name, device in found.items()} == dict.fromkeys("abc", ())
    assert found["a"].facts["queues"] == "8"
    assert found["c"].facts["header"] == "01"


def test_where_a_device_is_decides_which_view_of_it_counts() -> None:
    """Behind a port, on the root bus; elsewhere nothing is told that any place decides."""
    found = _view(
        "pcie-root-port,id=port",
        "pci-bridge,id=bridge,chassis_nr=2",
        "virtio-rng-pci,id=root",
        "virtio-rng-pci,id=behind,bus=port",
        "e1000e,id=beside,bus=bridge,netdev=n0,mac=52:54:00:12:34:58",
    ).devices
    assert found["root"].facts["identity"] == "1af4:1005"
    assert found["behind"].facts["identity"] == "1af4:1044"
    assert not found["beside"].tells("capability express")
    assert "bar0" in found["beside"].facts


@pytest.mark.parametrize(
    ("device", "untold", "told"),
    [
        ("virtio-rng-pci,romfile=", {"rom"}, {"queues", "identity"}),
        ("virtio-rng-pci,acpi-index=3,max-bytes=9,period=9", set(), {"queues", "bar1"}),
        ("virtio-balloon-pci,free-page-reporting=on", {"queues", "config"}, {"identity"}),
        ("virtio-serial-pci,max_ports=3", {"queues", "bar1"}, {"identity", "class"}),
        ("virtio-gpu-pci,edid=off", {"features"}, {"queues"}),
        ("virtio-blk-pci,num-queues=1,discard=off", {"config", "bar0"}, {"queues"}),
        ("virtio-rng-pci,disable-legacy=on", {"identity", "queues"}, set()),
    ],
)
def test_a_property_takes_away_what_it_shows_in(
    device: str, untold: set[str], told: set[str]
) -> None:
    """And leaves the rest."""
    (found,) = _view(f"{device},id=it").devices.values()
    assert all(not found.tells(fact) for fact in untold)
    assert all(found.tells(fact) for fact in told)
    assert told <= found.facts.keys()


@pytest.mark.parametrize(("given", "like"), [("1", True), ("2", False)])
def test_a_property_that_is_given_what_realizing_makes_of_it_takes_nothing_away(
    given: str, like: bool
) -> None:
    """A disk has as many queues as there are vCPUs: the one that was looked at had one."""
    found = _view(f"virtio-blk-pci,id=it,num-queues={given}").devices["it"]
    assert found.tells("queues") is like


def test_a_device_that_nobody_looked_at_tells_nothing() -> None:
    """Nor does one with a property that no definition says more of."""
    found = _view("virtio-rng-pci-non-transitional,id=a", "e1000,id=b,init-vet=off,netdev=n0")
    assert {name: device.untold for name, device in found.devices.items()} == {
        "a": ("*",),
        "b": ("*",),
    }


def test_what_is_on_no_pci_bus_has_nothing_to_be_looked_at() -> None:
    """It is not in the view at all."""
    assert set(_view("qemu-xhci,id=usb", "usb-tablet,id=tablet").devices) == {"usb"}
