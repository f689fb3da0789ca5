"""Domains as libvirt has them, beside the virtual machines that they are."""

from __future__ import annotations

from typing import NamedTuple

import platform_abi as pa
from platform_abi.model.xml_tree import read_xml

MACHINE = "pc-q35-9.1"
BUILD = "qemu-10.0.2"


class Kind(NamedTuple):
    """A device: its element, and what QEMU is given for it. ``{id}`` stands for its label."""

    element: str
    device: str
    netdev: str = ""


#: The label of each device, and what it is.
KINDS = {
    "net0": Kind(
        "<interface type='ethernet'>\n"
        "      <mac address='52:54:00:00:00:01'/>\n"
        "      <!-- the first -->\n"
        "      <script path='/bin/true'/>\n"
        "      <model type='virtio'/>\n"
        "    </interface>",
        "virtio-net-pci,netdev=host{id},id={id}",
        "tap,fd=3,id=host{id}",
    ),
    "ua-lan": Kind(
        '<interface type="user"><alias name="ua-lan"/><mac address="52:54:00:00:00:02"/>'
        '<model type="virtio"/></interface>',
        "virtio-net-pci,netdev=host{id},id={id}",
        "user,id=host{id}",
    ),
    "net2": Kind(
        "<interface type='ethernet'>\n"
        "      <mac address='52:54:00:00:00:03'/>\n"
        "      <script path='/bin/true'/>\n"
        "      <model type='virtio'/>\n"
        "      <driver name='vhost' queues='2'><host csum='off'/></driver>\n"
        "    </interface>",
        "virtio-net-pci,netdev=host{id},id={id},csum=off",
        "tap,fd=4,id=host{id},vhost=on",
    ),
    "virtio-disk0": Kind(
        "<disk type='file' device='disk'>\n"
        "      <driver name='qemu' type='raw'/>\n"
        "      <source file='/a.img'/>\n"
        "      <target dev='vda' bus='virtio'/>\n"
        "    </disk>",
        "virtio-blk-pci,drive=a,id={id}",
    ),
    "scsi0": Kind(
        "<controller type='scsi' index='0' model='virtio-scsi'/>", "virtio-scsi-pci,id={id}"
    ),
    "scsi0-0-0-0": Kind(
        "<disk type='file' device='disk'>\n"
        "      <driver name='qemu' type='raw'/>\n"
        "      <source file='/b.img'/>\n"
        "      <target dev='sda' bus='scsi'/>\n"
        "      <address type='drive' controller='0' bus='0' target='0' unit='0'/>\n"
        "    </disk>",
        "scsi-hd,drive=b,id={id}",
    ),
    "vsock0": Kind(
        "<vsock model='virtio'><cid auto='no' address='5'/></vsock>",
        "vhost-vsock-pci,guest-cid=5,id={id}",
    ),
    "video0": Kind(
        "<video>\n      <model type='virtio' heads='1' primary='yes'/>\n    </video>",
        "virtio-vga,id={id}",
    ),
    "balloon0": Kind("<memballoon model='virtio'/>", "virtio-balloon-pci,id={id}"),
    "rng0": Kind(
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        "virtio-rng-pci,id={id}",
    ),
}

_HEAD = f"""<?xml version='1.0' encoding='utf-8'?>
<!-- by hand: ümlaut -->
<domain type='kvm'>
  <name>small</name>
  <memory unit='MiB'>64</memory>
  <vcpu placement='static'>2</vcpu>
  <os>
    <type arch='x86_64' machine='{MACHINE}'>hvm</type>
  </os>
  <features>
    <acpi/>
    <apic/>
    <!-- no more of them -->
  </features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
"""

_TAIL = "  </devices>\n</domain>\n"


def domain(labels: tuple[str, ...]) -> str:
    """Return a domain with the devices of *labels*."""
    return _HEAD + "".join(f"    {KINDS[label].element}\n" for label in labels) + _TAIL


def machine_of(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...], *, accelerator: str = "kvm"
) -> pa.VirtualMachine:
    """Return the virtual machine of that domain."""
    kinds = [(label, KINDS[label]) for label in labels]
    return pa.virtual_machine(
        catalogue.devices(),
        MACHINE,
        accelerator=accelerator,
        devices=[kind.device.format(id=label) for label, kind in kinds],
        netdevs=[kind.netdev.format(id=label) for label, kind in kinds if kind.netdev],
        build=BUILD,
    )


def elements(text: str, labels: tuple[str, ...]) -> dict[str, int]:
    """Return where the element of each of the devices begins, in bytes."""
    devices = read_xml(text, "a domain").first("devices")
    assert devices is not None
    emulator, *of_devices = devices.children
    assert "emulator" == emulator.name
    return {label: each.start for label, each in zip(labels, of_devices, strict=True)}
