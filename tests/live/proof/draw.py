"""One trial, drawn: a virtual machine, a platform, two hosts and the QEMU of each.

The words are those that people write; what no QEMU takes is no trial (``void``), whatever is said
of it. A seed and a number always give the same trial.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

from tests.live.migration.hosts import KERNELS

#: Versioned machine types and the releases of QEMU, among those here, that have them.
MACHINES: Final[Mapping[str, tuple[str, ...]]] = {
    "pc-q35-2.12": ("5.2", "7.2", "8.2", "10.0", "10.0.13"),
    "pc-q35-4.2": ("5.2", "7.2", "8.2", "10.0", "10.0.13"),
    "pc-i440fx-5.1": ("5.2", "7.2", "8.2", "10.0", "10.0.13"),
    "pc-q35-5.2": ("5.2", "7.2", "8.2", "10.0", "10.0.13", "11.1"),
    "pc-i440fx-5.2": ("5.2", "7.2", "8.2", "10.0", "10.0.13", "11.1"),
    "pc-q35-6.2": ("7.2", "8.2", "10.0", "10.0.13", "11.1"),
    "pc-i440fx-6.0": ("7.2", "8.2", "10.0", "10.0.13", "11.1"),
    "pc-q35-7.1": ("7.2", "8.2", "10.0", "10.0.13", "11.1"),
    "pc-q35-7.2": ("7.2", "8.2", "10.0", "10.0.13", "11.1"),
    "pc-i440fx-7.2": ("7.2", "8.2", "10.0", "10.0.13", "11.1"),
    "pc-q35-8.1": ("8.2", "10.0", "10.0.13", "11.1"),
    "pc-i440fx-8.2": ("8.2", "10.0", "10.0.13", "11.1"),
    "pc-q35-noble-v2": ("8.2",),
    "pc-q35-9.1": ("10.0", "10.0.13", "11.1"),
    "pc-i440fx-9.2": ("10.0", "10.0.13", "11.1"),
    "pc-q35-10.0": ("10.0", "10.0.13", "11.1"),
    "pc-q35-10.2": ("11.1",),
    "pc-q35-11.1": ("11.1",),
}

#: What is rare among hosts is rare here: a tap without UFO only Linux 4.14 had.
_KERNELS: Final = (*KERNELS, *("this-one", "6.9", "5.14", "no-async-pf-int") * 4)

_PLATFORMS: Final = (
    *("conservative", "linux-4.18", "linux-5.10", "linux-5.14", "linux-6.1", "linux-6.6"),
    *("linux-6.9", "linux-6.12", "linux-6.17", "linux-rhel-8.10", "linux-rhel-9.4"),
)

#: Models that either accelerator has; what a host lacks of them QEMU leaves out with a warning.
_CPUS: Final = (
    *("qemu64", "kvm64", "Nehalem", "Westmere", "SandyBridge", "Haswell", "Skylake-Client"),
    *("Skylake-Server", "Opteron_G3", "EPYC", "EPYC-v2", "Icelake-Server", "Denverton"),
)
_FLAGS: Final = (
    *("aes", "avx", "avx2", "bmi2", "fsgsbase", "invpcid", "pcid", "pku", "rdrand", "rdtscp"),
    *("smap", "smep", "sse4.2", "ssse3", "umip", "x2apic", "xsave", "xsaveopt", "svm", "vmx"),
    *("la57", "movdiri", "avx512f", "waitpkg", "arch-capabilities", "spec-ctrl", "ibpb"),
    *("kvm-asyncpf-int", "kvm-pv-eoi", "kvm-pv-unhalt", "kvm-steal-time", "invtsc", "pmu"),
)

_NICS: Final = (
    *("virtio-net-pci",) * 6,
    *("virtio-net-pci-non-transitional", "virtio-net-pci-transitional"),
    *("e1000", "e1000e", "rtl8139", "vmxnet3", "igb"),
)

#: Features of a virtio NIC that users do write.
_NIC_PROPERTIES: Final = (
    *("mq=on", "mrg_rxbuf=off", "host_uso=on", "guest_uso4=on", "guest_uso6=on", "ctrl_vq=off"),
    *("csum=off", "guest_csum=off", "gso=off", "hash=on", "rss=on", "rx_queue_size=1024"),
    *("tx_queue_size=256", "vectors=6", "host_ufo=off", "guest_ufo=off", "packed=on"),
    *("host_mtu=9000", "disable-legacy=on", "disable-modern=on", "romfile=", "iommu_platform=on"),
    *("guest_tso4=off", "host_tunnel=off", "event_idx=off", "queue_reset=off", "speed=1000"),
)

_DISKS: Final = (
    "virtio-blk-pci,drive={drive}",
    "virtio-blk-pci,drive={drive},num-queues=2,queue-size=128",
    "virtio-blk-pci,drive={drive},discard=off,write-zeroes=off",
    "nvme,serial=one,drive={drive}",
    "ide-hd,drive={drive}",
)
_OTHERS: Final = (
    *("virtio-rng-pci", "virtio-rng-pci,max-bytes=1024", "virtio-balloon-pci"),
    *("virtio-balloon-pci,free-page-reporting=on", "virtio-balloon-pci,deflate-on-oom=on"),
    *("virtio-scsi-pci", "virtio-scsi-pci,num_queues=3,seg_max_adjust=off", "virtio-serial-pci"),
    *(
        "virtio-serial-pci,max_ports=4",
        "virtio-keyboard-pci",
        "virtio-tablet-pci",
        "virtio-gpu-pci",
    ),
    *(
        "virtio-gpu-pci",
        "virtio-iommu-pci",
        "qemu-xhci",
        "ich9-usb-ehci1",
        "piix3-usb-uhci",
        "nec-usb-xhci",
    ),
    *("intel-hda", "ich9-intel-hda", "AC97", "i6300esb", "pvpanic-pci", "edu", "lsi53c895a"),
    *("megasas", "mptsas1068", "pvscsi", "ich9-ahci", "pci-serial", "pci-testdev", "sdhci-pci"),
    *("VGA", "bochs-display", "cirrus-vga", "virtio-vga", "vmware-svga", "secondary-vga"),
    *("pci-bridge,chassis_nr=1", "virtio-mem-pci,memdev=dimm,id=vm0", "vmcoreinfo", "vmgenid"),
)


@frozen(kw_only=True)
class Trial:
    """A guest that is to move from one host to another.

    *words* is the virtual machine; *changed* is the same as written at the destination, where the
    two differ. *platform* is None where nobody names one.
    """

    number: int
    kernels: tuple[str, str]
    qemus: tuple[str, str]
    platform: str | None
    words: tuple[str, ...] = field(repr=False)
    changed: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        differ = "" if self.words == self.changed else f"  THERE: {' '.join(self.changed)}"
        return (
            f"{self.number}: {'/'.join(self.kernels)} {'/'.join(self.qemus)} {self.platform}: "
            f"{' '.join(self.words)}{differ}"
        )


def draw(seed: int, number: int, *, kvm: bool) -> Trial:
    """Return trial *number* of *seed*; with *kvm* some of the virtual machines use it."""
    dice = random.Random(f"{seed}:{number}")
    machine = dice.choice(sorted(MACHINES))
    qemus = dice.choice(MACHINES[machine]), dice.choice(MACHINES[machine])
    accelerator = "kvm" if kvm and dice.random() < 0.4 else "tcg"
    board = ("-nodefaults", "-no-user-config", "-display", "none")
    smm = ",smm=off" if accelerator == "kvm" and dice.random() < 0.8 else ""
    words = (
        *board,
        *("-machine", machine + smm, "-accel", accelerator, *_cpu(dice, accelerator)),
        *_sizes(dice),
        *_devices(dice),
    )
    return Trial(
        number=number,
        kernels=(dice.choice(_KERNELS), dice.choice(_KERNELS)),
        qemus=qemus,
        platform=None if dice.random() < 0.1 else dice.choice(_PLATFORMS),
        words=words,
        changed=_changed(dice, words) if dice.random() < 0.15 else words,
    )


def _cpu(dice: random.Random, accelerator: str) -> tuple[str, ...]:
    if accelerator == "kvm" and dice.random() < 0.5:
        model = dice.choice(("host", "max"))
    else:
        model = dice.choice(("max", *_CPUS))
    flags = [f"{flag}={dice.choice(('on', 'off'))}" for flag in _some(dice, _FLAGS, 2)]
    vendor = ["vendor=GenuineIntel"] if dice.random() < 0.3 else []
    return "-cpu", ",".join([model, *vendor, *flags])


def _sizes(dice: random.Random) -> tuple[str, ...]:
    cpus = dice.choice((1, 1, 2, 4))
    smp = dice.choice((str(cpus), str(cpus), f"{cpus},maxcpus=8", f"{cpus},sockets={cpus}"))
    memory = dice.choice(("64", "128M", "256", "128M,slots=2,maxmem=1G"))
    return "-smp", smp, "-m", memory


def _devices(dice: random.Random) -> tuple[str, ...]:
    words: list[str] = []
    for number in range(dice.choice((0, 1, 1, 1, 2))):
        queues = dice.choice((1, 1, 1, 2))
        tap = f"tap,id=n{number},script=no,downscript=no" + (",queues=2" if queues == 2 else "")
        netdev = dice.choice((tap, tap, tap, f"user,id=n{number}", f"hubport,id=n{number},hubid=1"))
        driver = dice.choice(_NICS)
        properties = _some(dice, _NIC_PROPERTIES, 2) if driver.startswith("virtio") else []
        words += ["-netdev", netdev]
        words += [
            "-device",
            ",".join([driver, f"netdev=n{number}", f"id=net{number}", *properties]),
        ]
    for number in range(dice.choice((0, 0, 1))):
        words += ["-blockdev", f"null-co,node-name=d{number},size=1048576,read-zeroes=on"]
        words += ["-device", dice.choice(_DISKS).format(drive=f"d{number}")]
    for device in _some(dice, _OTHERS, 3):
        if "memdev=dimm" in device:
            words += ["-object", "memory-backend-ram,id=dimm,size=128M"]
        if device == "virtio-scsi-pci" and dice.random() < 0.5:
            words += ["-blockdev", "null-co,node-name=s0,size=1048576,read-zeroes=on"]
            words += ["-device", f"{device},id=scsi", "-device", "scsi-hd,drive=s0,bus=scsi.0"]
            continue
        words += ["-device", device]
    return tuple(words)


def _some(dice: random.Random, among: Sequence[str], most: int) -> list[str]:
    return dice.sample(among, dice.randint(0, most))


def _changed(dice: random.Random, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return *words* with a slip, as it is made where a command line is written twice."""
    options = [list(pair) for pair in _paired(words)]
    slip = dice.choice(("smp", "m", "order", "drop", "cpu"))
    for pair in options:
        if slip == pair[0].lstrip("-") == "smp":
            pair[1] = "3" if pair[1] != "3" else "2"
        if slip == pair[0].lstrip("-") == "m":
            pair[1] = "192"
        if slip == pair[0].lstrip("-") == "cpu":
            pair[1] += ",pdpe1gb=on"
    places = [at for at, pair in enumerate(options) if pair[0] == "-device"]
    if slip == "order" and len(places) > 1:
        one, other = places[0], places[-1]
        options[one], options[other] = options[other], options[one]
    if slip == "drop" and places:
        del options[places[-1]]
    return tuple(word for pair in options for word in pair)


def _paired(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return options with their arguments."""
    found: list[tuple[str, ...]] = []
    for word in words:
        if word.startswith("-") or len(found[-1]) == 2:
            found.append((word,))
        else:
            found[-1] = (*found[-1], word)
    return found
