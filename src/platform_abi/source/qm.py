"""A virtual machine of Proxmox VE's, by what ``qm showcmd`` prints or by its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from platform_abi.errors import PlatformAbiError, printable
from platform_abi.launch.command_line import read_command_line
from platform_abi.qemu.binary import host_architecture
from platform_abi.source.kinds import kind_of
from platform_abi.source.qm_board import QmBoard
from platform_abi.source.qm_config import QmConfig, keys_of
from platform_abi.source.qm_devices import QmDevices
from platform_abi.source.reading import KnownBesides, Unread, VmReading
from platform_abi.source.words import from_command_line, read_line, split

if TYPE_CHECKING:
    from typing import Unpack

    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.domain import DomainTable

#: Where a host has the configurations of its own virtual machines.
QM_FOLDER = "/etc/pve/qemu-server"

#: Why what is not read is not.
_BY_PVE = "what it is to the guest follows from Proxmox VE's own code: 'qm showcmd' says it"


def from_qm(
    catalogue: Catalogue,
    text: str,
    *,
    name: str = "qm",
    arch: str | None = None,
    **besides: Unpack[KnownBesides],
) -> VmReading:
    """Return the virtual machine of Proxmox VE's that *text* describes.

    *text* is what ``qm showcmd`` prints, which says everything, or a file of
    ``/etc/pve/qemu-server``: that is read as ``qemu-server`` does, for x86. What only a host knows,
    such as the MTU of a bridge, is ``unread``, and so is what is not understood. *name* is what
    errors call it; the others are as in ``from_command_line``: a configuration that pins no machine
    type is of the newest of its QEMU, which only *build* or *aliases* say.

    Raises UsageError: ``qm-invalid`` for a line that is none, ``source-unknown`` for another text,
    and what ``from_command_line`` raises.
    """
    if kind_of(text, name) == "command-line":
        return from_command_line(catalogue, text, arch=arch, **besides)
    table = catalogue.domains()
    lines = keys_of(text, printable(name))
    values = {key: value for key, (_, value) in lines.items()}
    guest = values.get("arch", arch or host_architecture())
    means = _meant(catalogue, table, guest, besides)
    build = besides.get("build")
    qemu = catalogue.build(build, guest).version if build is not None else ""
    config = QmConfig(table, values, arch=guest, means=means, qemu=qemu)
    # The bridges of this host say nothing of a configuration from elsewhere.
    words = [*_words(config, besides if name.startswith(f"{QM_FOLDER}/") else {})]
    for key in values:
        if not (config.unseen(key) or _is_read(key)):
            config.leave(key)
    return read_line(
        catalogue,
        read_command_line(catalogue.options(), ["-nodefaults", *words]),
        program=table.qm_program,
        arch=guest,
        unread=[*_unread(config, lines)],
        **besides,
    )


def _words(config: QmConfig, besides: KnownBesides) -> Iterator[str]:
    """Yield QEMU's words for the whole of *config*."""
    table = config.table
    read_file = besides.get("read_file")

    def mtu(bridge: str) -> str | None:
        text = None if read_file is None or "/" in bridge else read_file(_MTU.format(bridge))
        return None if text is None else text.strip()

    yield from QmBoard(config).words()
    if config.arch in table.qm_arches and config.version is not None:
        yield from QmDevices(config, mtu).words()
    else:
        config.leave("devices")
    yield from split(config.values.get("args", ""))


#: Where a kernel has the MTU of an interface.
_MTU = "/sys/class/net/{}/mtu"


def _meant(
    catalogue: Catalogue, table: DomainTable, arch: str, besides: KnownBesides
) -> Mapping[str, str]:
    """Return what QEMU calls the boards without a release, as far as that is known."""
    from platform_abi.resolver.machine_choice import choose_machine

    found = dict(besides.get("aliases") or {})
    build = besides.get("build")
    for name in (*table.qm_boards.values(), "q35") if build is not None else ():
        try:
            found[name] = choose_machine(catalogue, name, arch, build)[1].name
        except PlatformAbiError:
            continue
    return found


def _unread(config: QmConfig, lines: Mapping[str, tuple[int, str]]) -> Iterator[Unread]:
    for key, why in config.left.items():
        line = lines.get(key.partition("/")[0])
        place = "" if line is None else f"line {line[0]}"
        yield Unread(what=f"qm/{key}", reason=why or _BY_PVE, place=place)


def _is_read(key: str) -> bool:
    """Return whether *key* is one that is looked at, and left where it is not understood."""
    stem = key.rstrip("0123456789")
    return key in _KEYS or (stem in _NUMBERED and stem != key)


_KEYS = frozenset({
    "acpi", "agent", "arch", "args", "audio0", "balloon", "bios", "boot", "bootdisk", "cores",
    "cpu", "efidisk0", "hotplug", "hugepages", "kvm", "localtime", "machine", "memory", "numa",
    "ostype", "rng0", "scsihw", "smbios1", "sockets", "spice_enhancements", "startdate", "tablet",
    "tdf", "tpmstate0", "vcpus", "vga", "vmgenid", "watchdog",
})  # fmt: skip
_NUMBERED = frozenset({"ide", "net", "sata", "scsi", "serial", "usb", "virtio"})
