"""The virtual machine, and the platform, that options describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from platform_abi.cli.options import VmOptions
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.vm import VirtualMachine


def named_backends(given: Iterable[str]) -> dict[str, str]:
    """Return the kinds of backends, by netdev, of each ``--backend``; raises UsageError."""
    backends = {}
    for text in given:
        netdev, separator, kind = text.partition("=")
        if not separator:
            raise UsageError(
                f"expected NETDEV=KIND, found {text!r}",
                code="usage",
                help="as in --backend n0=macvtap",
            )
        backends[netdev] = kind
    return backends


def vm_of(catalogue: Catalogue, options: VmOptions) -> VirtualMachine:
    """Return the virtual machine that *options* describe; raises UsageError."""
    from platform_abi.resolver.virtual_machine import virtual_machine

    if options.words:
        return _of_words(catalogue, options)
    if options.machine is None:
        raise UsageError(
            "--machine is missing", code="usage", help="for example --machine pc-q35-9.1"
        )
    backends = named_backends(options.backend)
    named = {"arch": options.arch, "accelerator": options.accel}
    return virtual_machine(
        catalogue.devices(),
        options.machine,
        **{name: value for name, value in named.items() if value is not None},
        cpu=options.cpu,
        devices=options.device,
        netdevs=options.netdev,
        tpmdevs=options.tpmdev,
        objects=options.object,
        globals_=options.globals,
        backends=backends,
        build=options.build,
    )


#: What describes a virtual machine piece by piece.
_DESCRIBING = (
    *("machine", "accel", "cpu", "device", "netdev", "tpmdev", "object", "globals", "backend"),
)


def _of_words(catalogue: Catalogue, options: VmOptions) -> VirtualMachine:
    """Return the virtual machine of a command line, with everything that a guest can tell of it."""
    from platform_abi.launch.command_line import read_command_line
    from platform_abi.launch.configuration_files import ConfigurationFiles
    from platform_abi.launch.described import described
    from platform_abi.launch.host_files import ThisHostFiles
    from platform_abi.qemu.binary import guest_architecture

    for name in _DESCRIBING:
        if getattr(options, name):
            raise UsageError(
                f"a command line already says it; take away --{name.removesuffix('s')}",
                code="usage",
            )
    words = [*options.words]
    program = "" if words[0].startswith("-") else words.pop(0)
    return described(
        catalogue,
        read_command_line(catalogue.options(), words),
        arch=options.arch or guest_architecture(program),
        build=options.build,
        read_file=ConfigurationFiles().read,
        files=ThisHostFiles(),
    ).vm


def platform_of(options: VmOptions) -> str:
    """Return the platform that was named; raises UsageError where none was."""
    if options.platform is None:
        raise UsageError(
            "--platform is missing", code="usage", help="'platform-abi platforms' lists all of them"
        )
    return options.platform
