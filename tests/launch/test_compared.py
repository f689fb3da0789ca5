"""Two virtual machines differ by what a guest could tell, and by nothing else."""

from __future__ import annotations

import re

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.launch.compared import SameCpu, compared
from platform_abi.model.vm import Cpu, Device, GlobalProperty, VirtualMachine
from platform_abi.testing import virtual_machines

_LINE = re.compile(r"(.*): stored (.*), given (.*)")


_VMS = virtual_machines("pc-q35-9.1")


def _never(before: VirtualMachine, after: VirtualMachine) -> bool:
    del before, after
    return False


def _always(before: VirtualMachine, after: VirtualMachine) -> bool:
    del before, after
    return True


def differences(
    catalogue: pa.Catalogue, one: VirtualMachine, other: VirtualMachine, same_cpu: SameCpu
) -> tuple[str, ...]:
    """Return what two virtual machines differ in, a line each."""
    return compared(catalogue, one, other, same_cpu).different


# --- laws ----------------------------------------------------------------------------------------


@given(_VMS)
def test_nothing_differs_from_itself(catalogue: pa.FileCatalogue, vm: VirtualMachine) -> None:
    """Whatever it is."""
    assert () == differences(catalogue, vm, vm, _never)


@given(one=_VMS, other=_VMS)
def test_a_difference_is_one_both_ways(
    catalogue: pa.FileCatalogue, one: VirtualMachine, other: VirtualMachine
) -> None:
    """What is stored and what is given change places, and nothing else."""
    there = differences(catalogue, one, other, _never)
    back = differences(catalogue, other, one, _never)
    assert there == tuple(_LINE.sub(r"\1: stored \3, given \2", line) for line in back)


@given(vm=_VMS, data=st.data())
def test_every_change_is_told(
    catalogue: pa.FileCatalogue, vm: VirtualMachine, data: st.DataObject
) -> None:
    """One thing more, or another value of one, is one line that has both."""
    changed, line = data.draw(
        st.sampled_from(
            [
                (
                    evolve(vm, machine="pc-q35-0.1"),
                    f"  machine type: stored {vm.machine}, given pc-q35-0.1",
                ),
                (evolve(vm, arch="i386"), "  architecture: stored x86_64, given i386"),
                (
                    evolve(vm, accelerator="hvf"),
                    f"  accelerator: stored {vm.accelerator}, given hvf",
                ),
                (
                    evolve(vm, machine_options=(*vm.machine_options, ("smm", "off"))),
                    "  -machine smm: stored nothing, given off",
                ),
                (
                    evolve(
                        vm,
                        globals=(*vm.globals, GlobalProperty(driver="d", property="p", value="v")),
                    ),
                    "  -global d.p: stored nothing, given v",
                ),
                (
                    evolve(
                        vm, devices=(*vm.devices, Device(driver="net-pci", id="new", backend="tap"))
                    ),
                    "  device new: stored nothing, given net-pci behind tap",
                ),
                (
                    evolve(
                        vm,
                        devices=(
                            *vm.devices,
                            Device(driver="net-pci", id="new", properties=(("mac", "x"),)),
                        ),
                    ),
                    "  device new.mac: stored nothing, given x",
                ),
            ]
        )
    )
    told = differences(catalogue, vm, changed, _never)
    assert line in told
    assert all(each.startswith(("  device new", line)) for each in told)
    # That the CPU is the same is no excuse for any of it.
    assert told == differences(catalogue, vm, changed, _always)


@given(vm=_VMS, value=st.sampled_from(["on", "off", "x"]))
def test_the_last_of_equal_globals_counts(
    catalogue: pa.FileCatalogue, vm: VirtualMachine, value: str
) -> None:
    """Saying before what is said again later is the same virtual machine, as to QEMU."""
    more = evolve(vm, globals=(*(evolve(each, value=value) for each in vm.globals), *vm.globals))
    assert () == differences(catalogue, vm, more, _never)


@given(vm=_VMS, same=st.booleans())
def test_a_cpu_in_other_words_is_asked_about(
    catalogue: pa.FileCatalogue, vm: VirtualMachine, *, same: bool
) -> None:
    """Where nothing but words for the CPU differs the QEMU decides; it is asked for no other."""
    asked = []

    def answer(before: VirtualMachine, after: VirtualMachine) -> bool:
        asked.append((before, after))
        return same

    vm = evolve(vm, cpu=Cpu(model="qemu64", properties=(("a", "on"),)))
    for cpu, lines in (
        (Cpu(model="kvm64", properties=(("a", "on"),)), 1),
        (Cpu(model="qemu64", properties=(("a", "off"), ("b", "on"))), 2),
        (None, 2),
    ):
        other = evolve(vm, cpu=cpu)
        asked.clear()
        told = differences(catalogue, vm, other, answer)
        assert [(vm, other)] == asked
        assert (0 if same else lines) == len(told)
        differences(catalogue, vm, evolve(other, accelerator="hvf"), answer)
        assert [(vm, other)] == asked


# --- examples ------------------------------------------------------------------------------------


def _vm(catalogue: pa.FileCatalogue, device: str) -> VirtualMachine:
    return pa.virtual_machine(
        catalogue.devices(), "pc-q35-9.1", devices=[device], netdevs=["tap,id=n0", "tap,id=n1"]
    )


@pytest.mark.parametrize(
    ("stored", "given_", "told"),
    [
        ("virtio-net-pci,netdev=n0,id=a", "virtio-net-pci,netdev=n1,id=a", []),
        ("virtio-net-pci,netdev=n0,id=a", "virtio-net,netdev=n0,id=a", []),
        ("virtio-net-pci,netdev=n0,id=a", "virtio-net-pci,netdev=n0,id=a,mq=on", ["a.mq"]),
        ("virtio-net-pci,netdev=n0,id=a", "virtio-net-pci,netdev=n0,id=b", ["a", "b"]),
        ("virtio-net-pci,netdev=n0,id=a", "e1000,netdev=n0,id=a", ["a"]),
    ],
)  # fmt: skip
def test_what_only_the_host_can_tell_may_differ(
    catalogue: pa.FileCatalogue, stored: str, given_: str, told: list[str]
) -> None:
    """The name of what stands behind a device, and an alias of its driver: a guest sees neither."""
    lines = differences(catalogue, _vm(catalogue, stored), _vm(catalogue, given_), _never)
    assert told == [line.removeprefix("  device ").partition(":")[0] for line in lines]


def test_definitions_may_be_gone(catalogue: pa.FileCatalogue) -> None:
    """Of a machine type that no build has any more, properties are compared as they were said."""
    before = VirtualMachine(machine="pc-q35-0.1", devices=(Device(driver="acme", id="a"),))
    after = evolve(before, devices=(evolve(before.devices[0], properties=(("b", "c"),)),))
    assert () == differences(catalogue, before, before, _never)
    assert ("  device a.b: stored nothing, given c",) == differences(
        catalogue, before, after, _never
    )
