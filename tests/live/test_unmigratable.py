"""What the definitions say of devices that QEMU does not migrate, asked of real QEMUs.

A paused machine with one such device is told to migrate to a descriptor that there is not: QEMU
refuses for the device before it looks for that (migration/migration.c, migration_is_blocked).
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError, QmpError
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_TIMEOUT = 60.0
_BLOCK = ("-blockdev", "null-co,node-name=d0,size=1048576,read-zeroes=on")
_CRYPTO = ("-object", "cryptodev-backend-builtin,id=c0")
_SHARED = ("-object", "memory-backend-ram,id=m0,size=1M,share=on")
_USB = ("-device", "qemu-xhci,id=usb")

#: Devices, and what has to be there before each.
DEVICES: dict[str, tuple[str, ...]] = {
    "nvme,serial=1,drive=d0,id=dut": _BLOCK,
    "nvme,serial=1,drive=d0,cmb_size_mb=16,id=dut": _BLOCK,
    "nvme,serial=1,drive=d0,pmrdev=m0,id=dut": (*_BLOCK, *_SHARED),
    "virtio-crypto-pci,cryptodev=c0,id=dut": _CRYPTO,
    "amd-iommu,id=dut": (),
    "usb-net,bus=usb.0,id=dut": _USB,
    "usb-kbd,bus=usb.0,id=dut": _USB,
    "ivshmem-plain,memdev=m0,id=dut": _SHARED,
    "ivshmem-plain,memdev=m0,master=on,id=dut": _SHARED,
    "virtio-blk-pci,drive=d0,id=dut": _BLOCK,
    "virtio-rng-pci,id=dut": (),
    "intel-iommu,id=dut": (),
    "e1000e,id=dut": (),
    "rocker,id=dut": (),
}


def _refused(binary: Path, machine: str, words: tuple[str, ...]) -> str:
    """Return why QEMU would not migrate; empty where only the place to migrate to is missing."""
    arguments = ("-machine", machine, "-accel", "tcg", "-nodefaults", *words)
    with (
        Qmp(str(binary), arguments, timeout=_TIMEOUT) as qmp,
        pytest.raises(QmpCommandError) as caught,
    ):
        qmp.execute("migrate", uri="fd:nowhere")
    said = str(caught.value)
    return "" if "nowhere" in said else said


@pytest.mark.parametrize("device", DEVICES)
def test_qemu_refuses_what_is_said_to_be_in_the_way_and_nothing_else(
    catalogue: pa.FileCatalogue, qemu: Path, qemu_version: str, device: str
) -> None:
    """By the build, by the device's transport and by its properties."""
    build = BUILD_OF[qemu_version]
    machine = "pc-q35-7.2"
    vm = pa.virtual_machine(
        catalogue.devices(), machine, accelerator="tcg", devices=[device], build=build
    )
    said = [o for o in pa.resolve(catalogue, vm, "conservative").obstacles if "(dut)" in o.what]
    why = _refused(qemu, machine, (*DEVICES[device], "-device", device))
    assert bool(said) == bool(why), (said, why)


@pytest.mark.parametrize("accelerator", ["tcg", "kvm"])
@pytest.mark.parametrize("options", ["", ",share=on", ",prealloc=on", ",merge=off,dump=off"])
def test_where_dimms_stand_follows_from_their_sizes(
    request: pytest.FixtureRequest, qemu: Path, accelerator: str, options: str
) -> None:
    """Memory without a file has one alignment: nothing of the host is in an address."""
    if accelerator == "kvm":
        request.getfixturevalue("can_kvm")
    sizes = [128, 126, 2, 128]
    words: list[str] = ["-m", "256M,slots=8,maxmem=4G"]
    for number, size in enumerate(sizes):
        words += ["-object", f"memory-backend-ram,id=m{number},size={size}M{options}"]
        words += ["-device", f"pc-dimm,id=d{number},memdev=m{number}"]
    machine = ("-machine", "pc-q35-7.2", "-accel", accelerator, "-nodefaults")
    with Qmp(str(qemu), (*machine, *words), timeout=_TIMEOUT) as qmp:
        found = [entry["data"]["addr"] for entry in qmp.execute("query-memory-devices")]

    start = 1 << 32
    assert found == [start + (sum(sizes[:number]) << 20) for number in range(len(sizes))]
    with Qmp(str(qemu), (*machine, *words[:2]), timeout=_TIMEOUT) as qmp:
        qmp.execute("object-add", **{"qom-type": "memory-backend-ram", "id": "m", "size": 3 << 19})
        with pytest.raises(QmpCommandError, match="must be multiple of"):
            qmp.execute("device_add", driver="pc-dimm", id="d", memdev="m")


def test_where_virtio_memory_stands_follows_from_sizes_as_well(
    catalogue: pa.FileCatalogue, qemu: Path
) -> None:
    """With the blocks that a platform writes: devices of all kinds stand one behind the other."""
    device = "virtio-mem-pci,memdev=m0,id=dut"
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-7.2", devices=[device])
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    (blocks,) = [s for s in abi.settings if s.property == "block-size"]

    kinds = ["virtio-mem-pci", "virtio-pmem-pci", "virtio-mem-pci", "pc-dimm"]
    sizes = [128, 6, 130, 16]
    words = ["-m", "256M,slots=8,maxmem=4G"]
    words += ["-global", f"{blocks.driver}.{blocks.property}={blocks.value}"]
    for number, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        words += ["-object", f"memory-backend-ram,id=m{number},size={size}M"]
        words += ["-device", f"{kind},id=d{number},memdev=m{number}"]
    machine = ("-machine", "pc-q35-7.2", "-accel", "tcg", "-nodefaults")
    with Qmp(str(qemu), (*machine, *words), timeout=_TIMEOUT) as qmp:
        told = [entry["data"] for entry in qmp.execute("query-memory-devices")]
    found = [each.get("memaddr", each.get("addr")) for each in told]
    assert found == [(1 << 32) + (sum(sizes[:number]) << 20) for number in range(len(sizes))]


@pytest.mark.parametrize(
    "device",
    [("nvme,serial=1,id=dut",), ("nvme,serial=1,id=dut", "nvme-ns,drive=d0,bus=dut")],
)
def test_a_controller_without_a_disk_ends_the_qemu_that_moves_it(
    catalogue: pa.FileCatalogue, qemu: Path, qemu_version: str, device: tuple[str, ...]
) -> None:
    """Which is told of a build that migrates the others; one that migrates none refuses it."""
    machine, build = "pc-q35-7.2", BUILD_OF[qemu_version]
    vm = pa.virtual_machine(
        catalogue.devices(), machine, accelerator="tcg", devices=device, build=build
    )
    (said, *_) = pa.resolve(catalogue, vm, "conservative").obstacles
    words = [word for each in device for word in ("-device", each)]
    arguments = ("-machine", machine, "-accel", "tcg", "-nodefaults", *_BLOCK, *words)
    with Qmp(str(qemu), arguments, timeout=_TIMEOUT) as qmp:
        try:
            qmp.execute("migrate", uri="exec:cat >/dev/null")
        except QmpCommandError:
            assert f"{build} does not migrate it" in said.reason
            return
        with pytest.raises(QmpError):
            _until_it_failed(qmp)
        assert -signal.SIGSEGV == qmp.end()
    assert "segmentation fault" in said.reason


def _until_it_failed(qmp: Qmp) -> None:
    while "failed" != qmp.execute("query-migrate").get("status"):
        time.sleep(0.05)
