# Every public name once, by rank: what a management tool needs first comes first.
#
# Type checkers and editors read this file; __init__.py reads it too, when a name is first used.

from platform_abi._version import __version__ as __version__

# 1. A virtual machine and a platform become QEMU's arguments.
from platform_abi.definitions.catalogue import load_catalogue as load_catalogue
from platform_abi.resolver.virtual_machine import virtual_machine as virtual_machine
from platform_abi.source.words import from_command_line as from_command_line
from platform_abi.source.domain_xml import from_domain_xml as from_domain_xml
from platform_abi.source.qm import from_qm as from_qm
from platform_abi.resolver.resolve import resolve as resolve
from platform_abi.emit.arguments import arguments as arguments
from platform_abi.emit.arguments import shell_lines as shell_lines
from platform_abi.emit.readconfig import readconfig as readconfig
from platform_abi.model.vm import VirtualMachine as VirtualMachine
from platform_abi.model.abi import GuestAbi as GuestAbi
from platform_abi.source.reading import VmReading as VmReading
from platform_abi.source.reading import Unread as Unread

# 2. What can be wrong: all are children of the first.
from platform_abi.errors import PlatformAbiError as PlatformAbiError
from platform_abi.errors import UsageError as UsageError
from platform_abi.errors import UnknownNameError as UnknownNameError
from platform_abi.errors import BeyondPlatformError as BeyondPlatformError
from platform_abi.errors import DefinitionError as DefinitionError
from platform_abi.errors import LockError as LockError
from platform_abi.errors import ReportError as ReportError
from platform_abi.errors import HostError as HostError

# 3. The choice is kept beside the virtual machine.
from platform_abi.emit.lockfile import lock_text as lock_text
from platform_abi.emit.lockfile import lockfile as lockfile
from platform_abi.emit.lock_reading import read_lock as read_lock
from platform_abi.emit.document import abi_document as abi_document

# 4. What a host offers, and which platforms it supports.
from platform_abi.host.probe import probe as probe
from platform_abi.compat.supported import query_platforms as query_platforms
from platform_abi.compat.supported import newest as newest
from platform_abi.model.host import HostReport as HostReport
from platform_abi.compat.supported import PlatformVerdict as PlatformVerdict
from platform_abi.compat.supported import Missing as Missing
from platform_abi.host.document import report_line as report_line
from platform_abi.remote.hosts import ask_hosts as ask_hosts
from platform_abi.remote.hosts import AskedHost as AskedHost
from platform_abi.remote.script import Wishes as Wishes
from platform_abi.remote.script import probe_script as probe_script
from platform_abi.host.document import report_document as report_document
from platform_abi.host.document import read_report as read_report

# 5. May it start here, may it move there, and is it as it was locked.
from platform_abi.compat.check import check as check
from platform_abi.compat.migration import check_migration as check_migration
from platform_abi.compat.finding import CheckVerdict as CheckVerdict
from platform_abi.compat.finding import MigrationVerdict as MigrationVerdict
from platform_abi.compat.finding import Finding as Finding
from platform_abi.verifier.verify import verify as verify
from platform_abi.verifier.paused import verify_start as verify_start
from platform_abi.verifier.verification import Verification as Verification
from platform_abi.rehearsal.rehearse import rehearse as rehearse
from platform_abi.rehearsal.result import Rehearsal as Rehearsal

# 6. Many hosts.
from platform_abi.fleet.stream import read_fleet as read_fleet
from platform_abi.fleet.baseline import baseline as baseline
from platform_abi.fleet.stranded import stranded as stranded
from platform_abi.fleet.merge import merge_reports as merge_reports
from platform_abi.compat.labels import labels as labels
from platform_abi.compat.labels import traits as traits
from platform_abi.fleet.common import Baseline as Baseline
from platform_abi.fleet.stranded import Stranded as Stranded
from platform_abi.model.host import FleetHost as FleetHost

# 7. Why.
from platform_abi.resolver.explain import explain as explain
from platform_abi.diagnosis.diagnosis import diagnose as diagnose
from platform_abi.resolver.compare import diff_platforms as diff_platforms
from platform_abi.resolver.compare import diff_abis as diff_abis
from platform_abi.compat.agreement import diff_hosts as diff_hosts
from platform_abi.resolver.offered import offered_bits as offered_bits
from platform_abi.compat.needs import platform_needs as platform_needs
from platform_abi.resolver.explain import Explanation as Explanation
from platform_abi.diagnosis.diagnosis import Diagnosis as Diagnosis
from platform_abi.resolver.compare import PlatformDifference as PlatformDifference
from platform_abi.resolver.compare import AbiDifference as AbiDifference
from platform_abi.compat.agreement import HostDifference as HostDifference
from platform_abi.compat.needs import PlatformNeeds as PlatformNeeds
from platform_abi.compat.needs import Scope as Scope

# 8. What virtual machines, platforms, guest ABIs and reports are made of.
from platform_abi.model.vm import Device as Device
from platform_abi.model.vm import Cpu as Cpu
from platform_abi.model.vm import GlobalProperty as GlobalProperty
from platform_abi.model.platform import PlatformReference as PlatformReference
from platform_abi.resolver.choice import parse_platform as parse_platform
from platform_abi.model.abi import Setting as Setting
from platform_abi.model.abi import Precondition as Precondition
from platform_abi.model.abi import Unpinned as Unpinned
from platform_abi.model.abi import Beyond as Beyond
from platform_abi.model.host import Fact as Fact
from platform_abi.resolver.digest import abi_digest as abi_digest
from platform_abi.resolver.digest import platform_digest as platform_digest

# 9. The definitions.
from platform_abi.model.catalogue import Catalogue as Catalogue
from platform_abi.definitions.catalogue import FileCatalogue as FileCatalogue
from platform_abi.model.platform import Platform as Platform
from platform_abi.model.feature import Feature as Feature
from platform_abi.model.capability import Capability as Capability
from platform_abi.model.machine import QemuBuild as QemuBuild
from platform_abi.model.machine import MachineType as MachineType

# 10. The content of a machine type.
from platform_abi.resolver.machine_diff import diff_machines as diff_machines
from platform_abi.resolver.machine_diff import diff_builds as diff_builds
from platform_abi.compat.machine_content import compare_machine as compare_machine
from platform_abi.compat.machine_findings import machine_findings as machine_findings
from platform_abi.resolver.fingerprint import machine_content as machine_content
from platform_abi.resolver.fingerprint import machine_fingerprints as machine_fingerprints
from platform_abi.resolver.full import full_properties as full_properties
from platform_abi.compat.machine_content import MachineVerdict as MachineVerdict
from platform_abi.compat.machine_content import MachineDifference as MachineDifference
from platform_abi.model.abi import MachineContent as MachineContent
from platform_abi.resolver.fingerprint import MachineFingerprints as MachineFingerprints
from platform_abi.model.realize import DeviceProperties as DeviceProperties
from platform_abi.model.realize import PropertyValue as PropertyValue

# 11. Facts of a host from elsewhere: a QEMU that is asked, a kernel's release and configuration.
from platform_abi.qemu.binary import find_qemu as find_qemu
from platform_abi.host.witness import ask_qemu as ask_qemu
from platform_abi.qemu.netdevs import ask_netdevs as ask_netdevs
from platform_abi.compat.evidence import predict as predict
from platform_abi.compat.completion import from_configuration as from_configuration
from platform_abi.compat.completion import complete as complete
from platform_abi.compat.agreement import compare_probes as compare_probes
from platform_abi.compat.agreement import Disagreement as Disagreement
