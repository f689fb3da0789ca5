"""Whether a running QEMU is what its lockfile says, as far as anybody can tell from outside.

Pure: a recorded machine is compared with an ABI. A property that is on is a request: whether a
virtio device also offers its bit shows on no property of a running QEMU. So that is concluded from
what the host can do, or read by a throw-away instance (see ``paused``), or unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from platform_abi.compat.finding import Finding, Severity
from platform_abi.compat.machine_content import compare_machine
from platform_abi.compat.machine_findings import machine_findings
from platform_abi.compat.views import look_findings, view_findings
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.guest import MachineView
from platform_abi.model.host import HostReport
from platform_abi.model.names import driver_and_property
from platform_abi.model.value import evolve
from platform_abi.resolver.machine_choice import same_build
from platform_abi.resolver.machine_table import known_build
from platform_abi.verifier.accelerator import accelerator_options
from platform_abi.verifier.backends import backends
from platform_abi.verifier.expected import expected
from platform_abi.verifier.identity import ANOTHER, cpu, devices, hardware, machine
from platform_abi.verifier.offered import left_to_host, offered_otherwise
from platform_abi.verifier.placed import places
from platform_abi.verifier.properties import compare_properties
from platform_abi.verifier.running import RunningVm
from platform_abi.verifier.verification import (
    Offer,
    Sides,
    Verification,
    VerifyStatus,
)

#: Of a host that nobody asked.
NOTHING_KNOWN = HostReport()


def verify(
    catalogue: Catalogue,
    abi: GuestAbi,
    vm: RunningVm,
    *,
    host: HostReport = NOTHING_KNOWN,
    offers: Mapping[str, Offer] = MappingProxyType({}),
    view: MachineView | None = None,
    left_out: Mapping[str, str] = MappingProxyType({}),
    omitted: Sequence[str] = (),
) -> Verification:
    """Return whether *vm*, whose properties were read, is what *abi* says.

    *host* is what is known of the host that it runs on. *offers* are the feature bits of devices,
    by label, that somebody could read; *view* is all that a guest finds. *left_out* are devices
    that could not be had for it, by label, with the reason; *omitted* is what else it was started
    without.
    """
    wanted = expected(catalogue, abi, vm, left_out)
    known = None if wanted.build is None else known_build(catalogue, wanted.build, abi.vm.arch)
    sides = Sides(catalogue=catalogue, abi=abi, vm=vm, expected=wanted, known=known)
    findings, compared = [*machine(sides)], 0
    if all(finding.code not in ANOTHER for finding in findings):
        properties, compared = compare_properties(sides)
        findings += [
            *hardware(sides),
            *accelerator_options(sides),
            *cpu(sides),
            *devices(sides, left_out),
            *places(sides),
            *properties,
            *_content(sides),
            *_views(sides, view),
        ]
        findings += [*backends(sides, offers), *offered_otherwise(offers, findings)]
        findings += [*left_to_host(sides, host, offers, findings)]
        findings += [*_left_open(sides), *_omitted(omitted)]
    severities = {finding.severity for finding in findings}
    status: VerifyStatus = "ok"
    if "drift" in severities:
        status = "drift"
    elif "unknown" in severities:
        status = "unknown"
    return Verification(
        status=status,
        findings=tuple(sorted(findings, key=lambda f: _ORDER.index(f.severity))),
        machine=vm.machine_type,
        version=vm.version,
        platform=abi.platform,
        build=wanted.build,
        compared=compared,
    )


_ORDER: tuple[Severity, ...] = ("drift", "unknown", "info")


def _content(sides: Sides) -> Iterator[Finding]:
    """Yield what the running build makes of the machine type, other than the locked one."""
    build = sides.expected.build
    if build is None or not sides.expected.exact:
        yield Finding(
            code="build-undefined",
            severity="unknown",
            message=f"no definitions have {sides.vm.machine_type} of QEMU "
            f"{sides.vm.version}"
            + (f"; it was compared with {build}" if build else ", so nothing was compared"),
            help="'platform-abi import-qemu' writes definitions of this very binary",
        )
    elif sides.abi.content is not None:
        for each in machine_findings(compare_machine(sides.catalogue, sides.abi, build)):
            driver, name = driver_and_property(each.property)
            yield evolve(
                each,
                severity=_content_severity(each),
                driver=driver,
                property=name,
                found=each.value or None,
            )


def _views(sides: Sides, view: MachineView | None) -> Iterator[Finding]:
    """Yield what a guest finds otherwise than in the QEMU that it was locked for.

    Of a running QEMU, which cannot be looked at, that is what was recorded of its build.
    """
    name, vm, content = sides.expected.build, sides.vm, sides.abi.content
    build = None if name is None else sides.catalogue.build(name, sides.abi.vm.arch)
    known = build is not None and same_build(build, vm.version, vm.package)
    if view is not None:
        found = look_findings(sides.catalogue, sides.abi, view)
    elif name is None:
        return
    else:
        found = view_findings(sides.catalogue, sides.abi, name if known else None)
    # A QEMU of no definition is told as that, and one of the lockfile's own build is no other.
    own = sides.abi.vm.build if content is None else content.build
    another = known and name != own
    meant: Mapping[Severity, Severity] = {
        "blocked": "drift",
        "warn": "unknown" if another else "info",
    }
    for each in found:
        yield evolve(each, severity=meant.get(each.severity, each.severity))


def _omitted(omitted: Sequence[str]) -> Iterator[Finding]:
    """Yield what else was not handed on to a QEMU that touches nothing."""
    if omitted:
        yield Finding(
            code="options-left-out",
            severity="info",
            message=f"looked at without {', '.join(omitted)}: they may reach what is outside of "
            "the throw-away QEMU",
        )


def _left_open(sides: Sides) -> Iterator[Finding]:
    """Yield what the lockfile itself leaves to the host."""
    for entry in sides.abi.unpinned:
        yield Finding(
            code="unpinned",
            severity="info",
            message=f"the lockfile leaves {entry.what} to the host",
            help=f"pin it: {entry.pin}",
        )


def _content_severity(about: Finding) -> Severity:
    """Return what a finding against a start means for a machine that was started."""
    if about.severity != "blocked":
        return "info"
    return "unknown" if about.code == "machine-content-unknown" else "drift"
