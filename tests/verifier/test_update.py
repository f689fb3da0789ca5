"""What a lockfile becomes of what its machine has now: laws over recorded machines."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.verifier.expected import expected
from platform_abi.verifier.running import RunningObject, RunningVm
from platform_abi.verifier.update import Updated, hindrances, updated
from platform_abi.verifier.verify import verify
from tests.verifier.recorded_machine import bare, promised, resolved

#: Devices with an id, which is what they can be unplugged by; on a board that takes them anywhere.
_DEVICES = (
    "virtio-net-pci,netdev=n0,id=net0",
    "virtio-blk-pci,drive=d0,id=blk0",
    "virtio-rng-pci,id=rng0",
    "e1000e,netdev=n2,id=e0",
    "nvme,drive=d1,serial=x,id=nv0",
    "virtio-balloon-pci",
)
_BOARD = "pc-i440fx-9.1"


def _abi(catalogue: pa.FileCatalogue, *devices: str) -> pa.GuestAbi:
    return resolved(catalogue, machine=_BOARD, devices=devices)


def _vm(catalogue: pa.FileCatalogue, abi: pa.GuestAbi) -> RunningVm:
    return promised(catalogue, abi, bare(catalogue, abi))


def _updated(
    catalogue: pa.FileCatalogue, abi: pa.GuestAbi, vm: RunningVm, **backends: str
) -> Updated:
    return updated(catalogue, abi, vm, expected(catalogue, abi, vm), backends)


@settings(max_examples=40)
@given(
    before=st.lists(st.sampled_from(_DEVICES), unique=True, min_size=1),
    now=st.lists(st.sampled_from(_DEVICES[:-1]), unique=True),
)
def test_it_is_what_runs_and_stays_so(
    catalogue: pa.FileCatalogue, before: list[str], now: list[str]
) -> None:
    """Whatever came and went: devices are those that are there, and a second time is the same."""
    abi = _abi(catalogue, *before)
    now = [*now, *(d for d in before if d == _DEVICES[-1])]
    there = _vm(catalogue, _abi(catalogue, *now))
    netdevs = {"/machine/peripheral/net0": "tap", "/machine/peripheral/e0": "user"}
    there = evolve(
        there,
        devices=tuple(
            evolve(d, properties={**d.properties, "netdev": netdevs[d.path]})
            if d.path in netdevs
            else d
            for d in there.devices
        ),
        netdevs={"tap": "tap", "user": "user"},
    )
    new = _updated(catalogue, abi, there, tap="tap", user="user")
    drivers = sorted(d.partition(",")[0] for d in now)
    assert drivers == sorted(d.driver for d in new.abi.vm.devices)
    assert bool(new.remarks) == ({*before} != {*now})
    again = _updated(catalogue, new.abi, there, tap="tap", user="user")
    assert (new.abi, ()) == (again.abi, again.remarks)
    codes = {f.code for f in verify(catalogue, new.abi, there).findings}
    assert codes.isdisjoint({"device-missing", "device-unlisted"})
    labels = {*new.abi.vm.labels()}
    assert {s.device for s in new.abi.settings if s.device is not None} <= labels


def test_nothing_changes_of_what_stayed(catalogue: pa.FileCatalogue) -> None:
    """Neither its values nor its words."""
    abi = _abi(catalogue, "virtio-rng-pci,id=rng0,max-bytes=512", "virtio-net-pci,netdev=n0,id=n")
    came = RunningObject(path="/machine/peripheral/hot", driver="virtio-balloon-pci")
    vm = _vm(catalogue, abi)
    new = _updated(catalogue, abi, evolve(vm, devices=(*vm.devices, came))).abi
    assert abi.vm.devices == new.vm.devices[:-1]
    assert {*abi.settings} <= {*new.settings}
    assert ("hot",) == new.vm.seen


@pytest.mark.parametrize(("said", "kind"), [({}, None), ({"t": "tap+vhost"}, "tap+vhost")])
def test_what_is_behind_a_nic_is_asked_for_where_qemu_does_not_tell(
    catalogue: pa.FileCatalogue, said: dict[str, str], kind: str | None
) -> None:
    """A tap may have vhost or a macvtap behind it, and a guess is no lockfile."""
    abi = _abi(catalogue, "virtio-rng-pci,id=rng0")
    nic = RunningObject(
        path="/machine/peripheral/hot", driver="virtio-net-pci", properties={"netdev": "t"}
    )
    vm = _vm(catalogue, abi)
    vm = evolve(vm, devices=(*vm.devices, nic), netdevs={"t": "tap"})
    if kind is None:
        with pytest.raises(pa.UsageError) as caught:
            _updated(catalogue, abi, vm)
        assert ("backend-untold", "say it: --backend t=KIND") == (
            caught.value.code,
            caught.value.help,
        )
        return
    new = _updated(catalogue, abi, vm, **said).abi
    assert kind == dict(new.vm.labelled())["hot"].backend
    assert {p.capability for p in abi.preconditions} < {p.capability for p in new.preconditions}


def test_a_backend_that_there_is_not_is_none(catalogue: pa.FileCatalogue) -> None:
    """And the nearest name is said."""
    abi = _abi(catalogue, "virtio-rng-pci,id=rng0")
    nic = RunningObject(
        path="/machine/peripheral/hot", driver="virtio-net-pci", properties={"netdev": "t"}
    )
    vm = _vm(catalogue, abi)
    with pytest.raises(pa.UnknownNameError, match="tap"):
        _updated(catalogue, abi, evolve(vm, devices=(*vm.devices, nic)), t="tapp")


def test_a_driver_that_nobody_knows_is_not_guessed_at(catalogue: pa.FileCatalogue) -> None:
    """Its definitions have to be there first."""
    abi = _abi(catalogue, "virtio-rng-pci,id=rng0")
    vm = _vm(catalogue, abi)
    new = RunningObject(path="/machine/peripheral/hot", driver="brand-new-pci")
    with pytest.raises(pa.UsageError) as caught:
        _updated(catalogue, abi, evolve(vm, devices=(*vm.devices, new)))
    assert "driver-undefined" == caught.value.code


def test_what_is_otherwise_besides_hinders(catalogue: pa.FileCatalogue) -> None:
    """A value of a device that stayed; not that a device went, nor a value of one that came."""
    abi = _abi(catalogue, "virtio-rng-pci,id=rng0,max-bytes=512", "virtio-balloon-pci,id=b")
    vm = _vm(catalogue, abi)
    fewer = evolve(vm, devices=vm.devices[:1])
    located = expected(catalogue, abi, fewer).located
    assert () == hindrances(verify(catalogue, abi, fewer), located)
    (rng,) = fewer.devices
    other = evolve(fewer, devices=(evolve(rng, properties={**rng.properties, "max-bytes": "7"}),))
    (line,) = hindrances(verify(catalogue, abi, other), located)
    assert "virtio-rng-pci.max-bytes of rng0 is 7" in line
