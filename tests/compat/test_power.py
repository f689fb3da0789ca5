"""Two POWER hosts held against each other: what of their processors a guest would notice."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.compat.migration import check_migration
from platform_abi.model.host import Fact, HostReport
from tests.definitions.site import DEFINITIONS, catalogue

_SHIPPED = catalogue(DEFINITIONS)
_PRESENT = Fact(state="present", source="ioctl")


def _host(power: int, **numbers: int) -> HostReport:
    """Return a host of such a POWER that has everything which one of it can have."""
    absent = {f"cpu.power.{n}" for n in range(power + 1, 12)}
    absent |= {f"cpu.power.is-{n}" for n in range(8, 12) if n != power}
    known = [name for name, c in _SHIPPED.capabilities().items() if c.arch in ((), ("ppc64",))]
    facts = {
        name: evolve(_PRESENT, state="absent") if name in absent else _PRESENT for name in known
    }
    return HostReport(
        name=f"power{power}-{sorted(numbers)}",
        system="linux",
        arch="ppc64",
        facts=facts,
        numbers={"cpu.power": power, "cpu.timebase": 512_000_000, "page-size": 65536, **numbers},
        values={"kvm.ppc.radix-pages": "12 16 21 30"},
    )


@cache
def _abi(options: str) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), f"pseries-11.1{options}", arch="ppc64", cpu="host", accelerator="kvm",
        devices=("virtio-rng-pci",),
    )  # fmt: skip
    return pa.resolve(_SHIPPED, vm, "linux-6.13@2026.3")


def _moves(options: str, source: HostReport, destination: HostReport) -> bool:
    return check_migration(_SHIPPED, _abi(options), source, destination).status != "blocked"


@pytest.mark.parametrize(
    ("options", "source", "destination", "moves"),
    [
        ("", 9, 9, True),
        ("", 10, 9, False),
        (",max-cpu-compat=power9", 10, 9, True),
        (",max-cpu-compat=power9", 9, 10, True),
        (",max-cpu-compat=power10", 10, 9, False),
    ],
)
def test_a_guest_moves_where_the_level_that_it_was_given_is(
    options: str, source: int, destination: int, moves: bool
) -> None:
    """To a processor that can be of that level, an older one or a newer; else to its like alone."""
    assert _moves(options, _host(source), evolve(_host(destination), name="other")) == moves


def test_a_timebase_of_another_frequency_stops_a_guest() -> None:
    """Its clock would run at another speed; no level helps."""
    other = _host(9, **{"cpu.timebase": 500_000_000})
    assert not _moves(",max-cpu-compat=power9", _host(9), other)


def test_a_host_without_hashed_guests_is_no_place_for_one() -> None:
    """A KVM in a guest has radix trees alone; a guest of POWER8's level needs what it has not."""
    facts = {**_host(9).facts, "kvm.ppc.mmu-hash-v3": evolve(_PRESENT, state="absent")}
    nested = evolve(_host(9), name="nested", facts=facts)
    assert not _moves(",max-cpu-compat=power9", _host(9), nested)
    assert _moves(",max-cpu-compat=power9", nested, evolve(nested, name="another"))
