"""What is recorded of moves between builds is what moving there gives."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import platform_abi as pa
from platform_abi.compat.streams import stream_findings
from tests.conftest import DEFINITIONS
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

#: Of the pairs so many are tried again, always the same, and one that is known to stop.
_SAMPLE = 3

#: Relatives of drivers that were moved, none of which was itself: not on that machine type.
_RELATIVES = (
    "virtio-blk-pci-transitional,drive=d0",
    "virtio-scsi-pci-transitional",
    "virtio-rng-pci-non-transitional",
    "virtio-balloon-pci-transitional",
    "virtio-serial-pci-non-transitional",
    "virtio-vga",
)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """Return the tool that made the record."""
    path = DEFINITIONS.parent / "tools" / "stream_matrix.py"
    spec = spec_from_file_location("stream_matrix", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _sample(catalogue: pa.FileCatalogue) -> list[tuple[str, str]]:
    table = catalogue.streams("x86_64")
    assert table is not None
    every = [(p.source, p.destination) for p in table.pair if p.machines]
    return [("qemu-5.2.0", "qemu-7.2.22"), *random.Random("streams").sample(every, _SAMPLE)]


def test_moving_again_gives_what_is_recorded(
    tool: ModuleType, catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """The same drivers stop on the newest machine type that both builds have, and no others."""
    versions = {build: version for version, build in BUILD_OF.items()}
    table = catalogue.streams("x86_64")
    assert table is not None
    stopping = 0
    for ends in _sample(catalogue):
        folder = {qemu_binaries[versions[build]].parents[1] for build in ends}.pop()
        pair = table.between(*ends)
        assert pair is not None
        machine = max((m for m in pair.machines if "q35" in m), key=pair.machines.index)
        matrix = tool.Matrix(catalogue, folder)
        expected = {s.driver for s in pair.stopped if machine in s.machines}
        drivers, stopped = matrix.moved(ends, machine, expected)
        assert (drivers, {*stopped}) == (table.tried(pair, machine), expected), (ends, machine)
        backends = {(each.backend, each.devices) for each in pair.backends}
        again = {(each["backend"], each["devices"]) for each in matrix.backends(ends, [machine])}
        assert again == backends, ends
        stopping += len(expected)
    assert stopping


def test_a_relative_of_what_stops_does_stop(
    catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """Drivers that were never moved themselves, from 10.0.13 to 11.1: each is blamed by both."""
    devices = [f"{text},id=it{number}" for number, text in enumerate(_RELATIVES)]
    vm = pa.virtual_machine(
        catalogue.devices(), "pc-i440fx-10.0", accelerator="tcg", devices=devices
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    told = [*stream_findings(catalogue, abi, "qemu-10.0.13", "qemu-11.1.3", allow_unknown=True)]
    assert {each.severity for each in told} == {"blocked"}, told
    ends = [str(qemu_binaries[version]) for version in ("10.0.13", "11.1")]
    seen = pa.rehearse(catalogue, abi, *ends).forward.findings
    assert {f.device for f in told} == {f.device for f in seen if f.code == "device-stopped"}
    assert len(told) == len(_RELATIVES)


@pytest.mark.parametrize("arch", ["aarch64", "ppc64", "riscv64", "s390x"])
def test_machines_of_other_architectures_move_as_recorded(
    arch: str, tool: ModuleType, catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """The newest machine type of both builds, there and back, with a device of every driver."""
    matrix = tool.Matrix(catalogue, qemu_binaries["11.1"].parents[1], arch)
    table = catalogue.streams(arch)
    assert table is not None
    for ends in (("qemu-10.0.2", "qemu-11.1.3"), ("qemu-11.1.3", "qemu-10.0.2")):
        pair = table.between(*ends)
        assert pair is not None
        machine = pair.machines[-1]
        expected = {s.driver for s in pair.stopped if machine in s.machines}
        drivers, stopped = matrix.moved(ends, machine, expected)
        assert (drivers, {*stopped}) == (table.tried(pair, machine), expected), (ends, machine)
        vm = pa.virtual_machine(
            catalogue.devices(), machine, arch=arch, accelerator="tcg", build=ends[0]
        )
        told = stream_findings(catalogue, pa.resolve(catalogue, vm, "linux-6.9"), *ends)
        assert bool([*told]) == ("" in stopped)
