"""Makes a QEMU command line the whole guest ABI, on every host.

    import platform_abi as pa

    catalogue = pa.load_catalogue()
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", devices=["virtio-net-pci,netdev=n0"],
                            netdevs=["tap,id=n0"])
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    pa.arguments(abi)        # for exec
    abi.preconditions        # what a host must have
    abi.unpinned             # what is still left to the host

    host = pa.probe(catalogue.capabilities())
    pa.query_platforms(catalogue, host)   # what this host supports, and why not the rest
    pa.check(catalogue, abi, host)        # may it start here

Names are imported when they are first used, so that importing this package costs little.
"""

from __future__ import annotations

from platform_abi._version import __version__

# typing costs as much as everything else here; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from platform_abi.compat.agreement import Disagreement, compare_probes
    from platform_abi.compat.check import check, check_migration
    from platform_abi.compat.compare import HostDifference, diff_hosts
    from platform_abi.compat.evidence import complete, from_configuration, predict
    from platform_abi.compat.finding import CheckVerdict, Finding, MigrationVerdict
    from platform_abi.compat.labels import labels, traits
    from platform_abi.compat.machine_content import (
        MachineDifference,
        MachineVerdict,
        compare_machine,
        machine_findings,
    )
    from platform_abi.compat.needs import PlatformNeeds, Scope, platform_needs
    from platform_abi.compat.supported import Missing, PlatformVerdict, newest, query_platforms
    from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
    from platform_abi.diagnosis.diagnosis import Diagnosis, diagnose
    from platform_abi.emit.arguments import arguments, shell_lines
    from platform_abi.emit.document import abi_document
    from platform_abi.emit.lockfile import lock_text, lockfile, read_lock
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
    from platform_abi.fleet.baseline import baseline
    from platform_abi.fleet.common import Baseline
    from platform_abi.fleet.merge import merge_reports
    from platform_abi.fleet.stranded import Stranded, stranded
    from platform_abi.fleet.stream import read_fleet
    from platform_abi.host.document import read_report, report_document, report_line
    from platform_abi.host.probe import probe
    from platform_abi.host.witness import ask_qemu
    from platform_abi.model.abi import (
        Beyond,
        GuestAbi,
        MachineContent,
        Precondition,
        Setting,
        Unpinned,
    )
    from platform_abi.model.capability import Capability
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.host import Fact, FleetHost, HostReport
    from platform_abi.model.machine import MachineType, QemuBuild
    from platform_abi.model.platform import Platform, PlatformReference
    from platform_abi.model.realize import DeviceProperties, PropertyValue
    from platform_abi.model.vm import Cpu, Device, GlobalProperty, VirtualMachine
    from platform_abi.qemu.netdevs import ask_netdevs, find_qemu
    from platform_abi.resolver.choice import parse_platform
    from platform_abi.resolver.compare import (
        AbiDifference,
        PlatformDifference,
        diff_abis,
        diff_platforms,
    )
    from platform_abi.resolver.digest import abi_digest, platform_digest
    from platform_abi.resolver.explain import Explanation, explain
    from platform_abi.resolver.fingerprint import (
        MachineFingerprints,
        machine_content,
        machine_fingerprints,
    )
    from platform_abi.resolver.full import full_properties
    from platform_abi.resolver.machine_diff import diff_builds, diff_machines
    from platform_abi.resolver.offered import offered_bits
    from platform_abi.resolver.resolve import resolve
    from platform_abi.resolver.virtual_machine import virtual_machine
    from platform_abi.verifier.paused import verify_start
    from platform_abi.verifier.verification import Verification, VerifyFinding
    from platform_abi.verifier.verify import verify

_HOME = {
    "AbiDifference": "resolver.compare",
    "Baseline": "fleet.common",
    "Beyond": "model.abi",
    "BeyondPlatformError": "errors",
    "Capability": "model.capability",
    "Catalogue": "model.catalogue",
    "CheckVerdict": "compat.finding",
    "Cpu": "model.vm",
    "DefinitionError": "errors",
    "Device": "model.vm",
    "DeviceProperties": "model.realize",
    "Diagnosis": "diagnosis.diagnosis",
    "Disagreement": "compat.agreement",
    "Explanation": "resolver.explain",
    "Fact": "model.host",
    "Feature": "model.feature",
    "FileCatalogue": "definitions.catalogue",
    "Finding": "compat.finding",
    "FleetHost": "model.host",
    "GlobalProperty": "model.vm",
    "GuestAbi": "model.abi",
    "HostDifference": "compat.compare",
    "HostError": "errors",
    "HostReport": "model.host",
    "LockError": "errors",
    "MachineContent": "model.abi",
    "MachineDifference": "compat.machine_content",
    "MachineFingerprints": "resolver.fingerprint",
    "MachineType": "model.machine",
    "MachineVerdict": "compat.machine_content",
    "MigrationVerdict": "compat.finding",
    "Missing": "compat.supported",
    "Platform": "model.platform",
    "PlatformAbiError": "errors",
    "PlatformDifference": "resolver.compare",
    "PlatformNeeds": "compat.needs",
    "PlatformReference": "model.platform",
    "PlatformVerdict": "compat.supported",
    "Precondition": "model.abi",
    "PropertyValue": "model.realize",
    "QemuBuild": "model.machine",
    "ReportError": "errors",
    "Scope": "compat.needs",
    "Setting": "model.abi",
    "Stranded": "fleet.stranded",
    "UnknownNameError": "errors",
    "Unpinned": "model.abi",
    "UsageError": "errors",
    "Verification": "verifier.verification",
    "VerifyFinding": "verifier.verification",
    "VirtualMachine": "model.vm",
    "abi_digest": "resolver.digest",
    "abi_document": "emit.document",
    "arguments": "emit.arguments",
    "ask_netdevs": "qemu.netdevs",
    "ask_qemu": "host.witness",
    "baseline": "fleet.baseline",
    "check": "compat.check",
    "check_migration": "compat.check",
    "compare_machine": "compat.machine_content",
    "compare_probes": "compat.agreement",
    "complete": "compat.evidence",
    "diagnose": "diagnosis.diagnosis",
    "diff_abis": "resolver.compare",
    "diff_builds": "resolver.machine_diff",
    "diff_hosts": "compat.compare",
    "diff_machines": "resolver.machine_diff",
    "diff_platforms": "resolver.compare",
    "explain": "resolver.explain",
    "find_qemu": "qemu.netdevs",
    "from_configuration": "compat.evidence",
    "full_properties": "resolver.full",
    "labels": "compat.labels",
    "load_catalogue": "definitions.catalogue",
    "lock_text": "emit.lockfile",
    "lockfile": "emit.lockfile",
    "machine_content": "resolver.fingerprint",
    "machine_findings": "compat.machine_content",
    "machine_fingerprints": "resolver.fingerprint",
    "merge_reports": "fleet.merge",
    "newest": "compat.supported",
    "offered_bits": "resolver.offered",
    "parse_platform": "resolver.choice",
    "platform_digest": "resolver.digest",
    "platform_needs": "compat.needs",
    "predict": "compat.evidence",
    "probe": "host.probe",
    "query_platforms": "compat.supported",
    "read_fleet": "fleet.stream",
    "read_lock": "emit.lockfile",
    "read_report": "host.document",
    "readconfig": "emit.readconfig",
    "report_document": "host.document",
    "report_line": "host.document",
    "resolve": "resolver.resolve",
    "shell_lines": "emit.arguments",
    "stranded": "fleet.stranded",
    "traits": "compat.labels",
    "verify": "verifier.verify",
    "verify_start": "verifier.paused",
    "virtual_machine": "resolver.virtual_machine",
}

__all__ = [
    "AbiDifference",
    "Baseline",
    "Beyond",
    "BeyondPlatformError",
    "Capability",
    "Catalogue",
    "CheckVerdict",
    "Cpu",
    "DefinitionError",
    "Device",
    "DeviceProperties",
    "Diagnosis",
    "Disagreement",
    "Explanation",
    "Fact",
    "Feature",
    "FileCatalogue",
    "Finding",
    "FleetHost",
    "GlobalProperty",
    "GuestAbi",
    "HostDifference",
    "HostError",
    "HostReport",
    "LockError",
    "MachineContent",
    "MachineDifference",
    "MachineFingerprints",
    "MachineType",
    "MachineVerdict",
    "MigrationVerdict",
    "Missing",
    "Platform",
    "PlatformAbiError",
    "PlatformDifference",
    "PlatformNeeds",
    "PlatformReference",
    "PlatformVerdict",
    "Precondition",
    "PropertyValue",
    "QemuBuild",
    "ReportError",
    "Scope",
    "Setting",
    "Stranded",
    "UnknownNameError",
    "Unpinned",
    "UsageError",
    "Verification",
    "VerifyFinding",
    "VirtualMachine",
    "__version__",
    "abi_digest",
    "abi_document",
    "arguments",
    "ask_netdevs",
    "ask_qemu",
    "baseline",
    "check",
    "check_migration",
    "compare_machine",
    "compare_probes",
    "complete",
    "diagnose",
    "diff_abis",
    "diff_builds",
    "diff_hosts",
    "diff_machines",
    "diff_platforms",
    "explain",
    "find_qemu",
    "from_configuration",
    "full_properties",
    "labels",
    "load_catalogue",
    "lock_text",
    "lockfile",
    "machine_content",
    "machine_findings",
    "machine_fingerprints",
    "merge_reports",
    "newest",
    "offered_bits",
    "parse_platform",
    "platform_digest",
    "platform_needs",
    "predict",
    "probe",
    "query_platforms",
    "read_fleet",
    "read_lock",
    "read_report",
    "readconfig",
    "report_document",
    "report_line",
    "resolve",
    "shell_lines",
    "stranded",
    "traits",
    "verify",
    "verify_start",
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
