"""Hosts and guests that verdicts are tested with."""

from __future__ import annotations

from typing import Any

from attrs import evolve

import platform_abi as pa
from platform_abi.compat.finding import CheckVerdict
from platform_abi.model.host import CPU_MODELS, Fact
from platform_abi.testing import Scenario

FULL = Fact(state="present", source="ioctl")
ABSENT = Fact(state="absent", source="ioctl", detail="EINVAL from TUNSETOFFLOAD 0x61")
NIC: dict[str, Any] = {"devices": ["virtio-net-pci,netdev=n0,id=net0"], "netdevs": ["tap,id=n0"]}
CPU = "Skylake-Server-v4,vendor=GenuineIntel"


def host_without(catalogue: pa.Catalogue, *without: str) -> pa.HostReport:
    """Return a host with every capability but *without*."""
    facts = {**dict.fromkeys(catalogue.capabilities(), FULL), **dict.fromkeys(without, ABSENT)}
    return pa.HostReport(
        facts=facts,
        system="linux",
        arch="x86_64",
        distribution="arch",
        sets={CPU_MODELS: ("Skylake-Server-v4", "qemu64")},
    )


def abi_of(catalogue: pa.FileCatalogue, platform: str = "linux-6.9", **said: Any) -> pa.GuestAbi:
    """Return a virtual machine with a NIC behind a tap, resolved for *platform*."""
    known: dict[str, Any] = {"cpu": CPU, **NIC, **said}
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", **known)
    return pa.resolve(catalogue, vm, platform)


def resolved(scenario: Scenario) -> pa.GuestAbi:
    """Return the guest ABI of *scenario*."""
    return pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)


def same_arch(scenario: Scenario, report: pa.HostReport) -> pa.HostReport:
    """Return *report* of a host of the guest's architecture."""
    return evolve(report, arch=scenario.vm.arch)


def lacking(verdict: CheckVerdict) -> set[str]:
    """Return the capabilities that *verdict* finds missing or unknown."""
    return {f.capability for f in verdict.findings if f.code.startswith("capability-")}
