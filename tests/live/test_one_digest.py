"""Two virtual machines with one digest are one to a guest: random command lines, and real QEMUs."""

from __future__ import annotations

import random
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import described
from platform_abi.qemu.stdio_qmp import Qmp
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_SEED = 20261128
_PAIRS = 24

_DISK = "file=null-co://,format=raw"

#: What a machine can be like, and for each of that the ways to say it.
_SUBJECTS = (
    (
        ("", "-smp 1", "-machine smp.cpus=1"),
        ("-smp 2", "-smp cpus=2,threads=1", "-smp 2,maxcpus=2"),
        ("-smp 2,maxcpus=4", "-smp maxcpus=4 -smp 2"),
        ("-smp 4,sockets=2,maxcpus=4", "-smp 4,sockets=2,threads=1"),
    ),
    (
        ("", "-m 128", "-m size=128M", "-machine memory.size=128M"),
        ("-m 64", "-m 65536K"),
        ("-m 64,slots=2,maxmem=256M", "-m 64M -m maxmem=0.25G,slots=2"),
    ),
    (("", "-machine hpet=on"), ("-machine hpet=off", "-machine hpet=no")),
    (("", "-machine usb=off,graphics=yes"), ("-usb", "-machine usb=on")),
    (("", "-serial none"), ("-serial null", "-chardev null,id=c -serial chardev:c")),
    (
        ("",),
        (f"-drive if=ide,{_DISK}", f"-drive {_DISK},index=0,media=disk,cache=unsafe"),
        (f"-drive if=ide,index=1,{_DISK}", f"-drive {_DISK},index=1"),
    ),
    (
        ("-device virtio-rng-pci -device virtio-balloon-pci,id={}",),
        ("-device virtio-balloon-pci,id={} -device virtio-rng-pci",),
        (
            "-device virtio-rng-pci,addr=5 -device virtio-balloon-pci,id={},addr=0x6",
            "-device virtio-balloon-pci,addr=06.0 -device virtio-rng-pci,id={},addr=5",
        ),
        (
            "-device pcie-root-port,id={0},addr=7 -device virtio-rng-pci,bus={0}",
            "-device pcie-root-port,id={0},addr=0x7.0,bus=pcie.0 -device virtio-rng,bus={0}",
        ),
        (
            "-blockdev null-co,node-name=n -device virtio-blk-pci,id={},drive=n",
            f"-drive if=none,id=e,{_DISK} -device virtio-blk-pci,id={{}},drive=e",
            f"-drive if=virtio,{_DISK}",
        ),
    ),
)  # fmt: skip

#: What the host calls things is nothing to a guest, nor to a migration stream.
_NAMES = frozenset({"qdev_id", "qom-path", "props-id"})


def _pairs() -> Iterator[tuple[str, str]]:
    """Yield two command lines each that say much the same, or all of it."""
    draw = random.Random(_SEED)
    for _ in range(_PAIRS):
        like = [draw.randrange(len(subject)) for subject in _SUBJECTS]
        other = [*like]
        if draw.random() < 0.4:
            at = draw.randrange(len(_SUBJECTS))
            other[at] = draw.randrange(len(_SUBJECTS[at]))
        yield _written(draw, like), _written(draw, other)


def _written(draw: random.Random, like: list[int]) -> str:
    parts = [
        draw.choice(subject[at]).format(f"id{draw.randrange(100)}")
        for subject, at in zip(_SUBJECTS, like, strict=True)
    ]
    return " ".join(parts)


def _seen(qemu: Path, text: str, machine: str) -> Mapping[str, Any]:
    """Return what a guest finds, and what memory is called in a migration stream."""
    words = ["-machine", machine, "-accel", "tcg", "-nodefaults", *shlex.split(text)]
    with Qmp(str(qemu), words, timeout=60) as qmp:
        get = {"path": "/machine", "property": "smp"}
        ram = qmp.execute("human-monitor-command", **{"command-line": "info ramblock"})
        return {
            "pci": _nameless(qmp.execute("query-pci")),
            "smp": qmp.execute("qom-get", **get),
            "memory": qmp.execute("qom-get", **{**get, "property": "memory"}),
            "cpus": _nameless(qmp.execute("query-hotpluggable-cpus")),
            "hpet": qmp.execute("qom-get", **{**get, "property": "hpet"}),
            # The last column is where this process has it.
            "ram": sorted(row.split()[:4] for row in str(ram).splitlines()[1:]),
        }


def _nameless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nameless(inner) for key, inner in value.items() if key not in _NAMES}
    return [_nameless(inner) for inner in value] if isinstance(value, list) else value


def _digest(catalogue: pa.FileCatalogue, text: str, machine: str) -> str:
    line = f"-machine {machine} -accel tcg -cpu qemu64 -nodefaults {text}"
    read = read_command_line(catalogue.options(), shlex.split(line))
    abi = pa.resolve(catalogue, described(catalogue, read, arch="x86_64").vm, "linux-6.9")
    return pa.abi_digest(abi)


@pytest.mark.parametrize(("version", "machine"), [("7.2", "pc-q35-6.1"), ("11.1", "pc-q35-10.0")])
def test_one_digest_is_one_machine(
    catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path], version: str, machine: str
) -> None:
    """Its PCI devices with their places, its vCPUs with their topology, its memory by its blocks.

    And where a guest finds something else the digests differ.
    """
    equal = differ = 0
    for one, other in _pairs():
        same = _digest(catalogue, one, machine) == _digest(catalogue, other, machine)
        seen = (
            _seen(qemu_binaries[version], one, machine),
            _seen(qemu_binaries[version], other, machine),
        )
        if same:
            assert seen[0] == seen[1], f"{one}\n{other}"
            equal += 1
        else:
            differ += seen[0] != seen[1]
    assert equal > _PAIRS // 4
    assert differ


@pytest.mark.parametrize("family", ["pc-q35", "pc-i440fx"])
def test_what_is_said_to_be_a_boards_default_is_there_without_a_word(
    catalogue: pa.FileCatalogue,
    qemu: Path,
    qemu_version: str,
    family: str,
) -> None:
    """On the oldest machine type, the newest, and one between, of each release."""
    build = catalogue.build(
        BUILD_OF[qemu_version],
        "x86_64",
    )
    board = catalogue.options().board_of("x86_64", family)
    assert board is not None
    assert board.defaults
    names = [
        name
        for name in build.machines
        if catalogue.machine(build.name, name, "x86_64").family == family
    ]
    for name in {names[0], names[len(names) // 2], names[-1]}:
        words = ("-machine", name, "-accel", "tcg", "-nodefaults")
        with Qmp(str(qemu), words, timeout=_TIMEOUT) as qmp:
            there = {row["name"] for row in qmp.execute("qom-list", path="/machine")}
            said = {
                key: qmp.execute("qom-get", path="/machine", property=key)
                for key in board.defaults.keys() & there
            }
        words_of = {key: _BOOLEAN.get(str(value), str(value)) for key, value in said.items()}
        assert {key: _MEANS.get((key, word), word) for key, word in words_of.items()} == {
            key: board.defaults[key] for key in said
        }


_BOOLEAN = {"True": "on", "False": "off"}

#: What QEMU makes of its own word (hw/i386/x86-common.c, x86_machine_is_acpi_enabled).
_MEANS = {("acpi", "auto"): "on"}
_TIMEOUT = 60.0
