"""What the definitions say can be plugged is what real devices say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.qemu.stdio_qmp import Qmp
from platform_abi.resolver.hotplug import fixed_devices

pytestmark = pytest.mark.live

_TIMEOUT = 60.0
_BOARD = ("-accel", "tcg", "-nodefaults", "-audiodev", "none,id=a")

_EVERYWHERE = (
    *("virtio-rng-pci,id=rng", "VGA,id=vga", "virtio-gpu-pci,id=gpu", "e1000,id=nic"),
    *("vmcoreinfo,id=core", "isa-serial,id=serial", "qemu-xhci,id=usb", "usb-kbd,bus=usb.0,id=kbd"),
    *(
        "intel-hda,id=hda",
        "hda-duplex,bus=hda.0,id=sound,audiodev=a",
        "i6300esb,id=dog",
        "edu,id=edu",
    ),
)

#: By board: what can be there besides.
_BOARDS = {
    "pc-i440fx-7.2": ("pci-bridge,chassis_nr=1,id=bridge", "pci-ohci,id=ohci", "cirrus-vga,id=c"),
    "pc-q35-7.2": (
        *("pcie-root-port,id=rp,chassis=1", "virtio-balloon-pci,id=behind,bus=rp"),
        *("intel-iommu,id=iommu", "e1000e,id=on-board,bus=pcie.0", "ich9-usb-ehci1,id=ehci"),
    ),
}


@pytest.mark.parametrize("machine", _BOARDS)
def test_what_can_be_plugged_is_what_qemu_says(
    catalogue: pa.FileCatalogue, qemu: Path, machine: str
) -> None:
    """Of each device, where it is."""
    devices = (*_EVERYWHERE, *_BOARDS[machine])
    vm = pa.virtual_machine(catalogue.devices(), machine, accelerator="tcg", devices=devices)
    words = [w for device in devices for w in ("-device", device)]
    words = [*_BOARD, "-machine", machine, *words]
    with Qmp(str(qemu), words, timeout=_TIMEOUT) as qmp:
        asked = {
            label: qmp.execute(
                "qom-get", path=f"/machine/peripheral/{label}", property="hotpluggable"
            )
            for label in vm.labels()
        }
    assert {label for label, can in asked.items() if not can} == {*fixed_devices(catalogue, vm)}
