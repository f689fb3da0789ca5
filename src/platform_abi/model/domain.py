"""What of libvirt's domain XML says what of a QEMU command line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class DomainOption:
    """What stands at *path*, below ``domain``, becomes *key* of a QEMU option.

    *path* has names with slashes between them, ``timer[name=pit]`` for one of several, and ends in
    ``@attribute``, or in an element whose text counts. What is written otherwise is said behind a
    bar: ``|size`` in bytes, ``|K`` and ``|k`` in KiB, ``|0x`` and ``|base16`` of sixteen,
    ``|*1024`` and ``|/1024`` times that; ``|there`` is on where the element is. It counts where all
    of *when* are as they say, patterns among them. *values* maps what is said to what QEMU is told,
    and to nothing where it need not be; what is not in it is left unread. A *value* is told
    whatever is said.
    """

    option: str
    key: str
    path: str
    when: Mapping[str, str] = field(factory=dict)
    values: Mapping[str, str] = field(factory=dict)
    value: str = ""


@frozen(kw_only=True)
class DomainDevice:
    """An *element* below ``devices`` is a device with *driver*.

    Paths are below the element. *driver* may have ``{path}`` in it, and is given the transport that
    the address names where it is *virtio*. *properties* are by name where their value is said, and
    *fixed* has others. *alias* is what libvirt calls the device where nobody names it, with ``{n}``
    for its number among its like, and ``{slot}`` for where it is said to be. Without a *driver*
    it is none of its own. *place* is what kind of address it has to have: ``pci``, ``usb``,
    ``drive`` or none.
    """

    element: str
    driver: str
    when: Mapping[str, str] = field(factory=dict)
    alias: str = ""
    place: str = ""
    virtio: bool = False
    properties: Mapping[str, str] = field(factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(factory=dict)
    fixed: Mapping[str, str] = field(factory=dict)
    #: Whether *driver* is the whole name, though it is *virtio*.
    whole: bool = False
    #: Whether the element is one below ``domain`` itself.
    above: bool = False
    #: The option that QEMU is told of it where it is none of its own.
    option: str = ""
    #: What names the bus of the controller that this one is a companion of.
    companion: str = ""
    #: The kind of codec that is in it where none is named.
    codec: str = ""
    #: Paths of what of it only the host can tell.
    unseen: tuple[str, ...] = ()
    #: Machine types, as patterns, of which this holds, and architectures; none: of all.
    machines: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()


@frozen(kw_only=True)
class QmFlags:
    """*flags* that Proxmox VE gives a CPU: ``+name``, ``-name``, ``name`` or ``name=value`` each.

    They count for a *model* and an *ostype*, patterns both, a Windows of that version or later,
    with *firmware* of UEFI only from that one on, and *kvm* only where that is used. *since* and
    *before* are machine versions, *runs_on* is the release of the QEMU that runs it. What *host*
    says decides as well, and nobody knows that from a configuration.
    """

    flags: str
    model: str = "*"
    ostype: str = "*"
    windows: int = 0
    firmware: int = 0
    kvm: bool = False
    since: str = ""
    before: str = ""
    runs_on: str = ""
    host: str = ""


@frozen(kw_only=True)
class DomainTable:
    """Everything in ``definitions/domains/``.

    *types* are the domain's types by the accelerator that they mean. *unseen* are paths, with
    patterns, of what neither a guest nor a migration stream can tell, with all below them.
    *cpu_features* are flags that libvirt calls otherwise than QEMU, and *usual_cpu* the model of
    an architecture where none is named. *inside* are devices that a board has by itself: an
    ``element``, its paths, and perhaps a ``machine`` as a pattern.
    """

    types: Mapping[str, str] = field(factory=dict)
    unseen: tuple[str, ...] = ()
    inside: tuple[Mapping[str, str], ...] = ()
    cpu_features: Mapping[str, str] = field(factory=dict)
    no_cpu_features: tuple[str, ...] = ()
    usual_cpu: Mapping[str, str] = field(factory=dict)
    #: Modes of a CPU by the model that QEMU is told.
    cpu_modes: Mapping[str, str] = field(factory=dict)
    #: By architecture, boards, as patterns, that have ACPI where they are not told otherwise.
    acpi: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: Modes of a CPU that is told whether it shows the host's caches.
    host_caches: tuple[str, ...] = ()
    #: What is behind a device for cryptography, by its model.
    cryptodev: Mapping[str, str] = field(factory=dict)
    #: By machine type, as a pattern, the driver that lets a guest suspend.
    power: Mapping[str, str] = field(factory=dict)
    #: Blocks of DMI tables by the number of their type.
    smbios: Mapping[str, str] = field(factory=dict)
    #: By where memory is from, the kind of its backend and what that is told besides.
    memory: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: What -global says where firmware's variables are SMM's alone to write.
    secure_flash: tuple[str, ...] = ()
    #: By type of an interface, the netdev that libvirt makes of it.
    netdev: Mapping[str, str] = field(factory=dict)
    #: Types of interfaces that are macvtaps, which QEMU takes for taps, by what they are instead.
    shown_as: Mapping[str, str] = field(factory=dict)
    #: By netdev, the option by which it is in front of vhost.
    vhost: Mapping[str, str] = field(factory=dict)
    #: Suffixes of drivers by kind of address, and by what a model ends in.
    transport: Mapping[str, str] = field(factory=dict)
    generation: tuple[str, ...] = ()
    #: Properties that every virtio device has, by where they are said.
    virtio: Mapping[str, str] = field(factory=dict)
    #: What a NIC of several queues is told: ``{n}`` is their number, ``{vectors}`` that of vectors.
    queues: Mapping[str, str] = field(factory=dict)
    #: What a board's controller of floppy disks is told, and machine types, as patterns, that have
    #: none of their own.
    floppy: str = ""
    floppy_plugged: tuple[str, ...] = ()
    #: By architecture, what libvirt rounds sizes of memory up to, in bytes.
    alignment: Mapping[str, int] = field(factory=dict)
    #: Machine types, as patterns, whose nodes may be parts of one memory.
    one_piece: tuple[str, ...] = ()
    #: The same of memory that is a device, and architectures where a label is beside that.
    module_alignment: Mapping[str, int] = field(factory=dict)
    label_beside: tuple[str, ...] = ()
    #: Kinds of what is behind a TPM by what QEMU calls them, where that is another name.
    tpmdev: Mapping[str, str] = field(factory=dict)
    #: Keys of a configuration of Proxmox VE that only the host can tell, with patterns.
    qm_unseen: tuple[str, ...] = ()
    #: Options of a NIC there of which the same is true.
    qm_nic_unseen: tuple[str, ...] = ()
    #: Files of -readconfig that it ships, by name: what -device says of each device in them.
    qm_configurations: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: What QEMU is called there.
    qm_program: str = ""
    #: By model of a NIC there, its driver, and what is behind it; ``*`` is any other.
    qm_nics: Mapping[str, str] = field(factory=dict)
    qm_netdev: Mapping[str, str] = field(factory=dict)
    #: By driver of one, the option ROM that it has where old ones are asked for.
    qm_roms: Mapping[str, str] = field(factory=dict)
    #: Architectures of which is known what it makes of a configuration.
    qm_arches: tuple[str, ...] = ()
    #: By architecture, the board there where none is named.
    qm_boards: Mapping[str, str] = field(factory=dict)
    #: By release of QEMU, how often Proxmox VE has changed what it makes of a configuration.
    qm_revisions: Mapping[str, int] = field(factory=dict)
    #: By kind of guest, which Windows that is; others are called so themselves.
    qm_windows: Mapping[str, int] = field(factory=dict)
    #: By model of a CPU there, the model of QEMU's that it is, and its flags.
    qm_cpus: Mapping[str, str] = field(factory=dict)
    #: By accelerator, the model there where none is named; and models that are the host's own.
    qm_usual_cpus: Mapping[str, str] = field(factory=dict)
    qm_host_cpus: tuple[str, ...] = ()
    #: By pattern of a model of QEMU's, the vendor that it is given.
    qm_vendors: Mapping[str, str] = field(factory=dict)
    #: Displays by their driver.
    qm_displays: Mapping[str, str] = field(factory=dict)
    #: Sound cards by the codecs that are on each.
    qm_sound: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: Options of a disk of which all that a guest can tell is read.
    qm_disk: tuple[str, ...] = ()
    #: Where devices are on PCI, by their names: bus and slot. Those of higher numbers follow it, up
    #: to one that is nowhere.
    qm_slots: Mapping[str, str] = field(factory=dict)
    #: By controller of SCSI: driver, disks of each, whether these are told by target or unit, name.
    qm_scsi: Mapping[str, str] = field(factory=dict)
    #: What QEMU is told of each thing, with fields in braces; and since which version what besides.
    qm_words: Mapping[str, str] = field(factory=dict)
    #: By kind of guest, since which version its machine has no HPET.
    qm_hpet: Mapping[str, str] = field(factory=dict)
    #: What the machine type of a Windows begins with that names no release, by board; and which it
    #: is: that on which it was made *since* one, and *before* that another.
    qm_windows_boards: Mapping[str, str] = field(factory=dict)
    qm_flag: tuple[QmFlags, ...] = ()
    #: The files of -readconfig that have the board of q35, the newest first.
    qm_q35: tuple[str, ...] = ()
    #: Codecs of a sound card by their driver.
    codecs: Mapping[str, str] = field(factory=dict)
    option: tuple[DomainOption, ...] = ()
    device: tuple[DomainDevice, ...] = ()

    def containers(self) -> frozenset[str]:
        """Return the elements that say nothing by themselves: all known paths lead through them."""
        paths = [_FILTER.sub("", path) for path in self.unseen]
        paths += [_FILTER.sub("", rule.path.partition("|")[0]) for rule in self.option]
        parts = (path.split("/")[:-1] for path in paths if not path.startswith("devices/"))
        return frozenset("/".join(each[:n]) for each in parts for n in range(1, len(each) + 1))


#: What an element on a path has to have.
_FILTER = re.compile(r"\[[^\]]*\]")
