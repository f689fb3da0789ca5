"""The verb ``lock``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import LockOptions
from platform_abi.cli.render import print_json, remark_migration, say
from platform_abi.cli.sources import newest_for
from platform_abi.cli.vm import described
from platform_abi.errors import UsageError
from platform_abi.files import write_text
from platform_abi.resolver.resolve import resolve
from platform_abi.source.reading import unread_of

if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.abi import GuestAbi


def run(options: LockOptions) -> int:
    """Write the lockfile of a virtual machine, whatever it is read from."""
    if options.vm is None and options.machine is None and not options.words:
        raise UsageError(
            "nothing to lock: name a virtual machine",
            code="usage",
            help="a domain XML, virsh:NAME, qm:VMID, pid:NUMBER, qmp:SOCKET, a file with a command "
            "line, or -- QEMU ARGS",
        )
    catalogue = load_catalogue()
    vm, named = described(catalogue, options)
    platform = options.platform or named or newest_for(catalogue, vm)
    abi = resolve(catalogue, vm, platform, strict=options.strict)
    write_text(options.output, written(catalogue, abi, look=options.look, qemu=options.qemu))
    if options.json:
        from platform_abi.emit.document import abi_document

        print_json(abi_document(abi))
    else:
        _say(options.output, abi)
    return 0


def written(catalogue: FileCatalogue, abi: GuestAbi, *, look: bool, qemu: str | None) -> str:
    """Return the lockfile of *abi*, with what a guest finds: recorded, or by a *look* at *qemu*."""
    from platform_abi.emit.lockfile import lockfile
    from platform_abi.guest.recorded import with_recorded

    text = lockfile(catalogue, with_recorded(catalogue, abi, abi.vm.build))
    return looked(catalogue, text, "the lockfile", qemu=qemu) if look else text


def looked(catalogue: FileCatalogue, text: str, name: str, *, qemu: str | None) -> str:
    """Return lockfile *text* with what a guest finds in a QEMU that is started for it, paused.

    *qemu* is that QEMU, else the usual one; *name* is what errors call the lockfile.
    """
    from platform_abi.emit.lock_reading import read_lock
    from platform_abi.emit.lockfile import with_view
    from platform_abi.qemu.binary import find_qemu
    from platform_abi.verifier.paused import look_at

    stored = read_lock(text, name, catalogue=catalogue)
    arch = stored.vm.arch
    binary = qemu or find_qemu(os.environ, arch) or f"qemu-system-{arch}"
    return with_view(text, look_at(catalogue, stored, binary))


def _say(name: str, abi: GuestAbi) -> None:
    devices = len(abi.vm.devices)
    what = f"{devices} device{'' if devices == 1 else 's'}"
    unread = len(unread_of(abi.vm))
    more = f"; {unread} piece{'' if unread == 1 else 's'} of it unknown" if unread else ""
    say(f"{name}: {abi.vm.machine}, {abi.platform}, {what}{more}")
    remark_migration(abi)
