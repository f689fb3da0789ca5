"""What QEMU makes of a netdev: in the migration stream, in what it offers, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

import platform_abi as pa
from platform_abi.model.guest import GuestBoard
from platform_abi.rehearsal.move import Move, Stage
from tests.live.migration.conftest import _event_loop, hosts
from tests.live.migration.hosts import Hosts, SimulatedHost

__all__ = ["_event_loop", "hosts"]

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("can_tap")]

_MACHINE: Final = ("-machine", "pc-q35-7.2", "-accel", "tcg", "-cpu", "qemu64", "-m", "64")
_BOARD: Final = ("-nodefaults", "-no-user-config", "-display", "none", *_MACHINE)
_TAP: Final = "tap,id=n0,script=no,downscript=no"
_NIC: Final = "virtio-net-pci,netdev=n0,id=net0,addr=5"
_PATIENCE: Final = 60.0

#: What virtio-net has only where a vnet header carries it: off, both ends offer the same.
_PLAIN: Final = tuple(
    f"{name}=off"
    for name in (
        *("csum", "guest_csum", "host_tso4", "host_tso6", "host_ecn", "host_ufo"),
        *("guest_tso4", "guest_tso6", "guest_ecn", "guest_ufo"),
    )
)


def _words(netdev: str, *properties: str) -> tuple[str, ...]:
    return (*_BOARD, "-netdev", f"{_TAP}{netdev}", "-device", ",".join((_NIC, *properties)))


def _moved(
    catalogue: pa.FileCatalogue,
    ends: tuple[SimulatedHost, SimulatedHost],
    words: tuple[Sequence[str], Sequence[str]],
) -> Move:
    """Return how a guest with a driver that took all it was offered gets from one to the other."""
    looked_at = catalogue.guest_devices("x86_64")
    assert looked_at is not None

    def board_of(machine: str) -> GuestBoard | None:
        return looked_at.board_of(machine)

    here, there = ends
    stage = Stage(
        source=str(here.qemu),
        destination=str(there.qemu),
        timeout=_PATIENCE,
        environments=(here.environment, there.environment),
    )
    return stage.move(words[0], board_of, arriving=words[1])


def _features(move: Move) -> set[str]:
    """Return what the virtio devices of either end offer."""
    return {
        facts["features"]
        for sight in (move.before, move.after)
        for facts in sight.functions.values()
        if "features" in facts
    }


@pytest.mark.parametrize("versions", [("7.2", "11.1"), ("11.1", "10.0")], ids="-".join)
@pytest.mark.parametrize("source", ["", ",vnet_hdr=off"], ids=["with", "without"])
@pytest.mark.parametrize("destination", ["", ",vnet_hdr=off"], ids=["with", "without"])
def test_a_stream_without_a_vnet_header_is_taken_by_either(
    source: str,
    destination: str,
    versions: tuple[str, str],
    hosts: Hosts,
    catalogue: pa.FileCatalogue,
) -> None:
    """And one with a vnet header only by a netdev that has it: so a platform says which it is."""
    ends = hosts.pair(("this-one", "this-one"), versions)
    move = _moved(catalogue, ends, (_words(source, *_PLAIN), _words(destination, *_PLAIN)))
    refused = not source and bool(destination)
    assert ("failed" if refused else "moved") == move.ended, move.said
    assert refused == ("saved image requires vnet_hdr=on" in move.said)


@pytest.mark.parametrize("versions", [("7.2", "10.0"), ("10.0", "11.1")], ids="-".join)
@pytest.mark.parametrize("kernels", [("this-one", "no-vnet-hdr"), ("no-vnet-hdr", "this-one")])
def test_without_a_vnet_header_no_offload_is_offered(
    kernels: tuple[str, str],
    versions: tuple[str, str],
    hosts: Hosts,
    catalogue: pa.FileCatalogue,
) -> None:
    """Whether the netdev is told to be without or the host is, the bits are those predicted.

    The properties are on, as QEMU has them by itself: that decides nothing.
    """
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-7.2",
        accelerator="tcg",
        cpu="qemu64",
        devices=[_NIC],
        netdevs=[f"{_TAP},vnet_hdr=off"],
    )
    predicted = pa.offered_bits(catalogue, pa.resolve(catalogue, vm, "linux-6.9"), "net0")
    words = {"this-one": _words(",vnet_hdr=off"), "no-vnet-hdr": _words("")}
    ends = hosts.pair(kernels, versions)
    move = _moved(catalogue, ends, (words[kernels[0]], words[kernels[1]]))
    assert "moved" == move.ended, move.said
    assert {predicted} == {int(text, 16) for text in _features(move)}


@pytest.mark.parametrize(
    ("source", "destination"), [("1", "2"), ("2", "1"), ("2", "4"), ("2", "2")]
)
@pytest.mark.parametrize("mq", ["mq=on", "mq=off"])
def test_the_number_of_queues_of_a_netdev_is_part_of_the_machine(
    source: str, destination: str, mq: str, hosts: Hosts, catalogue: pa.FileCatalogue
) -> None:
    """QEMU takes no other number for the same guest, whether that was told of it or not."""
    ends = hosts.pair(("this-one", "this-one"), ("10.0", "11.1"))
    words = _words(f",queues={source}", mq), _words(f",queues={destination}", mq)
    move = _moved(catalogue, ends, words)
    assert ("moved" if source == destination else "failed") == move.ended, move.said


@pytest.mark.parametrize("version", ["7.2", "10.0", "11.1"])
@pytest.mark.parametrize("key", ["fd=99", "fds=98:99", "helper=/x"])
def test_beside_what_hands_it_over_qemu_takes_no_vnet_hdr(
    key: str, version: str, hosts: Hosts, catalogue: pa.FileCatalogue
) -> None:
    """So nothing is written there (definitions/devices/netdev.toml, not-beside)."""
    ends = hosts.pair(("this-one", "this-one"), (version, version))
    words = (*_BOARD, "-netdev", f"tap,id=n0,{key},vnet_hdr=off")
    move = _moved(catalogue, ends, (words, words))
    assert "source" == move.ended
    assert "invalid with" in move.said
