"""The verb ``resolve``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from platform_abi.cli.lock import looked, written
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import ResolveOptions, VmOptions
from platform_abi.cli.parser import declarations
from platform_abi.cli.render import note, remark_migration, write_data
from platform_abi.cli.vm import described, platform_of
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.arguments import arguments as qemu_arguments
from platform_abi.emit.arguments import netdev_options, shell_lines, shell_words
from platform_abi.errors import UsageError, of_device
from platform_abi.resolver.resolve import resolve

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi


def run(options: ResolveOptions) -> int:
    """Resolve, or take a resolution from a lockfile, and write it out."""
    if options.vcpus is not None and not (options.full and options.vcpus > 0):
        raise UsageError("--vcpus takes a number above 0, and needs --full", code="usage")
    if options.full and options.format != "lines":
        raise UsageError("--full and --format contradict each other", code="usage")
    if options.look and options.lock is None and options.format != "lock":
        raise UsageError("--look is for a lockfile: --lock FILE or --format lock", code="usage")
    if options.qemu is not None and not options.look:
        raise UsageError("--qemu is the QEMU that --look looks at", code="usage")
    if options.libvirt is not None and options.format != "libvirt":
        raise UsageError("--libvirt is for --format libvirt", code="usage")
    catalogue = load_catalogue()
    abi, text = _resolved(catalogue, options)
    if options.lock is not None:
        from platform_abi.files import write_text

        write_text(options.lock, _lock(catalogue, abi, options))
    if options.output is not None:
        from platform_abi.files import write_text

        write_text(options.output, text)
    else:
        write_data(text)
    if not options.json:
        _remark(abi)
    if options.format == "pve":
        note(
            "note",
            "where the configuration has args: already, put these words behind its own",
            "dim",
        )
    return 0


def _resolved(catalogue: FileCatalogue, options: ResolveOptions) -> tuple[GuestAbi, str]:
    """Return the resolution, and the text that it is written as."""
    if options.format == "libvirt":
        from platform_abi.cli.domain import resolved_domain

        return resolved_domain(catalogue, options)
    if options.from_lock is not None:
        abi = _from_lock(catalogue, options.from_lock, options)
    else:
        vm, named = described(catalogue, options)
        abi = resolve(catalogue, vm, platform_of(options, named), strict=options.strict)
    return abi, _text(catalogue, abi, options)


def _from_lock(catalogue: FileCatalogue, name: str, options: ResolveOptions) -> GuestAbi:
    from platform_abi.emit.lock_reading import load_lock

    # What describes a resolution stands in a lockfile already.
    for option in (*(name for name, _ in declarations(VmOptions)), "strict"):
        if option != "json" and getattr(options, option):
            raise UsageError(
                "--from-lock already says everything; take away "
                + {"words": "--", "vm": "SOURCE"}.get(option, f"--{option.removesuffix('s')}"),
                code="usage",
            )
    return load_lock(name, catalogue=catalogue)


def _text(catalogue: FileCatalogue, abi: GuestAbi, options: ResolveOptions) -> str:
    if options.json:
        return _json(catalogue, abi, options)
    if options.full:
        from platform_abi.cli.full import full_text

        return full_text(catalogue, abi, options.vcpus)
    if options.format == "lock":
        return _lock(catalogue, abi, options)
    terminal = options.output is None and sys.stdout.isatty()
    return _formatted(abi, options.format, terminal=terminal)


def _formatted(abi: GuestAbi, form: str, *, terminal: bool) -> str:
    """Return *abi* in a form that needs nothing else."""
    if form == "readconfig":
        from platform_abi.emit.readconfig import readconfig

        return readconfig(abi)
    if form == "pve":
        from platform_abi.emit.added import pve_line

        return pve_line(abi)
    if form == "globals":
        from platform_abi.emit.added import added_lines

        return added_lines(abi, terminal=terminal)
    if form == "shell":
        return shell_words(qemu_arguments(abi), terminal=terminal) + "\n"
    return shell_lines(abi, terminal=terminal)


def _json(catalogue: FileCatalogue, abi: GuestAbi, options: ResolveOptions) -> str:
    from platform_abi.emit.document import abi_document
    from platform_abi.emit.plain import to_json

    document = abi_document(abi)
    if options.full:
        from platform_abi.emit.full import full_document
        from platform_abi.resolver.full import full_properties

        document |= full_document(full_properties(catalogue, abi, vcpus=options.vcpus))
    return to_json(document)


def _lock(catalogue: FileCatalogue, abi: GuestAbi, options: ResolveOptions) -> str:
    if options.from_lock is None:
        return written(catalogue, abi, look=options.look, qemu=options.qemu)
    from platform_abi.emit.lock_reading import read_text
    from platform_abi.emit.lockfile import rewritten

    # It says which definitions it was made with, and those of today may be others.
    text = rewritten(read_text(options.from_lock))
    if not options.look:
        return text
    return looked(catalogue, text, options.from_lock, qemu=options.qemu)


def _remark(abi: GuestAbi) -> None:
    """Say on stderr what a user must know and no argument says."""
    for text in abi.notes:
        note("note", text, "dim")
    for name, setting in netdev_options(abi):
        how = (
            "-set changes it behind the -netdev; in JSON write it there"
            if name
            else "write it there"
        )
        label = setting.device or ""
        note("note", f"the netdev of {label} is to have {setting.property}={setting.value}: {how}")
    for b in abi.beyond:
        of = of_device(b.device)
        note("beyond the platform", f"{b.driver}.{b.property}={b.value}{of}: {b.reason}")
    remark_migration(abi)
