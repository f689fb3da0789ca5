"""What each message means, and what helps: a table, one row for each code of ``error_lines``.

Which bits, flags, kernels and properties a message is about is not here: the catalogue knows. A row
has words, and names features of the catalogue where the message is about a whole feature.
"""

from __future__ import annotations

from typing import Literal

from platform_abi.model.value import frozen

#: Which host lacks or has what the other does not.
Side = Literal["source", "destination", "this host", "either"]


@frozen(kw_only=True)
class Meaning:
    """What one message says. *says* and *helps* are filled in with the fields of the message."""

    code: str
    says: str
    helps: tuple[str, ...] = ()
    side: Side = "destination"
    #: Ids of the catalogue that the message is about.
    features: tuple[str, ...] = ()
    #: The device family that prints it, where only one does.
    family: str = ""
    #: One finding for all such messages of a text: each names one of many things.
    together: bool = False
    #: Whether the message by itself says why; where not, *helps* says what to look at.
    explains: bool = True


_SAME = "give both sides the same command line: one lockfile, on both"

MEANINGS: tuple[Meaning, ...] = (
    Meaning(
        code="virtio-features",
        says="the guest uses feature bits that the destination does not offer",
        helps=(
            (
                "arguments count when a guest is started: a running one keeps what it was given, "
                "and needs a destination that has it, or a start from power-off"
            ),
        ),
    ),
    Meaning(
        code="vnet-header",
        says="the source's network backend has a vnet header and the destination's has not; which "
        "one it has travels in the migration stream, and no property of the device decides it",
        helps=(
            "give the destination the same kind of netdev, a tap with a vnet header",
            "or start the source with -netdev tap,...,vnet_hdr=off, which can go to both kinds",
        ),
        features=("virtio-net.vnet-hdr",),
        family="virtio-net",
    ),
    Meaning(
        code="ufo-state",
        says="the source's tap accepts TUN_F_UFO and the destination's does not; that travels in "
        "the migration stream, even with guest_ufo and host_ufo off on both sides",
        helps=(
            "give the destination a tap that accepts TUN_F_UFO, or the source one that does not",
            "or start the source with -netdev tap,...,vnet_hdr=off, which asks for no offload",
        ),
        features=("virtio-net.ufo-state",),
        family="virtio-net",
    ),
    Meaning(
        code="queue-pairs",
        says="the guest uses more queue pairs (0x{source}) than the destination has (0x{here})",
        helps=("give the netdev on the destination the same queues=, and the device the same mq=",),
        family="virtio-net",
    ),
    Meaning(
        code="rss-table",
        says="the RSS indirection table in the stream has {source} entries, which is no valid size",
        helps=("the stream is damaged, or of a QEMU that counts differently; report it",),
        family="virtio-net",
    ),
    Meaning(
        code="queue-size",
        says="queue {queue} has {source} entries on the source and {here} on the destination",
        helps=(
            (
                "give both devices the same queue size: rx_queue_size and tx_queue_size of "
                "virtio-net, queue-size of virtio-blk, virtqueue_size of virtio-scsi"
            ),
            "QEMU 10.0 and older load such a stream without a word",
        ),
    ),
    Meaning(
        code="queue-state",
        says="the indices of queue {queue} do not fit the ring that the stream brought; the "
        "devices were made differently, or the guest or its backend wrote nonsense into the ring",
        helps=(_SAME, "and the same size and number of queues; if they are, report it to QEMU"),
        side="either",
    ),
    Meaning(
        code="queue-count",
        says="the stream has 0x{source} queues, more than any device can have",
        helps=("the stream is damaged, or is not read in step: look at the messages before it",),
        side="either",
    ),
    Meaning(
        code="queue-size-property",
        says="the queue size {here} of the command line is none that QEMU takes",
        helps=("queue sizes are powers of two, within the limits that the message names",),
        side="this host",
    ),
    Meaning(
        code="unknown-section",
        says="the source has a device that the destination has not: '{section}' {instance}",
        helps=(
            _SAME,
            (
                "a network backend such as slirp has a section of its own: the type of the netdev "
                "must be the same"
            ),
        ),
    ),
    Meaning(
        code="section-number",
        says="the stream is not read in step: section {number} was never announced",
        helps=("look at the messages before it; if there are none, report it to QEMU",),
        side="either",
        explains=False,
    ),
    Meaning(
        code="section-version",
        says="the source writes version {source} of '{section}', and the destination knows {here}",
        helps=("the destination's QEMU is too old, or the two machine types are not the same",),
    ),
    Meaning(
        code="section-length",
        says="'{section}' has more or less state on the source than on the destination: the two "
        "devices were made with other properties, queues or backends",
        helps=(_SAME,),
        side="either",
    ),
    Meaning(
        code="memory-block",
        says="the source has a piece of memory that the destination has not: {block}",
        helps=(_SAME, "it belongs to a device, a ROM or a memory backend of that name"),
    ),
    Meaning(
        code="rom-size",
        says="the option ROM {block} has 0x{source} bytes on the source and 0x{here} on the "
        "destination: the ROM files of the two hosts are not the same",
        helps=(
            "install the same ROM files on both; or give the device romsize=, or an empty romfile=",
        ),
        side="either",
    ),
    Meaning(
        code="memory-size",
        says="the memory {block} has 0x{source} bytes on the source and 0x{here} on the "
        "destination",
        helps=("give both sides the same -m, memory backends and firmware images",),
        side="either",
    ),
    Meaning(
        code="pci-config",
        says="byte 0x{offset} of the device's PCI configuration space is 0x{source} on the source "
        "and 0x{here} on the destination, and a guest may not see it change",
        helps=(
            (
                "the devices were made differently: number of queues or vectors, transitional or "
                "not, another slot, another machine type or QEMU"
            ),
            _SAME,
        ),
        side="either",
    ),
    Meaning(
        code="machine-mismatch",
        says="the source is a {source}, and the destination a {here}",
        helps=("give the destination -machine {source}: the source's machine type, unchanged",),
        side="either",
    ),
    Meaning(
        code="machine-unknown",
        says="this QEMU has no such machine type",
        helps=(
            (
                "vendors have machine types of their own, and QEMU drops old ones: use a QEMU that "
                "has it ('-machine help'), or start the guest anew with a type that both have"
            ),
        ),
        side="this host",
    ),
    Meaning(
        code="migration-blocked",
        says="the guest has a device that QEMU cannot migrate: {section}",
        helps=("take the device away, or use one that can be migrated",),
        side="source",
    ),
    Meaning(
        code="flag-blocked",
        says="the guest has the CPU flag {wants}, with which QEMU does not migrate it",
        helps=("take the flag away from -cpu, or pin what it depends on, such as tsc-frequency=",),
        side="source",
    ),
    Meaning(
        code="arm-registers",
        says="the source's KVM has more registers than the destination's: on Arm, the kernel "
        "decides which there are, and a stream with more of them is refused",
        helps=(
            "use a kernel on the destination that is as new as the source's",
            "no argument takes a register of KVM's away; QEMU newer than 11.0 may name them",
        ),
    ),
    Meaning(
        code="arm-register",
        says="the source's KVM has the register {register}, and the destination's has not",
        helps=("use a kernel on the destination that is as new as the source's",),
    ),
    Meaning(
        code="cpu-flag",
        says="the CPU model asks for what this host's processor, kernel or nesting does not give; "
        "without enforce QEMU drops it and starts, and a guest that moves here sees its CPU change",
        helps=(
            "choose a CPU model that all hosts have, and add enforce, so that QEMU refuses instead",
        ),
        side="this host",
        together=True,
    ),
    Meaning(
        code="cpu-enforced",
        says="with enforce, QEMU does not start where the host lacks a feature of the CPU model",
        helps=("the lines before it name the features; choose a CPU model that all hosts have",),
        side="this host",
    ),
    Meaning(
        code="hyperv-flag",
        says="the kernel of this host has not the Hyper-V enlightenment that -cpu asks for",
        helps=("a newer kernel, one built with CONFIG_KVM_HYPERV; or a guest without the flag",),
        side="this host",
        together=True,
    ),
    Meaning(
        code="hyperv-order",
        says="the Hyper-V enlightenment {wants} rests on {needs}, which -cpu leaves out",
        helps=("add {needs}=on to -cpu; this is no matter of the host",),
        side="this host",
    ),
    Meaning(
        code="hyperv-vpindex",
        says="the kernel of this host does not let QEMU set the Hyper-V VP index",
        helps=("a newer kernel, one built with CONFIG_KVM_HYPERV; or a guest without hv-vpindex",),
        side="this host",
        features=("hyperv.vpindex",),
    ),
    Meaning(
        code="model-register",
        says="KVM on this host refuses the value 0x{value} for the model-specific register "
        "0x{register}: its kernel or processor lacks what the register belongs to",
        helps=("choose a CPU model, and flags of -cpu, that this host has",),
        side="this host",
    ),
    Meaning(
        code="tsc-frequency",
        says="the guest's TSC runs at {source} kHz, this host's at {here} kHz, and the host cannot "
        "scale it",
        helps=(
            (
                "a host of the same frequency, or one with TSC scaling; tsc-frequency= of -cpu "
                "says from the start what a guest is told"
            ),
        ),
        side="this host",
        features=("x86-cpu.tsc-frequency", "x86-cpu.tsc-scaling"),
    ),
    Meaning(
        code="tsc-frequency-property",
        says="tsc-frequency of the destination's -cpu is not what the stream brought",
        helps=("give both sides the same tsc-frequency=, or none to the destination",),
        side="either",
        features=("x86-cpu.tsc-frequency",),
    ),
    Meaning(
        code="cpu-specification",
        says="libvirt found the guest's CPU to be another than the one in the domain XML",
        helps=(
            (
                "host-model is what one host had with one kernel and one QEMU: use a named model "
                "that all hosts have, with the features in question disabled"
            ),
        ),
        side="this host",
    ),
    Meaning(
        code="device-state",
        says="the state of '{section}' did not load",
        helps=("the reason stands in a line before it; explain the whole log",),
        explains=False,
    ),
    Meaning(
        code="device-field",
        says="a part of the state of '{section}' did not load",
        helps=("the reason stands in a line before it; explain the whole log",),
        explains=False,
    ),
    Meaning(
        code="migration-failed",
        says="the destination gave up",
        helps=("the reason stands in a line before it; explain the destination's whole log",),
        explains=False,
    ),
)

#: What is said besides where a bit is lacking that no feature of the catalogue describes.
UNDECIDED_BITS = (
    "no host decides {names}: the two command lines or machine types differ, or the backends of a "
    "vhost-user or vDPA device"
)

#: What is said of a features message that does not contain the bits it is about.
SILENT_MASKS = (
    "every bit that the line says the guest uses is allowed: the line explains nothing (QEMU 11.1 "
    "drops the bits in question before it prints them)"
)
SILENT_MASKS_HELPS = (
    "compare what both sides offer: resolve and diff their lockfiles, or verify both guests",
    "or repeat the migration to a QEMU 10.0: as the destination it prints the true masks",
)
