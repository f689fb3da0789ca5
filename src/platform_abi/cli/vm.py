"""The virtual machine, and the platform, that options describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from platform_abi.cli.options import VmOptions
    from platform_abi.definitions.catalogue import FileCatalogue
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


def described(catalogue: FileCatalogue, options: VmOptions) -> tuple[VirtualMachine, str | None]:
    """Return the virtual machine that *options* describe, and the platform that its source names.

    Raises UsageError.
    """
    if options.vm is None:
        return vm_of(catalogue, options), None
    from platform_abi.cli.sources import vm_of_source

    check_alone(options, "a source")
    if options.words:
        raise UsageError("a source and a command line are two virtual machines", code="usage")
    return vm_of_source(catalogue, options.vm, arch=options.arch, build=options.build)


def vm_of(catalogue: Catalogue, options: VmOptions) -> VirtualMachine:
    """Return the virtual machine that *options* describe, by itself or by words.

    Raises UsageError.
    """
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


def describes(options: VmOptions) -> bool:
    """Return whether *options* describe a virtual machine at all."""
    return any(getattr(options, name) for name in ("vm", "words", *_DESCRIBING))


def check_alone(options: VmOptions, what: str) -> None:
    """Raise UsageError where options describe piece by piece what *what* already says."""
    for name in _DESCRIBING:
        if getattr(options, name):
            raise UsageError(
                f"{what} already says it; take away --{name.removesuffix('s')}",
                code="usage",
            )


def _of_words(catalogue: Catalogue, options: VmOptions) -> VirtualMachine:
    """Return the virtual machine of a command line, with everything that a guest can tell of it."""
    from platform_abi.launch.configuration_files import ConfigurationFiles
    from platform_abi.launch.host_files import ThisHostFiles
    from platform_abi.source.words import from_command_line

    check_alone(options, "a command line")
    return from_command_line(
        catalogue,
        options.words,
        arch=options.arch,
        build=options.build,
        read_file=ConfigurationFiles().read,
        files=ThisHostFiles(),
    ).vm


def platform_of(options: VmOptions, named: str | None = None) -> str:
    """Return the platform of the options, else the one *named*; raises UsageError for none."""
    if options.platform is None and named is not None:
        return named
    if options.platform is None:
        raise UsageError(
            "--platform is missing", code="usage", help="'platform-abi platforms' lists all of them"
        )
    return options.platform
