"""Where a virtual machine is read from: a file, or whoever runs it and says what it is.

    FILE                a lockfile, a domain XML, a command line, a configuration of Proxmox VE
    -                   the same from standard input
    virsh:[URI/]NAME    a domain of libvirt's, as virsh knows it
    qm:VMID             a virtual machine of Proxmox VE's
    pid:NUMBER          the process of a running QEMU
    qmp:SOCKET          a running QEMU behind its monitor

A file whose name begins like one of these is meant by ``./`` before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from platform_abi.files import STDIN
from platform_abi.source.file import ORIGIN, SCHEMES, Asked, read_file
from platform_abi.source.reading import VmReading

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue

#: How long another program may take to say what a virtual machine is, in seconds.
TIMEOUT: Final = 30.0


def read_source(
    catalogue: Catalogue,
    name: str,
    *,
    arch: str | None = None,
    build: str | None = None,
    timeout: float = TIMEOUT,
) -> GuestAbi | VmReading:
    """Return what the source *name* says: a lockfile's ABI, or a virtual machine that it describes.

    *arch* and *build* are as in ``from_command_line``; *timeout*, in seconds, bounds how long
    another program may take.

    Raises HostError where it cannot be read or asked, UsageError where it is nothing that a virtual
    machine is read from (``source-unknown``), LockError for a lockfile that is none, and what those
    who read it raise.
    """
    asked = Asked(catalogue=catalogue, arch=arch, build=build, timeout=timeout)
    match = ORIGIN.fullmatch(name)
    if match is not None and match["scheme"] in SCHEMES:
        from platform_abi.source.running import read_running

        return read_running(asked, match["scheme"], match["rest"])
    return read_file(asked, name)


def is_file(name: str) -> bool:
    """Return whether the source *name* is a file's, and nobody is to be asked."""
    match = ORIGIN.fullmatch(name)
    return name != STDIN and (match is None or match["scheme"] not in SCHEMES)
