"""Which questions follow from the catalogue."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.host.questions import (
    board_questions,
    cpu_observations,
    device_drivers,
    device_questions,
)
from platform_abi.qemu.inventory import Inventory


@pytest.fixture(scope="module")
def everything(catalogue: pa.FileCatalogue) -> Inventory:
    """Return a QEMU that has every device and property of the newest build, and no CPU flag."""
    build = catalogue.builds("x86_64")[0]
    types = catalogue.types(build, "x86_64")
    board = next(m for m in catalogue.build(build, "x86_64").machines if m.startswith("pc-q35"))
    names = device_drivers(catalogue)
    return Inventory(
        arch="x86_64",
        board=board,
        options={
            **{name: types.properties(name) for name in names if name in types},
            f"{board}-machine": frozenset({"smm"}),
            "kvm-accel": frozenset({"kernel-irqchip"}),
        },
        cpu={},
    )


def test_every_question_is_about_capabilities_that_exist(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """Each bit is forced on by a property that this QEMU has, and stands for something known."""
    questions = list(device_questions(catalogue, everything))
    assert {q.backend for q in questions} == {"tap", "tap+vhost", "vhost-vsock"}
    for question in questions:
        assert question.needs <= catalogue.capabilities().keys()
        for bit in question.bits:
            assert bit.property in everything.options[question.driver]
            assert f",{bit.property}=on" in question.arguments([bit])[-1]


def test_a_question_says_what_was_offered_bit_by_bit(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """Of 128 bits those that were forced on are looked at, and no other."""
    question = next(q for q in device_questions(catalogue, everything) if q.backend == "tap")
    for chosen in question.bits:
        seen = list(question.seen(question.bits, 1 << chosen.bit.bit))
        granted = [bit.bit.bit for bit, o in zip(question.bits, seen, strict=True) if o.granted]
        assert granted == [chosen.bit.bit]
    assert {"tun.uso", "tun.udp-tunnel-gso"} <= question.needs


def test_behind_channels_are_the_devices_that_are_looked_at_there(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """Each has a number there and no slot, and is asked about the same."""
    build = catalogue.builds("s390x")[0]
    types = catalogue.types(build, "s390x")
    options = {name: types.properties(name) for name in device_drivers(catalogue) if name in types}
    known = Inventory(arch="s390x", board="s390-ccw-virtio-9.1", options=options, cpu={})
    there = list(device_questions(catalogue, known, channels=True))
    assert {q.driver for q in there} == {"virtio-net-ccw", "vhost-vsock-ccw"}
    assert all(",devno=fe.0.0005," in question.arguments([])[-1] for question in there)
    here = device_questions(catalogue, everything)
    assert {q.backend: q.needs for q in there} == {q.backend: q.needs for q in here}


def test_what_a_qemu_lacks_is_not_asked(catalogue: pa.FileCatalogue, everything: Inventory) -> None:
    """A QEMU before 8.2 knows no property for UDP segmentation: that says nothing of the host."""
    older = {n: p - {"host_uso", "guest_uso4", "guest_uso6"} for n, p in everything.options.items()}
    known = Inventory(arch="x86_64", board="pc-q35-7.2", options=older, cpu={})
    needs = {name for q in device_questions(catalogue, known) for name in q.needs}
    assert "tun.ufo" in needs
    assert "tun.uso" not in needs
    nothing = Inventory(arch="x86_64", board="none", options={}, cpu={})
    assert list(device_questions(catalogue, nothing)) == []
    assert list(board_questions(catalogue, nothing, "kvm")) == []


def test_a_flag_that_nobody_turns_on_by_itself_is_not_refused(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """-cpu host has no Hyper-V flag on any host, so that one is off proves nothing."""
    cpu = {"kvm-asyncpf": False, "kvm-pv-eoi": True, "hv-relaxed": False, "phys-bits": 0}
    known = Inventory(arch="x86_64", board=everything.board, options={}, cpu=cpu)
    seen = {o.needs: o.granted for o in cpu_observations(catalogue, known, "kvm")}
    assert seen == {("kvm.pv.async-pf",): False, ("kvm.pv.pv-eoi",): True}
    assert list(cpu_observations(catalogue, known, "tcg")) == []


def test_an_option_is_asked_where_the_qemu_has_it(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """Of the board or of the accelerator, and never of a board that has no such feature."""
    asked = {q.needs: q.arguments for q in board_questions(catalogue, everything, "kvm")}
    board = everything.board
    assert asked == {
        ("kvm.smm",): ("-machine", f"{board},smm=on", "-accel", "kvm"),
        ("kvm.split-irqchip",): ("-machine", board, "-accel", "kvm,kernel-irqchip=split"),
    }
    assert list(board_questions(catalogue, everything, "tcg")) == []
