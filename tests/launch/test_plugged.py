"""What was plugged in or out since the start is on the next destination's command line."""

from __future__ import annotations

import shlex
from functools import cache

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import described
from platform_abi.launch.stored import Taken, taken
from platform_abi.resolver.resolve import resolve

BASE = (
    "-M pc-q35-9.1 -accel kvm -cpu qemu64,vendor=AuthenticAMD -nodefaults -smp 2,maxcpus=8 "
    "-m 1G,slots=4,maxmem=8G -device virtio-rng-pci,id=rng,addr=5 -netdev tap,id=n0 "
    "-device virtio-net-pci,id=net0,netdev=n0,addr=6 -device pcie-root-port,id=rp1,addr=1 "
    "-device pcie-root-port,id=rp2,addr=2"
)


@cache
def _catalogue() -> FileCatalogue:
    return load_catalogue()


def _vm(text: str) -> pa.VirtualMachine:
    line = read_command_line(_catalogue().options(), shlex.split(text))
    return described(_catalogue(), line, arch="x86_64").vm


def _abi(text: str = BASE) -> pa.GuestAbi:
    return resolve(_catalogue(), _vm(text), "linux-6.9", hotplug=True)


def _taken(text: str, *, incoming: bool = True, stored: pa.GuestAbi | None = None) -> Taken:
    return taken(
        _catalogue(),
        stored or _abi(),
        _vm(text),
        None,
        name="vm.lock",
        same_cpu=lambda *_: False,
        incoming=incoming,
    )


def _value(abi: pa.GuestAbi, label: str, name: str) -> str | None:
    return pa.full_properties(_catalogue(), abi)[label].properties[name].final


PLUGGED = [
    (" -device virtio-balloon-pci,id=b,bus=rp1", "b was plugged in"),
    (
        " -object memory-backend-ram,id=m1,size=1G -device pc-dimm,id=d1,memdev=m1",
        "d1 was plugged in",
    ),
    (" -netdev tap,id=n1 -device virtio-net-pci,id=net1,netdev=n1,bus=rp1", "net1 was plugged in"),
    (" -smp 4,maxcpus=8", "it had 2 vCPUs at the start, and has 4"),
]


@pytest.mark.parametrize(("more", "said"), PLUGGED)
def test_what_came_is_taken_and_said(more: str, said: str) -> None:
    """The lockfile then has it; a start that is no destination is another virtual machine."""
    found = _taken(BASE + more)
    assert found.changed
    assert any(said in text for text in found.remarks)
    assert not _taken(BASE + more, stored=found.abi).changed
    with pytest.raises(pa.UsageError) as caught:
        _taken(BASE + more, incoming=False)
    assert "lock-other-vm" == caught.value.code


@pytest.mark.parametrize(("more", "said"), PLUGGED[:3])
def test_what_went_is_taken_and_said(more: str, said: str) -> None:
    """It came with the start, and is not there any more."""
    found = _taken(BASE, stored=_abi(BASE + more))
    assert found.changed
    assert any(said.replace("plugged in", "plugged out") in text for text in found.remarks)


def test_nothing_is_said_where_nothing_was_plugged() -> None:
    """And the lockfile stays what it is."""
    found = _taken(BASE)
    assert (False, ()) == (found.changed, found.remarks)
    assert evolve(_abi(), vm=found.abi.vm) == found.abi


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("maxcpus=8", "maxcpus=16"),
        BASE.replace("-m 1G", "-m 2G"),
        BASE.replace("rng,addr=5", "rng,addr=9"),
        f"{BASE} -device virtio-balloon-pci,id=b,bus=rp1 -machine hpet=off",
        BASE.replace("virtio-rng-pci,id=rng", "virtio-balloon-pci,id=rng"),
    ],
)
def test_nothing_else_may_change(text: str) -> None:
    """What cannot be plugged is another virtual machine, wherever it comes from."""
    with pytest.raises(pa.UsageError) as caught:
        _taken(text)
    assert "lock-other-vm" == caught.value.code


@pytest.mark.parametrize(
    "more",
    [
        " -device VGA,id=v,bus=rp1",
        " -device virtio-rng-pci,id=r,addr=7",
        " -device virtio-rng-pci,id=r",
        " -device virtio-rng-pci,id=r,bus=pcie.0",
        " -device vmcoreinfo",
        " -device isa-serial,id=s",
    ],
)
def test_what_cannot_be_plugged_has_been_neither_in_nor_out(more: str) -> None:
    """QEMU takes no command for some devices, nor for any on the board's own bus of q35."""
    for stored, text in ((BASE, BASE + more), (BASE + more, BASE)):
        with pytest.raises(pa.UsageError) as caught:
            _taken(text, stored=_abi(stored))
        assert "lock-other-vm" == caught.value.code


def test_queues_are_those_of_the_start() -> None:
    """A disk that came later has as many as the running QEMU gave it, not as many as vCPUs now."""
    disk = " -drive if=none,id=d,file=x -device virtio-blk-pci,id=disk,drive=d,bus=rp1"
    found = _taken(f"{BASE}{disk} -smp 8,maxcpus=8")
    assert "2" == _value(found.abi, "disk", "num-queues")
    assert any("virtio-blk-pci.num-queues=2" in text for text in found.remarks)


def test_a_nic_has_what_all_of_its_kind_have() -> None:
    """By what the lockfile says for the whole virtual machine, whenever it came."""
    nic = " -netdev tap,id=n1 -device virtio-net-pci,id=net1,netdev=n1,bus=rp1"
    now, first = _taken(BASE + nic).abi, _abi(BASE + nic)
    for name in ("host_uso", "guest_uso4", "rss", "csum"):
        assert _value(first, "net1", name) == _value(now, "net1", name) == _value(now, "net0", name)


def test_one_that_comes_between_kinds_is_not_left_to_its_host() -> None:
    """Where those of the start disagree each has its own, and a later one has the platform's."""
    mixed = f"{BASE} -netdev user,id=n1 -device virtio-net-pci,id=net1,netdev=n1,bus=rp1"
    later = f"{mixed} -netdev tap,id=n2 -device virtio-net-pci,id=net2,netdev=n2,bus=rp2"
    abi = _taken(later, stored=_abi(mixed)).abi
    assert ("on", "off", "on") == tuple(_value(abi, f"net{n}", "host_uso") for n in (0, 1, 2))
