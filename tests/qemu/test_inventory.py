"""What one QEMU has: what it says, of the types that were asked for, and no guess."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from platform_abi.qemu.inventory import Inventory, inventory
from tests.qemu.programs import code_of, qemu, script

_HERE = os.uname().machine
_EXPANSION = "query-cpu-model-expansion"

_ANSWERS: dict[str, Any] = {
    "query-target": {"arch": _HERE},
    "query-machines": [
        {"name": "none"},
        {"name": "pc-i440fx-9.1", "is-default": True, "alias": "pc"},
        {"name": "pc-q35-9.0"},
        {"name": "pc-q35-9.1", "alias": "q35"},
    ],
    "device-list-properties": {
        "net-pci": [{"name": "mac", "type": "str"}, {"name": "mq", "type": "bool"}],
    },
    "qom-list-properties": {
        "pc-q35-9.1-machine": [{"name": "smm", "type": "bool"}],
        "pc-i440fx-9.1-machine": [{"name": "acpi", "type": "bool"}],
        "none-machine": [],
        "kvm-accel": [{"name": "kernel-irqchip", "type": "on|off|split"}],
        "tcg-accel": [{"name": "thread", "type": "string"}],
    },
    "query-kvm": {"enabled": True, "present": True},
    _EXPANSION: {"model": {"name": "host", "props": {"avx": True, "level": 13}}},
}


def _of(folder: Path, accelerator: str = "kvm", **answers: Any) -> Inventory:
    named = {name.replace("_", "-"): answer for name, answer in answers.items()}
    binary = qemu(folder, {n: a for n, a in {**_ANSWERS, **named}.items() if a is not None})
    return inventory(binary, ["net-pci", "no-such"], timeout=30, accelerator=accelerator)


def test_it_has_what_it_says(tmp_path: Path) -> None:
    """Of the newest board, of the accelerator, of each driver, and of the CPU; of no other type."""
    assert Inventory(
        arch=_HERE,
        board="pc-q35-9.1",
        options={
            "net-pci": frozenset({"mac", "mq"}),
            "no-such": frozenset(),
            "pc-q35-9.1-machine": frozenset({"smm"}),
            "kvm-accel": frozenset({"kernel-irqchip"}),
        },
        cpu={"avx": True, "level": 13},
        for_devices="pc-q35-9.1",
    ) == _of(tmp_path)


def test_without_an_accelerator_nobody_asks_for_its_cpu(tmp_path: Path) -> None:
    """``-cpu host`` is none of an emulator's, and its absence no complaint."""
    found = _of(tmp_path, "tcg", query_kvm=None, query_cpu_model_expansion=None)
    assert ({}, "") == (found.cpu, found.complaint)
    assert {"thread"} == found.options["tcg-accel"]


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"query_kvm": {"enabled": False}}, "no KVM: without a word"),
        ({"query_cpu_model_expansion": None}, f"{_EXPANSION}: {_EXPANSION} has not been found"),
    ],
    ids=["kvm", "expansion"],
)
def test_a_cpu_that_cannot_be_asked_is_complained_of(
    tmp_path: Path, answers: dict[str, Any], complaint: str
) -> None:
    """In QEMU's words; the rest is known all the same."""
    found = _of(tmp_path, **answers)
    assert ({}, complaint) == (found.cpu, found.complaint)
    assert found.options["net-pci"]


@pytest.mark.parametrize(
    ("machines", "board"),
    [
        ([{"name": "a", "is-default": True}, {"name": "b", "alias": "q35"}], "b"),
        ([{"name": "a", "alias": "pc"}, {"name": "b", "is-default": True}], "b"),
        ([{"name": "a", "is-default": False}, {"name": "b"}], "none"),
        ([], "none"),
    ],
)
def test_the_board_is_the_newest_that_is_asked_about(
    tmp_path: Path, machines: list[dict[str, Any]], board: str
) -> None:
    """What q35 stands for, else the default, else the board that has nothing."""
    found = _of(tmp_path, query_machines=machines)
    assert board == found.board == found.for_devices


@pytest.mark.parametrize("virt", [{"name": "virt-9.1", "alias": "virt"}, {"name": "virt"}])
def test_devices_are_put_on_the_newest_virt_where_nothing_is_the_default(
    tmp_path: Path, virt: dict[str, Any]
) -> None:
    """As on Arm, whose boards are asked nothing else for it."""
    found = _of(tmp_path, query_machines=[{"name": "sbsa"}, virt, {"name": "virt-9.0"}])
    assert ("none", virt["name"]) == (found.board, found.for_devices)


def test_a_qemu_of_another_machine_is_no_oracle(tmp_path: Path) -> None:
    """Its devices would be those of no host here."""
    assert "qemu-architecture" == code_of(lambda: _of(tmp_path, query_target={"arch": "no-such"}))


@pytest.mark.parametrize(
    "answers",
    [
        {"query_target": {}},
        {"query_target": 1},
        {"query_machines": [1]},
        {"query_machines": [{"alias": "q35"}]},
        {"query_machines": 1},
        {"query_kvm": {}},
        {"query_kvm": []},
        {"query_cpu_model_expansion": {"model": {}}},
        {"query_cpu_model_expansion": {"model": {"props": 7}}},
        {"device_list_properties": {"net-pci": [{}]}},
        {"device_list_properties": {"net-pci": 3}},
    ],
    ids=str,
)
def test_what_no_qemu_answers_is_an_error(tmp_path: Path, answers: dict[str, Any]) -> None:
    """Of one kind, whatever it is."""
    assert "qemu-failed" == code_of(lambda: _of(tmp_path, **answers))


def test_a_command_that_every_qemu_has_is_missing(tmp_path: Path) -> None:
    """Then it is none."""
    assert "qemu-failed" == code_of(lambda: _of(tmp_path, query_machines=None))
    binary = script(tmp_path, "exit 1")
    assert "qemu-failed" == code_of(lambda: inventory(binary, [], timeout=30, accelerator="kvm"))
