"""What is known on a host of what a guest ABI needs: a capability, or a number instead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.model.host import Fact, HostReport

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi, Precondition
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Near

_MILLION = 1_000_000


def fact_of(catalogue: Catalogue, report: HostReport, capability: str) -> Fact:
    """Return what is known of *capability* on the host of *report*.

    What the report does not say its operating system may: no Windows host has /dev/kvm.
    """
    fact = report.fact(capability)
    if fact.proven == "unknown" and (report.system or report.arch):
        known = catalogue.capabilities().get(capability)
        if known is None:
            return fact
        for only, here in ((known.systems, report.system), (known.arch, report.arch)):
            if only and here and here not in only:
                detail = f"{' and '.join(only)} has it, {here} has not"
                return Fact(state="absent", detail=detail)
    return fact


def met(catalogue: Catalogue, abi: GuestAbi, report: HostReport, entry: Precondition) -> Fact:
    """Return what is known on the host of *report* of the need *entry* of *abi*.

    That is what the report says of the capability. Where it is not there, and each feature that
    needs it can do with a number near the user's, it is present where the host's number is near
    enough, and unknown where the report has no such number.
    """
    fact = report.fact(entry.capability)
    if fact.proven == "present":
        return fact
    fact = fact_of(catalogue, report, entry.capability)
    features = [catalogue.feature(name) for name in entry.because]
    nears = [None if feature is None else feature.near for feature in features]
    if not nears or None in nears:
        return fact
    for near in filter(None, nears):
        known = report.numbers.get(near.number)
        if known is None:
            return Fact(state="unknown", detail=f"{near.number} is not in this report")
        if not _is_near(near, _given(abi, near.property), known * near.unit):
            return fact
    return Fact(state="present", source=fact.source, detail="the host has that very number itself")


def _given(abi: GuestAbi, name: str) -> int | None:
    """Return the number that the user gives as *name* of the CPU; None for none."""
    # Most verdicts need no number.
    from platform_abi.resolver.explicit import decimal

    number = decimal(_written(abi).get(name, ""), sized=False)
    return None if number is None else int(number)


def turned_off(abi: GuestAbi) -> frozenset[str]:
    """Return the properties of the CPU that the user turns off, by name."""
    from platform_abi.resolver.explicit import BOOLEANS

    return frozenset(
        name for name, value in _written(abi).items() if BOOLEANS.get(value, value) == "off"
    )


def _written(abi: GuestAbi) -> dict[str, str]:
    """Return what the user writes of the CPU, by property; ``-cpu`` beats ``-global``."""
    pairs = [(entry.property, entry.value) for entry in abi.vm.globals]
    return dict([*pairs, *abi.vm.cpu_properties])


def _is_near(near: Near, wanted: int | None, here: int) -> bool:
    return wanted is not None and abs(wanted - here) * _MILLION <= here * near.ppm


def unmet(catalogue: Catalogue, abi: GuestAbi, report: HostReport) -> frozenset[str]:
    """Return the preconditions of *abi* that are not proven on the host of *report*."""
    return frozenset(
        entry.capability
        for entry in abi.preconditions
        if met(catalogue, abi, report, entry).proven != "present"
    )
