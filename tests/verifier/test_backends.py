"""What stands behind NICs, asked of QEMU and not of the lockfile."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.host import HostReport
from platform_abi.verifier.running import netdevs_of, queues_of
from platform_abi.verifier.verification import Offer
from platform_abi.verifier.verify import verify
from tests.verifier.recorded_machine import DEVICES, bare, promised, resolved, with_properties
from tests.verifier.test_verify import judged


def test_the_kind_of_a_backend_is_taken_from_the_lockfile(catalogue: pa.FileCatalogue) -> None:
    """Where QEMU does not tell it, that is said once for each NIC, but where its bits were read."""
    abi = resolved(catalogue, devices=DEVICES[:2])
    vm = promised(catalogue, abi, bare(catalogue, abi))
    offers = {"net0": Offer(offered=5, promised=5)}
    untold = [
        [f.device for f in found.findings if f.code == "backend-untold"]
        for found in (
            judged(catalogue, abi, vm, HostReport()),
            verify(catalogue, abi, vm, offers=offers),
        )
    ]
    assert untold == [["net0", "device[1]"], ["device[1]"]]


@given(
    told=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("n0", "n1"), st.sampled_from(["tap", "user", "vhost-user", "x"])),
    )
)
def test_the_kind_of_a_backend_is_asked_of_qemu(
    catalogue: pa.FileCatalogue, told: dict[str, str]
) -> None:
    """Another type of netdev is drift; of a tap it stays open what is behind it, and no more."""
    abi = resolved(catalogue, devices=DEVICES[:2])
    vm = evolve(promised(catalogue, abi, bare(catalogue, abi)), netdevs=told)
    found = [f for f in judged(catalogue, abi, vm).findings if f.code.startswith("backend")]
    drift = [f.device for f in found if f.code == "backend"]
    open_ = [f.device for f in found if f.code == "backend-untold"]
    assert drift == [
        device
        for device, name, kind in (("net0", "n0", "tap"), ("device[1]", "n1", "user"))
        if told.get(name, kind) != kind
    ]
    assert open_ == [
        device
        for device, name in (("net0", "n0"), ("device[1]", "n1"))
        if name not in told or (device, told[name]) == ("net0", "tap")
    ]


def test_a_nic_without_its_netdev_drifts(catalogue: pa.FileCatalogue) -> None:
    """A NIC that QEMU says stands before nothing is not the lockfile's."""
    abi = resolved(catalogue, devices=DEVICES[:1])
    vm = evolve(promised(catalogue, abi, bare(catalogue, abi)), netdevs={})
    vm = with_properties(vm, {"/machine/peripheral/net0": {"netdev": ""}})
    told = [f for f in judged(catalogue, abi, vm).findings if f.code == "backend"]
    assert [("net0", "none", "tap")] == [(f.device, f.found, f.expected) for f in told]


def test_what_info_network_says() -> None:
    """NICs, netdevs behind them, those without a peer, and ports of a hub, by QEMU 7.2 to 11.1."""
    said = (
        "hub 3\r\n \\ port: virtio-net-pci.1: index=0,type=nic,model=virtio-net-pci,macaddr=52\r\n"
        " \\ other: up: index=0,type=user,net=10.0.2.0,restrict=off\r\n"
        "alone: index=0,type=socket,\r\n"
        "net0: index=1,type=nic,model=virtio-net-pci,macaddr=52:54\r\n"
        " \\ n0: index=1,type=tap,ifname=tap0,script=no,downscript=no\r\n"
        " \\ v0: index=0,type=vhost-user,vhost-user0 to c0\r\n"
    )
    assert {
        "port": "hubport", "virtio-net-pci.1": "nic", "other": "hubport", "up": "user",
        "alone": "socket", "net0": "nic", "n0": "tap", "v0": "vhost-user",
    } == netdevs_of(said)  # fmt: skip
    assert {} == netdevs_of("info network: unknown command")
    more = said.replace(" \\ n0: index=1", " \\ n0: index=0,type=tap,\r\n \\ n0: index=1")
    assert {"n0": 2, "v0": 1} == {name: queues_of(more)[name] for name in ("n0", "v0")}


@pytest.mark.parametrize(("queues", "drifts"), [("2", False), ("4", True), ("", False)])
def test_the_number_of_queues_is_asked_of_qemu(
    catalogue: pa.FileCatalogue, queues: str, drifts: bool
) -> None:
    """Another one than the lockfile has is drift; of one that says none nothing is said."""
    abi = resolved(catalogue, devices=DEVICES[:1])
    hardware = (("behind.net0", f"queues {queues}"),) if queues else ()
    abi = evolve(abi, vm=evolve(abi.vm, hardware=hardware))
    vm = evolve(promised(catalogue, abi, bare(catalogue, abi)), queues={"n0": 2})
    found = [f for f in judged(catalogue, abi, vm).findings if f.code == "backend"]
    assert [("4", "2")] * drifts == [(f.expected, f.found) for f in found]
