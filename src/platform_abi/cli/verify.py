"""The verb ``verify``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from platform_abi.cli.findings import print_findings
from platform_abi.cli.hosts import report_of, this_host
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import VerifyOptions
from platform_abi.cli.render import Painted, note, print_json, say
from platform_abi.cli.sources import abi_of_source
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.lock_reading import load_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.errors import UsageError
from platform_abi.files import STDIN, write_text
from platform_abi.remote.destination import THIS

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.host import HostReport
    from platform_abi.verifier.running import RunningVm
    from platform_abi.verifier.verification import Verification, VerifyStatus


def run(options: VerifyOptions) -> int:
    """Say whether a QEMU is what its lockfile says; 1 where it is not, or nobody can tell."""
    if options.start == (options.qmp is not None):
        raise UsageError(
            "nothing to verify: name a running QEMU's socket, or start one",
            code="usage",
            help="--qmp SOCKET or --start, and not both",
        )
    words = options.words[1:] if options.words[:1] == ("--",) else options.words
    if options.qmp is not None and (words or options.qemu):
        raise UsageError(
            "a running QEMU has its arguments already",
            code="usage",
            help="--start takes some; this verb's own options come before the lockfile",
        )
    if options.update and (options.qmp is None or options.lock == STDIN):
        raise UsageError(
            "--update asks a running QEMU, and writes the lockfile that is named",
            code="usage",
            help="--update --qmp SOCKET FILE",
        )
    catalogue = load_catalogue()
    if options.update:
        # It is written anew, so nothing but a lockfile may be there.
        abi = load_lock(options.lock, catalogue=catalogue)
    else:
        abi = abi_of_source(
            catalogue, options.lock, host=lambda: report_of(catalogue, options.host or THIS)
        )
    remarks: tuple[str, ...] = ()
    if options.qmp is None:
        found = _start(catalogue, abi, words, options)
    else:
        found, remarks = _running(catalogue, abi, options.qmp, options)
    if options.json:
        from platform_abi.verifier.document import verify_document

        print_json(verify_document(found))
    else:
        _print(options.lock, found)
    for remark in remarks:
        note("note", f"{options.lock} {remark}" if remark == _UP_TO_DATE else remark)
    return int(found.status == "drift" or (found.status == "unknown" and not options.allow_unknown))


def _running(
    catalogue: FileCatalogue, abi: GuestAbi, socket: str, options: VerifyOptions
) -> tuple[Verification, tuple[str, ...]]:
    """Ask the QEMU behind a socket, and write what was plugged there where that is wanted."""
    from platform_abi.verifier.expected import expected
    from platform_abi.verifier.peer import TIMEOUT, QmpPeer
    from platform_abi.verifier.running import look, read
    from platform_abi.verifier.verify import verify

    with QmpPeer(socket, timeout=options.timeout or TIMEOUT) as peer:
        vm = look(peer.ask)
        wanted = expected(catalogue, abi, vm)
        names = wanted.wanted()
        if options.update:
            from platform_abi.verifier.update import wanted_of_plugged

            names |= wanted_of_plugged(catalogue, wanted, abi.vm.arch)
        vm = read(peer.ask, vm, names)
    host = _host(catalogue, options)
    found = verify(catalogue, abi, vm, host=host)
    if not options.update:
        return found, ()
    abi, remarks = _updated(catalogue, abi, vm, found, options)
    return verify(catalogue, abi, vm, host=host), remarks


def _updated(
    catalogue: FileCatalogue,
    abi: GuestAbi,
    vm: RunningVm,
    found: Verification,
    options: VerifyOptions,
) -> tuple[GuestAbi, tuple[str, ...]]:
    """Write the lockfile for what there is now, and return what that says, with remarks."""
    from platform_abi.cli.vm import named_backends
    from platform_abi.verifier.expected import expected
    from platform_abi.verifier.update import hindrances, updated

    wanted = expected(catalogue, abi, vm)
    otherwise = hindrances(found, wanted.located)
    if otherwise:
        raise UsageError(
            f"{options.lock} is not brought up to date: more is otherwise than what was plugged",
            code="lock-other-vm",
            details=tuple(f"  {each}" for each in otherwise),
            help="resolve it anew for what runs, or find out who started it otherwise",
        )
    new = updated(catalogue, abi, vm, wanted, named_backends(options.backend))
    if not new.remarks:
        return abi, (_UP_TO_DATE,)
    content = abi.content
    text = (
        lockfile(catalogue, new.abi)
        if content is None or not catalogue.has_build(content.build, abi.vm.arch)
        else lockfile(catalogue, new.abi, build=content.build, ran=content.ran)
    )
    write_text(options.lock, text)
    return new.abi, new.remarks


def _start(
    catalogue: FileCatalogue, abi: GuestAbi, words: Sequence[str], options: VerifyOptions
) -> Verification:
    """Start a QEMU for it, and look at that one."""
    from platform_abi.qemu.binary import find_qemu
    from platform_abi.verifier.paused import TIMEOUT, verify_start

    return verify_start(
        catalogue,
        abi,
        options.qemu or find_qemu(os.environ, abi.vm.arch) or f"qemu-system-{abi.vm.arch}",
        words=words or None,
        host=_host(catalogue, options),
        timeout=options.timeout or TIMEOUT,
    )


def _host(catalogue: FileCatalogue, options: VerifyOptions) -> HostReport:
    """Return what is known of the host; which QEMU it has is no question here."""
    name = options.host or THIS
    return this_host(catalogue, ask_qemu=False) if name == THIS else report_of(catalogue, name)


_UP_TO_DATE = "is up to date"

_STATUS_COLORS: dict[VerifyStatus, str] = {"ok": "green", "unknown": "yellow", "drift": "red"}


def _print(name: str, found: Verification) -> None:
    status = Painted(found.status, _STATUS_COLORS[found.status])
    what = f"{found.platform}; {found.machine} of QEMU {found.version}"
    say(f"{name}: ", status, f"  ({what}; {found.compared} properties compared)")
    print_findings(found.findings, by="device")
