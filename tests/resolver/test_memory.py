"""What a catalogue remembers of earlier resolutions changes no later one."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.memo import forget
from tests.conftest import DEFINITIONS

_CATALOGUE = pa.FileCatalogue([DEFINITIONS])

_DEVICES = (
    pa.Device(driver="virtio-net-pci", backend="tap"),
    pa.Device(driver="virtio-net-pci", backend="tap+vhost"),
    pa.Device(driver="virtio-net-pci-non-transitional", backend="user"),
    pa.Device(driver="virtio-net-pci", backend="vhost-user"),
    pa.Device(driver="virtio-net-pci", backend="tap", properties=(("host_uso", "off"),)),
    pa.Device(driver="virtio-net-pci", backend="tap", properties=(("mac", "52:54:00:1:2:3"),)),
    pa.Device(driver="virtio-blk-pci"),
    pa.Device(driver="virtio-blk-pci", properties=(("backend_defaults", "on"),)),
    pa.Device(driver="virtio-mem-pci"),
    pa.Device(driver="virtio-mem-pci", properties=(("memaddr", "0x100000000"),)),
    pa.Device(driver="virtio-gpu-pci"),
    pa.Device(driver="virtio-vga"),
    pa.Device(driver="vfio-pci"),
    pa.Device(driver="tpm-crb"),
    pa.Device(driver="vhost-vsock-pci"),
    pa.Device(driver="e1000e", backend="user"),
)
_GLOBALS = (
    pa.GlobalProperty(driver="virtio-net-device", property="host_uso", value="off"),
    pa.GlobalProperty(driver="virtio-net-pci", property="csum", value="off"),
    pa.GlobalProperty(driver="x86_64-cpu", property="kvmclock", value="off"),
    pa.GlobalProperty(driver="e1000e", property="disable_vnet_hdr", value="off"),
)


#: The last asks for more than it guarantees, of each NIC.
_PLATFORMS = ("linux-6.1", "linux-6.9", "linux-6.1,virtio-net.rss=on")


@st.composite
def _machines(draw: st.DrawFn) -> pa.VirtualMachine:
    devices = draw(st.lists(st.sampled_from(_DEVICES), max_size=5))
    names = draw(st.permutations(range(len(devices))))
    return pa.VirtualMachine(
        machine=draw(st.sampled_from(["pc-q35-9.1", "pc-i440fx-8.1"])),
        accelerator=draw(st.sampled_from(["kvm", "tcg"])),
        devices=tuple(
            evolve(device, id=draw(st.sampled_from([None, f"d{name}"])))
            for device, name in zip(devices, names, strict=True)
        ),
        globals=tuple(draw(st.lists(st.sampled_from(_GLOBALS), max_size=2))),
    )


@given(st.lists(_machines(), min_size=2, max_size=4), st.sampled_from(_PLATFORMS))
@settings(max_examples=60)
def test_what_was_resolved_before_changes_nothing(
    machines: list[pa.VirtualMachine], platform: str
) -> None:
    """Each machine resolves after all the others to what it resolves to on its own."""
    alone = []
    for vm in machines:
        forget(_CATALOGUE)
        alone.append(pa.resolve(_CATALOGUE, vm, platform))
    forget(_CATALOGUE)
    together = [pa.resolve(_CATALOGUE, vm, platform) for vm in (*machines, *machines)]
    assert [*alone, *alone] == together
