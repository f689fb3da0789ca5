"""Other architectures than x86_64: real QEMUs take the arguments, and devices have the values."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.model.option_language import option_value
from platform_abi.qemu.stdio_qmp import Qmp
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

#: Architecture, family of machine types, and a NIC that goes into it.
BOARDS = [
    ("aarch64", "virt", "virtio-net-pci"),
    ("aarch64", "virt", "virtio-net-device"),
    ("ppc64", "pseries", "virtio-net-pci"),
    ("riscv64", "virt", "virtio-net-pci"),
    ("riscv64", "virt", "virtio-net-device"),
    ("s390x", "s390-ccw-virtio", "virtio-net-ccw"),
]


def _machines(catalogue: pa.FileCatalogue, arch: str, family: str, version: str) -> list[str]:
    """Return the newest, a middle and the oldest of a family's machine types in a build."""
    build = BUILD_OF[version]
    found = [
        name
        for name in catalogue.build(build, arch).machines
        if catalogue.machine(build, name, arch).family == family
    ]
    return sorted({found[0], found[len(found) // 2], found[-1]})


def _binary(binaries: dict[str, Path], version: str, arch: str) -> str:
    """Return the emulator of *arch* beside the one of x86_64, or end the test."""
    name = binaries[version].name.replace("x86_64", arch)
    binary = shutil.which(str(binaries[version].with_name(name)))
    if binary is None:
        if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
            pytest.fail(f"required, but missing: {name}", pytrace=False)
        pytest.skip(f"no {name}; tests/live/install-qemu can get it")
    return binary


#: Says that it is there, and ends it.
_QUIT = '{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n'


@pytest.mark.parametrize("version", ["10.0", "11.1"])
@pytest.mark.parametrize("arch", ["aarch64", "ppc64", "riscv64", "s390x"])
def test_the_launcher_starts_a_nic(
    version: str, arch: str, qemu_binaries: dict[str, Path], tmp_path: Path
) -> None:
    """Also of a QEMU without a default machine, which names no netdev until it is given one."""
    _, family, driver = next(board for board in BOARDS if board[0] == arch)
    binary = _binary(qemu_binaries, version, arch)
    words = ["--qemu", binary, "-machine", f"{family},accel=tcg", "-platform", "linux-6.9"]
    words += ["-nodefaults", "-display", "none", "-S", "-qmp", "stdio"]
    words += ["-netdev", "user,id=n0", "-device", f"{driver},netdev=n0,id=net0"]
    run = "import sys; from platform_abi.cli.qemu_platform import entry; sys.exit(entry())"
    done = subprocess.run(
        [sys.executable, "-c", run, *words],
        input=_QUIT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert '"QMP"' in done.stdout


@pytest.mark.parametrize("version", ["10.0", "11.1"])
@pytest.mark.parametrize("board", BOARDS, ids="-".join)
def test_the_arguments_are_taken_and_hold(
    version: str,
    board: tuple[str, str, str],
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
) -> None:
    """Every setting of the ABI is what the realized NIC says, from the oldest machine type on."""
    arch, family, driver = board
    binary = _binary(qemu_binaries, version, arch)
    for machine in _machines(catalogue, arch, family, version):
        # A board without versions is another in every build.
        build = BUILD_OF[version]
        vm = pa.virtual_machine(
            catalogue.devices(),
            machine,
            arch=arch,
            accelerator="tcg",
            build=build if machine == family else None,
            devices=[f"{driver},netdev=n0,id=net0"],
            netdevs=["user,id=n0"],
        )
        for platform in ("linux-6.9", "conservative"):
            abi = pa.resolve(catalogue, vm, platform)
            devices = ("-netdev", "user,id=n0", "-device", f"{driver},netdev=n0,id=net0")
            with Qmp(binary, ["-nodefaults", *pa.arguments(abi), *devices], timeout=60) as qemu:
                values = {
                    each.property: each.value
                    for each in abi.settings
                    if each.driver == "virtio-net-device"
                }
                assert len(values) > 10
                for key, value in values.items():
                    found = qemu.execute("qom-get", path="/machine/peripheral/net0", property=key)
                    assert option_value(found) == value, (machine, platform, key)
