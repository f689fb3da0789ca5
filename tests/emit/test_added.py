"""What a platform adds, behind a command line that is there, is what it is in the whole one."""

from __future__ import annotations

import shlex

import pytest

import platform_abi as pa
from platform_abi.emit.added import added_arguments, added_lines, pve_line

_DEVICES = ("virtio-net-pci,netdev=a,id=net0", "virtio-net-pci,netdev=b,id=net1,csum=off")


def _abi(
    catalogue: pa.FileCatalogue,
    *devices: str,
    platform: str = "linux-6.9",
    machine: str = "pc-q35-9.1",
) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        devices=devices,
        netdevs=["tap,id=a", "user,id=b"],
        globals_=["virtio-net-pci.host_ufo=off"],
        build="qemu-10.0.2",
    )
    return pa.resolve(catalogue, vm, platform)


def test_it_is_what_the_platform_sets_and_nothing_else(catalogue: pa.FileCatalogue) -> None:
    """No machine type, no CPU, nothing that the user says: that stands there already."""
    abi = _abi(catalogue, *_DEVICES)
    added = list(added_arguments(abi))
    assert ("-machine", "smm=on") == added[0]
    assert ("-global", "virtio-net-device.mrg_rxbuf=on") in added
    assert ("-set", "device.net0.host_uso=on") in added
    assert ("-set", "device.net1.host_uso=off") in added
    assert {"-machine", "-global", "-set"} == {option for option, _ in added}
    values = [value for _, value in added]
    assert not [v for v in values if v.startswith(("device.net1.csum", "virtio-net-pci.host_ufo"))]
    of_platform = [s for s in abi.settings if s.layer == "platform"]
    assert len(of_platform) == len(added)


def test_a_tap_without_a_header_is_said_of_its_netdev(catalogue: pa.FileCatalogue) -> None:
    """Behind the -netdev that it changes."""
    abi = _abi(catalogue, _DEVICES[0], platform="windows-2022")
    assert ("-set", "netdev.a.vnet_hdr=off") == list(added_arguments(abi))[-1]


def test_a_device_without_a_name_cannot_be_set(catalogue: pa.FileCatalogue) -> None:
    """One that needs values of its own has to be told what it is called."""
    abi = _abi(catalogue, "virtio-net-pci,netdev=a", _DEVICES[1])
    with pytest.raises(pa.UsageError, match="has no id by which -set") as caught:
        list(added_arguments(abi))
    assert "device-nameless" == caught.value.code


def test_proxmox_takes_one_line_apart_into_the_same_words(catalogue: pa.FileCatalogue) -> None:
    """As a shell takes those of a command line."""
    abi = _abi(catalogue, *_DEVICES)
    words = [word for pair in added_arguments(abi) for word in pair]
    key, _, value = pve_line(abi).partition(": ")
    assert ("args", words) == (key, shlex.split(value))
    assert 1 == pve_line(abi).count("\n")
    assert words == shlex.split(added_lines(abi))


def test_what_is_no_line_is_refused(catalogue: pa.FileCatalogue) -> None:
    """A line break would begin another key of the configuration."""
    abi = _abi(catalogue, *_DEVICES)
    from attrs import evolve

    odd = evolve(abi.settings[0], driver="x\ny", layer="platform")
    with pytest.raises(pa.UsageError, match="one line of a configuration"):
        pve_line(evolve(abi, settings=(odd,)))
