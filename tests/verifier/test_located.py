"""Which object of a running QEMU is which device: each is at most one, and none is two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.machine import TypeTable
from platform_abi.verifier.located import locate
from platform_abi.verifier.running import RunningObject, RunningVm

_DRIVERS = st.sampled_from(["net-pci", "rng-pci", "net"])
_TYPES = TypeTable(aliases={"net": "net-pci"})
_DEVICES = st.lists(
    st.builds(pa.Device, driver=_DRIVERS, id=st.none() | st.sampled_from("abc")), max_size=4
).filter(lambda devices: len({d.id for d in devices if d.id}) == sum(1 for d in devices if d.id))


def _abi(devices: list[pa.Device]) -> pa.GuestAbi:
    return pa.GuestAbi(
        vm=pa.VirtualMachine(machine="m", devices=tuple(devices)),
        platform="p@2026.1",
        edition="2026.1",
        settings=(),
        preconditions=(),
        unpinned=(),
    )


def _running(devices: list[tuple[str, str]]) -> RunningVm:
    """Return a QEMU with objects, each by its path below /machine and its driver."""
    things = tuple(
        RunningObject(path=f"/machine/{path}", driver=driver) for path, driver in devices
    )
    return RunningVm(
        version="9.1.0",
        package="",
        arch="x86_64",
        accelerator="kvm",
        kvm=True,
        machine=RunningObject(path="/machine", driver="m-machine"),
        cpu=None,
        devices=things,
    )


_THERE = st.lists(
    st.tuples(
        st.sampled_from(["peripheral/a", "peripheral/b", "peripheral-anon/device[0]",
                         "peripheral-anon/device[1]", "unattached/device[2]"]),
        st.sampled_from(["net-pci", "rng-pci"]),
    ),
    unique_by=lambda thing: thing[0],
)  # fmt: skip


@given(_DEVICES, _THERE, st.sets(st.integers(0, 3)))
def test_every_device_is_one_object_or_gone(
    devices: list[pa.Device], there: list[tuple[str, str]], left_out: set[int]
) -> None:
    """And every object is one device's, or nobody's: plugged in, or the board's own."""
    abi, vm = _abi(devices), _running(there)
    labels = abi.vm.labels()
    absent = {labels[at] for at in left_out if at < len(labels)}
    found = locate(_TYPES, abi.vm, vm, absent)
    assert sorted([*found.found, *found.gone]) == sorted(labels)
    paths = [thing.path for thing in (*found.found.values(), *found.plugged, *found.board)]
    assert sorted(paths) == sorted(thing.path for thing in vm.devices)
    for label, device in abi.vm.labelled():
        match = found.found.get(label)
        if device.id is not None:
            by_id = [t for t in vm.devices if t.path == f"/machine/peripheral/{device.id}"]
            assert by_id == ([] if match is None else [match])
        elif match is not None:
            assert label not in absent
            assert _TYPES.canonical(device.driver) == match.driver
            assert match.place != "peripheral"
    assert all(thing.place == "unattached" for thing in found.board)
    assert not any(thing.place == "unattached" for thing in found.plugged)


@given(st.lists(st.sampled_from(["net", "net-pci", "rng-pci"]), max_size=5))
def test_devices_without_an_id_are_in_their_order(drivers: list[str]) -> None:
    """QEMU counts them in that of the command line, those of -device before those of -nic."""
    devices = [pa.Device(driver=driver) for driver in drivers]
    there = [(f"peripheral-anon/device[{n}]", _TYPES.canonical(d)) for n, d in enumerate(drivers)]
    board = [("unattached/device[9]", "net-pci")]
    found = locate(_TYPES, _abi(devices).vm, _running([*board, *there]))
    assert [f"/machine/{path}" for path, _ in there] == [t.path for t in found.found.values()]
    assert ["/machine/unattached/device[9]"] == [thing.path for thing in found.board]
    assert ((), ()) == (found.gone, found.plugged)


def test_a_nic_of_the_board_is_the_device_that_is_left() -> None:
    """What -nic brings stands among the board's own; one that was left out is not it."""
    vm = _running([("unattached/device[4]", "net-pci")])
    abi = _abi([pa.Device(driver="net")])
    assert ["device[0]"] == list(locate(_TYPES, abi.vm, vm).found)
    assert ("device[0]",) == locate(_TYPES, abi.vm, vm, {"device[0]"}).gone
