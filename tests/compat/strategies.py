"""Host reports that are like real ones."""

from __future__ import annotations

import random

from attrs import evolve

import platform_abi as pa
from platform_abi.model.host import CPU_MODELS, Fact, HostReport, Source, State


def full_report(catalogue: pa.Catalogue) -> HostReport:
    """Return the report of a host that has everything, as a probe would write it."""
    return HostReport(
        system="linux",
        release="6.18.1",
        arch="x86_64",
        sets={CPU_MODELS: ("EPYC-v4", "kvm64", "qemu64")},
        facts={
            name: Fact(
                state="present",
                source="ioctl",
                detail=f"{capability.probe.method.upper()} {capability.probe.argument:#x}"
                if capability.probe is not None
                else "",
            )
            for name, capability in catalogue.capabilities().items()
        },
    )


def without(report: HostReport, *capabilities: str, state: State = "absent") -> HostReport:
    """Return *report* of a host that lacks *capabilities*, or of which they are *unknown*."""
    source: Source = "none" if state == "unknown" else "ioctl"
    lost = Fact(state=state, source=source, detail="EINVAL" if state == "absent" else "EPERM")
    return evolve(report, facts={**report.facts, **dict.fromkeys(capabilities, lost)})


def variants(report: HostReport, count: int, seed: int = 0) -> list[HostReport]:
    """Return *count* reports like *report*, each without some capabilities of its own."""
    chance = random.Random(seed)
    names = sorted(report.facts)
    return [
        without(
            evolve(report, release=f"6.{number % 18}.{number}"),
            *chance.sample(names, chance.randrange(4)),
        )
        for number in range(count)
    ]
