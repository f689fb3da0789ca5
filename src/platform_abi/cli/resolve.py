"""The verb ``resolve``."""

from __future__ import annotations

import argparse
import shlex
import sys

from platform_abi.cli.render import note
from platform_abi.cli.vm import platform_of, vm_of
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.emit.arguments import arguments as qemu_arguments
from platform_abi.emit.arguments import shell_lines
from platform_abi.errors import UsageError
from platform_abi.model.abi import GuestAbi
from platform_abi.resolver.resolve import resolve


def run(arguments: argparse.Namespace) -> int:
    """Resolve, or take a resolution from a lockfile, and write it out."""
    if arguments.vcpus is not None and not (arguments.full and arguments.vcpus > 0):
        raise UsageError("--vcpus takes a number above 0, and needs --full", code="usage")
    if arguments.full and arguments.format != "lines":
        raise UsageError("--full and --format contradict each other", code="usage")
    catalogue = load_catalogue()
    if arguments.from_lock is not None:
        abi = _from_lock(arguments)
    else:
        abi = resolve(
            catalogue,
            vm_of(catalogue, arguments),
            platform_of(arguments),
            strict=arguments.strict,
        )
    text = _text(catalogue, abi, arguments)
    if arguments.lock is not None:
        from platform_abi.files import write_text

        write_text(arguments.lock, _lock(catalogue, abi, arguments))
    if arguments.output is not None:
        from platform_abi.files import write_text

        write_text(arguments.output, text)
    else:
        sys.stdout.write(text)
    if not arguments.json:
        _remark(abi)
    return 0


#: What describes a resolution, and so stands in a lockfile already.
_RESOLUTION = (
    *("machine", "platform", "build", "arch", "accel", "cpu"),
    *("device", "netdev", "globals", "backend", "strict"),
)


def _from_lock(arguments: argparse.Namespace) -> GuestAbi:
    from platform_abi.emit.lockfile import read_lock, read_text

    for name in _RESOLUTION:
        if getattr(arguments, name) not in (None, [], False):
            raise UsageError(
                f"--from-lock already says everything; take away --{name.removesuffix('s')}",
                code="usage",
            )
    return read_lock(read_text(arguments.from_lock), arguments.from_lock)


def _text(catalogue: FileCatalogue, abi: GuestAbi, arguments: argparse.Namespace) -> str:
    if arguments.json:
        return _json(catalogue, abi, arguments)
    if arguments.full:
        from platform_abi.cli.full import full_text

        return full_text(catalogue, abi, arguments.vcpus)
    if arguments.format == "readconfig":
        from platform_abi.emit.readconfig import readconfig

        return readconfig(abi)
    if arguments.format == "lock":
        return _lock(catalogue, abi, arguments)
    return (
        shlex.join(qemu_arguments(abi)) + "\n" if arguments.format == "shell" else shell_lines(abi)
    )


def _json(catalogue: FileCatalogue, abi: GuestAbi, arguments: argparse.Namespace) -> str:
    from platform_abi.emit.document import abi_document, to_json

    document = abi_document(abi)
    if arguments.full:
        from platform_abi.emit.full import full_document
        from platform_abi.resolver.full import full_properties

        document |= full_document(full_properties(catalogue, abi, vcpus=arguments.vcpus))
    return to_json(document)


def _lock(catalogue: FileCatalogue, abi: GuestAbi, arguments: argparse.Namespace) -> str:
    from platform_abi.emit.lockfile import lockfile, read_text

    if arguments.from_lock is not None:
        # It says which definitions it was made with, and those of today may be others.
        return read_text(arguments.from_lock)
    return lockfile(catalogue, abi)


def _remark(abi: GuestAbi) -> None:
    """Say on stderr what a user must know and no argument says."""
    for text in abi.notes:
        note("note", text, "dim")
    for b in abi.beyond:
        of = "" if b.device is None else f" of {b.device}"
        note("beyond the platform", f"{b.driver}.{b.property}={b.value}{of}: {b.reason}")
    for u in abi.unpinned:
        if u.migration != "safe":
            note("not migratable", f"{u.what} is left to the host; pin it: {u.pin}")
