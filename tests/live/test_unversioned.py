"""Boards without a version: what is resolved for a QEMU is what that QEMU starts with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.launch.asking import ThisHost
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.platform_option import platform_option
from platform_abi.launch.start import start
from platform_abi.qemu.stdio_qmp import Qmp
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_FOLDER = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
_NIC = ("-netdev", "user,id=n0", "-device", "virtio-net-device,netdev=n0")


@pytest.mark.parametrize("version", ["10.0", "11.1"])
@pytest.mark.parametrize(("arch", "machine"), [("riscv64", "virt"), ("x86_64", "microvm")])
def test_a_qemu_starts_with_what_was_resolved_for_it(
    catalogue: pa.FileCatalogue, arch: str, machine: str, version: str
) -> None:
    """It knows every property that is written, as it would die of one that it does not have."""
    binary = Path(_FOLDER or "/nowhere", "bin", f"qemu-system-{arch}-{version}")
    if not binary.exists():
        pytest.skip(f"no QEMU {version} for {arch}")
    words: Sequence[str] = ["-machine", machine, "-accel", "tcg", "-nodefaults", *_NIC]
    line = read_command_line(
        catalogue.options(), [*words, "-platform", "linux-6.9,allow-unknown=on"]
    )
    host = ThisHost(catalogue, str(binary))
    begun = start(catalogue, line, platform_option(line), host, arch=arch)
    assert begun.abi.vm.build == BUILD_OF[version]
    with Qmp(str(binary), begun.words, timeout=60) as qmp:
        assert qmp.execute("query-status")["status"] == "prelaunch"
