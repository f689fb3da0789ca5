"""What QEMU makes of a vnet header: in the migration stream, and in what it offers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

import platform_abi as pa
from tests.live.migration.conftest import _event_loop, hosts
from tests.live.migration.hosts import Hosts
from tests.live.proof.paused import Paused

__all__ = ["_event_loop", "hosts"]

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("can_tap")]

_MACHINE: Final = ("-machine", "pc-q35-7.2", "-accel", "tcg", "-cpu", "qemu64", "-m", "64")
_BOARD: Final = ("-nodefaults", "-no-user-config", "-display", "none", *_MACHINE)
_TAP: Final = "tap,id=n0,script=no,downscript=no"
_NIC: Final = "virtio-net-pci,netdev=n0,id=net0,addr=5"

#: virtio-net without any of what a vnet header carries.
_PLAIN: Final = (
    *("csum", "guest_csum", "host_tso4", "host_tso6", "host_ecn", "host_ufo", "guest_tso4"),
    *("guest_tso6", "guest_ecn", "guest_ufo"),
)


def _words(header: str, *properties: str) -> tuple[str, ...]:
    nic = ",".join((_NIC, *properties))
    return (*_BOARD, "-netdev", f"{_TAP}{header}", "-device", nic)


@pytest.mark.parametrize("versions", [("7.2", "11.1"), ("11.1", "10.0")], ids="-".join)
@pytest.mark.parametrize("source", ["", ",vnet_hdr=off"], ids=["with", "without"])
@pytest.mark.parametrize("destination", ["", ",vnet_hdr=off"], ids=["with", "without"])
def test_a_stream_without_a_vnet_header_is_taken_by_either(
    source: str, destination: str, versions: tuple[str, str], hosts: Hosts, tmp_path: Path
) -> None:
    """And one with a vnet header only by a netdev that has it: so a platform says which it is."""
    here, there = hosts.pair(("this-one", "this-one"), versions)
    plain = [f"{name}=off" for name in _PLAIN]
    with (
        Paused(here, _words(source, *plain), tmp_path) as first,
        Paused(there, _words(destination, *plain), tmp_path, incoming=True) as second,
    ):
        first.bind()
        status, reason = first.migrate_to(second)
    fails = source == "" and destination != ""
    assert (status == "failed") == fails, reason
    assert ("saved image requires vnet_hdr=on" in reason) == fails


@pytest.mark.parametrize("version", ["7.2", "10.0", "11.1"])
@pytest.mark.parametrize("kernel", ["this-one", "no-vnet-hdr"])
def test_without_a_vnet_header_no_offload_is_offered(
    kernel: str, version: str, catalogue: pa.FileCatalogue, hosts: Hosts, tmp_path: Path
) -> None:
    """The bits are those predicted, whether the netdev is told to be without or the host is."""
    host, _ = hosts.pair((kernel, kernel), (version, version))
    words = _words(",vnet_hdr=off" if kernel == "this-one" else "")
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-7.2",
        accelerator="tcg",
        cpu="qemu64",
        devices=[_NIC],
        netdevs=[f"{_TAP},vnet_hdr=off"],
    )
    # Its properties are on, as QEMU has them by itself: that decides nothing.
    asked = pa.resolve(catalogue, vm, "linux-6.9")
    with Paused(host, words, tmp_path) as paused:
        offered = int(paused.view().functions["05.0"]["features"], 16)
    assert pa.offered_bits(catalogue, asked, "net0") == offered


@pytest.mark.parametrize("version", ["7.2", "10.0", "11.1"])
@pytest.mark.parametrize("key", ["fd=99", "fds=98:99", "helper=/x"])
def test_beside_what_hands_it_over_qemu_takes_no_vnet_hdr(
    key: str, version: str, hosts: Hosts, tmp_path: Path
) -> None:
    """So nothing is written there (definitions/devices/netdev.toml, not-beside)."""
    host, _ = hosts.pair(("this-one", "this-one"), (version, version))
    words = (*_BOARD, "-netdev", f"tap,id=n0,{key},vnet_hdr=off")
    with pytest.raises(Exception, match="invalid with"), Paused(host, words, tmp_path):
        pass


@pytest.mark.parametrize(
    ("source", "destination"), [("1", "2"), ("2", "1"), ("2", "4"), ("2", "2")], ids="-".join
)
@pytest.mark.parametrize("property_", ["mq=on", "mq=off"])
def test_the_number_of_queues_of_a_netdev_is_part_of_the_machine(
    source: str, destination: str, property_: str, hosts: Hosts, tmp_path: Path
) -> None:
    """A guest with mq=on finds it, and QEMU takes no other number for the same guest."""
    here, there = hosts.pair(("this-one", "this-one"), ("10.0", "11.1"))
    with (
        Paused(here, _words(f",queues={source}", property_), tmp_path) as first,
        Paused(
            there, _words(f",queues={destination}", property_), tmp_path, incoming=True
        ) as second,
    ):
        before = first.bind()
        status, reason = first.migrate_to(second)
        same = status == "completed" and not first.view().differences(second.view())
    assert same == (source == destination), reason
    assert before
