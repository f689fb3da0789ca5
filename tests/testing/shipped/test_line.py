"""Command lines that are drawn: each resolves, and what fails is a small virtual machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import find, given, seed, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.testing import shipped
from tests.testing.shipped.test_machine import EVERY

#: Why a virtual machine may be refused that a QEMU would take, by the code that says so.
REFUSED: frozenset[str] = frozenset()


@given(data=st.data())
def test_every_line_resolves_or_is_refused_by_name(
    catalogue: pa.FileCatalogue, data: st.DataObject
) -> None:
    """On every platform of every released edition."""
    line = data.draw(shipped.command_lines(catalogue))
    platform = data.draw(shipped.platforms(catalogue))
    try:
        abi = pa.resolve(catalogue, line.vm(catalogue), platform)
    except pa.PlatformAbiError as error:
        assert error.code in REFUSED  # noqa: PT017 - which code it is, is the law
    else:
        assert abi.vm.machine == line.machine.name
        assert len(abi.vm.devices) == len(line.devices)


@given(data=st.data())
def test_a_line_is_read_as_it_was_drawn(catalogue: pa.FileCatalogue, data: st.DataObject) -> None:
    """Machine, accelerator, CPU, drivers and properties; each is once what it was drawn as."""
    line = data.draw(shipped.command_lines(catalogue))
    vm = line.vm(catalogue)
    assert (vm.machine, vm.arch, vm.build) == (
        line.machine.name,
        line.machine.arch,
        line.machine.build,
    )
    assert vm.accelerator == line.accelerator
    assert (None if vm.cpu is None else vm.cpu.model) == line.cpu
    assert [device.driver for device in vm.devices] == [device.driver for device in line.devices]
    for read, drawn in zip(vm.devices, line.devices, strict=True):
        assert {*drawn.properties} <= {*read.properties}
    assert len(vm.labels()) == len(set(vm.labels()))


def _drawn(catalogue: pa.FileCatalogue, number: int) -> list[tuple[str, ...]]:
    """Return some of what is drawn of seed *number*."""
    found: list[tuple[str, ...]] = []

    @seed(number)
    @settings(max_examples=5, database=None, deadline=None)
    @given(line=shipped.command_lines(catalogue))
    def draw(line: shipped.DrawnLine) -> None:
        found.append(line.words)

    draw()
    return found


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_same_choices_are_the_same_line(catalogue: pa.FileCatalogue, number: int) -> None:
    """What is drawn depends on the seed and on nothing else: another catalogue gives it again."""
    assert _drawn(catalogue, number) == _drawn(pa.FileCatalogue(catalogue.roots), number)


def _has(word: str) -> Callable[[shipped.DrawnLine], bool]:
    return lambda line: any(word in device.driver for device in line.devices)


def test_what_always_fails_shrinks_to_a_machine_type(catalogue: pa.FileCatalogue) -> None:
    """Nothing else is on the line: no device, no CPU, the first accelerator."""
    least = find(shipped.command_lines(catalogue), lambda _: True, settings=EVERY)
    assert least.words == ("-nodefaults", "-machine", least.machine.name, "-accel", "kvm")
    assert least.machine.family == "pc-q35"


@pytest.mark.parametrize("word", ["scsi", "net", "nvme"])
def test_what_fails_for_a_device_shrinks_to_that_one(
    catalogue: pa.FileCatalogue, word: str
) -> None:
    """One machine type and one device without a property."""
    least = find(shipped.command_lines(catalogue), _has(word), settings=EVERY)
    (device,) = least.devices
    assert (device.properties, least.cpu, least.accelerator) == ((), None, "kvm")


def test_what_fails_for_a_property_shrinks_to_that_one(catalogue: pa.FileCatalogue) -> None:
    """One machine type, one device, one property."""
    least = find(
        shipped.command_lines(catalogue),
        lambda line: any(("mrg_rxbuf", "off") in each.properties for each in line.devices),
        settings=EVERY,
    )
    (device,) = least.devices
    assert (device.properties, least.cpu) == ((("mrg_rxbuf", "off"),), None)


def test_what_is_shown_can_be_pasted(catalogue: pa.FileCatalogue) -> None:
    """Hypothesis shows the command line, and where it was drawn for."""
    from hypothesis.vendor.pretty import pretty

    least = find(shipped.command_lines(catalogue), lambda _: True, settings=EVERY)
    assert pretty(least) == (
        f"<-nodefaults -machine {least.machine.name} -accel kvm in {least.machine.build} x86_64>"
    )
