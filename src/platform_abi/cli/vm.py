"""The options that describe a virtual machine, read from a parsed command line."""

from __future__ import annotations

import argparse

from platform_abi.errors import UsageError
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.vm import VirtualMachine
from platform_abi.resolver.virtual_machine import virtual_machine


def vm_of(catalogue: Catalogue, arguments: argparse.Namespace) -> VirtualMachine:
    """Return the virtual machine that *arguments* describe; raises UsageError."""
    if arguments.machine is None:
        raise UsageError(
            "--machine is missing", code="usage", help="for example --machine pc-q35-9.1"
        )
    backends = {}
    for text in arguments.backend:
        netdev, separator, kind = text.partition("=")
        if not separator:
            raise UsageError(
                f"expected NETDEV=KIND, found {text!r}",
                code="usage",
                help="as in --backend n0=macvtap",
            )
        backends[netdev] = kind
    named = {"arch": arguments.arch, "accelerator": arguments.accel}
    return virtual_machine(
        catalogue.devices(),
        arguments.machine,
        **{option: value for option, value in named.items() if value is not None},
        cpu=arguments.cpu,
        devices=arguments.device,
        netdevs=arguments.netdev,
        globals_=arguments.globals,
        backends=backends,
        build=arguments.build,
    )


def platform_of(arguments: argparse.Namespace) -> str:
    """Return the platform that was named; raises UsageError where none was."""
    if arguments.platform is None:
        raise UsageError(
            "--platform is missing", code="usage", help="'platform-abi platforms' lists all of them"
        )
    chosen: str = arguments.platform
    return chosen
