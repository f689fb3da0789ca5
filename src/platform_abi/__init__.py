"""Makes a QEMU command line the whole guest ABI, on every host.

    import platform_abi as pa

    catalogue = pa.load_catalogue()
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", devices=["virtio-net-pci,netdev=n0"],
                            netdevs=["tap,id=n0"])
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    pa.arguments(abi)        # for exec
    abi.preconditions        # what a host must have
    abi.unpinned             # what is still left to the host

Names are imported when they are first used, so that importing this package costs little.
"""

from __future__ import annotations

from platform_abi._version import __version__

# typing costs as much as everything else here; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
    from platform_abi.emit.arguments import arguments, shell_lines
    from platform_abi.emit.document import abi_document
    from platform_abi.emit.lockfile import lock_text, read_lock
    from platform_abi.emit.readconfig import readconfig
    from platform_abi.errors import (
        BeyondPlatformError,
        DefinitionError,
        HostError,
        LockError,
        PlatformAbiError,
        ReportError,
        UnknownNameError,
        UsageError,
    )
    from platform_abi.model.abi import Beyond, GuestAbi, Precondition, Setting, Unpinned
    from platform_abi.model.capability import Capability
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.host import Fact, HostReport
    from platform_abi.model.machine import MachineType, QemuBuild
    from platform_abi.model.platform import Platform, PlatformReference
    from platform_abi.model.vm import Cpu, Device, GlobalProperty, VirtualMachine
    from platform_abi.resolver.compare import (
        AbiDifference,
        PlatformDifference,
        diff_abis,
        diff_platforms,
    )
    from platform_abi.resolver.digest import abi_digest, platform_digest
    from platform_abi.resolver.explain import Explanation, explain
    from platform_abi.resolver.from_options import virtual_machine
    from platform_abi.resolver.offered import offered_bits
    from platform_abi.resolver.reference import parse_platform
    from platform_abi.resolver.resolve import resolve

_HOME = {
    "AbiDifference": "resolver.compare",
    "Beyond": "model.abi",
    "BeyondPlatformError": "errors",
    "Capability": "model.capability",
    "Catalogue": "model.catalogue",
    "Cpu": "model.vm",
    "DefinitionError": "errors",
    "Device": "model.vm",
    "Explanation": "resolver.explain",
    "Fact": "model.host",
    "Feature": "model.feature",
    "FileCatalogue": "definitions.catalogue",
    "GlobalProperty": "model.vm",
    "GuestAbi": "model.abi",
    "HostError": "errors",
    "HostReport": "model.host",
    "LockError": "errors",
    "MachineType": "model.machine",
    "Platform": "model.platform",
    "PlatformAbiError": "errors",
    "PlatformDifference": "resolver.compare",
    "PlatformReference": "model.platform",
    "Precondition": "model.abi",
    "QemuBuild": "model.machine",
    "ReportError": "errors",
    "Setting": "model.abi",
    "UnknownNameError": "errors",
    "Unpinned": "model.abi",
    "UsageError": "errors",
    "VirtualMachine": "model.vm",
    "abi_digest": "resolver.digest",
    "abi_document": "emit.document",
    "arguments": "emit.arguments",
    "diff_abis": "resolver.compare",
    "diff_platforms": "resolver.compare",
    "explain": "resolver.explain",
    "load_catalogue": "definitions.catalogue",
    "lock_text": "emit.lockfile",
    "offered_bits": "resolver.offered",
    "parse_platform": "resolver.reference",
    "platform_digest": "resolver.digest",
    "read_lock": "emit.lockfile",
    "readconfig": "emit.readconfig",
    "resolve": "resolver.resolve",
    "shell_lines": "emit.arguments",
    "virtual_machine": "resolver.from_options",
}

__all__ = [
    "AbiDifference",
    "Beyond",
    "BeyondPlatformError",
    "Capability",
    "Catalogue",
    "Cpu",
    "DefinitionError",
    "Device",
    "Explanation",
    "Fact",
    "Feature",
    "FileCatalogue",
    "GlobalProperty",
    "GuestAbi",
    "HostError",
    "HostReport",
    "LockError",
    "MachineType",
    "Platform",
    "PlatformAbiError",
    "PlatformDifference",
    "PlatformReference",
    "Precondition",
    "QemuBuild",
    "ReportError",
    "Setting",
    "UnknownNameError",
    "Unpinned",
    "UsageError",
    "VirtualMachine",
    "__version__",
    "abi_digest",
    "abi_document",
    "arguments",
    "diff_abis",
    "diff_platforms",
    "explain",
    "load_catalogue",
    "lock_text",
    "offered_bits",
    "parse_platform",
    "platform_digest",
    "read_lock",
    "readconfig",
    "resolve",
    "shell_lines",
    "virtual_machine",
]


def __getattr__(name: str) -> object:
    import sys

    home = _HOME.get(name)
    if home is None:
        msg = f"module 'platform_abi' has no attribute '{name}'"
        raise AttributeError(msg)
    from importlib import import_module

    value: object = getattr(import_module(f"platform_abi.{home}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return list(__all__)
