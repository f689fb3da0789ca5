"""Small fleets whose answers can be worked out one by one."""

from __future__ import annotations

from functools import cache

import platform_abi as pa
from platform_abi.inventory.store import kind_of, lock_digest
from platform_abi.model.host import FleetHost, HostReport
from tests.compat.strategies import full_report, variants, without
from tests.conftest import DEFINITIONS
from tests.resolver.shipped import PINNED_CPU, machine_with_nics

Locks = dict[str, tuple[str, pa.GuestAbi]]


@cache
def shipped() -> pa.FileCatalogue:
    """Return the definitions of this repository."""
    return pa.FileCatalogue([DEFINITIONS])


@cache
def reports() -> tuple[HostReport, ...]:
    """Return reports of which each lets another set of virtual machines start."""
    full = full_report(shipped())
    return (
        full,
        *variants(full, 6),
        without(full, "tun.uso"),
        without(full, "tun.uso", "tun.csum"),
        without(full, "kvm.smm", state="unknown"),
        HostReport(arch="aarch64", system="linux"),
        HostReport(),
    )


@cache
def locks() -> tuple[tuple[str, str, pa.GuestAbi], ...]:
    """Return lockfiles, each with its digest, its text and what it says."""
    found = []
    for machine in ("pc-q35-9.1", "pc-i440fx-2.12"):
        for platform in ("linux-5.15", "linux-6.9", "conservative"):
            vm = machine_with_nics(shipped(), machine, "tap", cpu=PINNED_CPU)
            abi = pa.resolve(shipped(), vm, platform)
            text = pa.lock_text(abi, definitions="0123456789abcdef")
            found.append((lock_digest(text), text, abi))
    return tuple(found)


def fleet_of(kinds: dict[str, int]) -> list[FleetHost]:
    """Return hosts by their names, each with the report of that number."""
    by_kind: dict[int, list[str]] = {}
    for name, kind in kinds.items():
        by_kind.setdefault(kind, []).append(name)
    return [
        FleetHost(report=reports()[kind], count=len(names), names=tuple(names))
        for kind, names in by_kind.items()
    ]


def digest_of(kind: int) -> str:
    """Return the digest of the report of that number."""
    return kind_of(reports()[kind])[0]


def some_locks(kinds: dict[str, int]) -> tuple[Locks, list[tuple[str, str]]]:
    """Return the lockfiles of virtual machines by their names, as a store records them."""
    known = {digest: (text, abi) for digest, text, abi in locks()}
    names = [(name, locks()[kind][0]) for name, kind in kinds.items()]
    return {digest: known[digest] for _, digest in names}, names
