"""What devices offer by virtio-mmio, read from the registers of real QEMUs.

The registers are those of the VIRTIO specification, "MMIO Device Register Layout".
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.qemu.qtest import QUIET, Qtest
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_FOLDER = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
_MAGIC, _VERSION, _DEVICE, _FEATURES, _SELECT = 0x00, 0x04, 0x08, 0x10, 0x14
_VIRT = int.from_bytes(b"virt", "little")

#: Board, where its first slot is, how far they are apart and how many there are (hw/i386/microvm.c,
#: hw/riscv/virt.c).
BOARDS = {
    ("x86_64", "microvm,ioapic2=off"): (0xFEB00000, 0x200, 8),
    ("riscv64", "virt"): (0x10001000, 0x1000, 8),
}
DEVICES = {
    "virtio-rng-device,id=dut": (),
    "virtio-balloon-device,id=dut": (),
    "virtio-net-device,netdev=n0,id=dut": ("-netdev", "user,id=n0"),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("version", ["10.0", "11.1"])
@pytest.mark.parametrize("board", BOARDS, ids="-".join)
def test_mmio_shows_what_is_said_of_it(
    catalogue: pa.FileCatalogue, board: tuple[str, str], version: str, legacy: bool, device: str
) -> None:
    """The legacy bits by default, and with force-legacy=off the 64 of a modern device."""
    arch, machine = board
    binary = Path(_FOLDER or "/nowhere", "bin", f"qemu-system-{arch}-{version}")
    if not binary.exists():
        pytest.skip(f"no QEMU {version} for {arch}")
    build = BUILD_OF[version]
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        arch=arch,
        accelerator="tcg",
        devices=[device],
        netdevs=DEVICES[device][1::2],
        globals_=[] if legacy else ["virtio-mmio.force-legacy=off"],
        build=build,
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    words = pa.arguments(abi)
    if not any("dut" in word for word in words):
        words += ["-device", device]
    start, step, count = BOARDS[board]
    with Qtest(str(binary), [*words, *DEVICES[device], *QUIET]) as qtest:
        slots = [start + step * index for index in range(count)]
        (slot,) = [s for s in slots if qtest.readl(s) == _VIRT and qtest.readl(s + _DEVICE)]
        assert qtest.readl(slot + _VERSION) == (1 if legacy else 2)
        found = 0
        for word in range(2):
            qtest.writel(slot + _SELECT, word)
            found |= qtest.readl(slot + _FEATURES) << (32 * word)
    assert f"{found:#x}" == f"{pa.offered_bits(catalogue, abi, 'dut'):#x}"
