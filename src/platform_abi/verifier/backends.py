"""Whether what stands behind each NIC is of the kind that the lockfile was resolved for.

No query of QMP's tells that; the human monitor's ``info network`` does, as far as a type goes: of a
tap it does not say whether vhost or a macvtap is behind it (net/tap.c, net_init_tap_one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.compat.finding import Finding
from platform_abi.model.vm import BEHIND, QUEUES
from platform_abi.resolver.netdevs import backends as kinds_behind
from platform_abi.verifier.running import RunningObject, RunningVm
from platform_abi.verifier.verification import Offer, Sides

#: The property that names a NIC's netdev (include/net/net.h, DEFINE_NIC_PROPERTIES).
_NETDEV = "netdev"


def backends(sides: Sides, offers: Mapping[str, Offer]) -> Iterator[Finding]:
    """Yield each NIC before a netdev of another kind, and each of which nobody can tell.

    Of a device whose bits were read, by *offers*, it is known what they come to.
    """
    settled = {label for label, offer in offers.items() if offer.offered is not None}
    types = _types(sides)
    promised = kinds_behind(sides.catalogue.devices(), sides.abi)
    hardware = dict(sides.abi.vm.hardware or ())
    for label, thing in sides.expected.located.found.items():
        wanted = types.get(promised[label])
        if wanted is None:
            continue
        yield from _queues(sides.vm, label, thing, hardware.get(f"{BEHIND}{label}", ""))
        told = None if sides.vm.netdevs is None else _told(sides.vm.netdevs, thing)
        if told is not None and told not in wanted:
            yield _otherwise(label, thing, told or "none", promised[label])
        elif label not in settled and told is not None:
            others = [kind for kind, shown in types.items() if told in shown]
            if others != [promised[label]]:
                yield _untold(label, promised[label], f"QEMU calls all of {', '.join(others)} so")
        elif label not in settled:
            yield _untold(label, promised[label], "QEMU does not tell")


def _queues(vm: RunningVm, label: str, thing: RunningObject, promised: str) -> Iterator[Finding]:
    """Yield that a netdev has another number of queues than a lockfile says of what is *behind*."""
    told = (part for part in promised.split("; ") if part.startswith(QUEUES))
    wanted = next(told, "").removeprefix(QUEUES)
    found = vm.queues.get(thing.properties.get(_NETDEV, ""))
    if wanted and found is not None and str(found) != wanted:
        yield Finding(
            code="backend",
            severity="drift",
            message=f"the netdev behind {label} has {found} queues, and the lockfile's {wanted}",
            help="start it with the lockfile's netdev",
            device=label,
            driver=thing.driver,
            expected=wanted,
            found=str(found),
            seen="guest",
        )


def _types(sides: Sides) -> dict[str, set[str]]:
    """Return what QEMU calls netdevs of each kind that has any."""
    found: dict[str, set[str]] = {}
    for kind in sides.catalogue.devices().backends:
        if kind.netdev or kind.shown_as:
            found.setdefault(kind.name, set()).update(kind.netdev, kind.shown_as)
    return found


def _told(netdevs: Mapping[str, str], thing: RunningObject) -> str | None:
    """Return the type of a NIC's netdev; empty: it has none; None: QEMU does not tell."""
    name = thing.properties.get(_NETDEV)
    if name is None:
        return None
    return netdevs.get(name) if name else ""


def _otherwise(label: str, thing: RunningObject, told: str, wanted: str) -> Finding:
    return Finding(
        code="backend",
        severity="drift",
        message=f"behind {label} is a netdev of type {told}, and the lockfile is for {wanted}",
        help="start it with the netdev that the lockfile was resolved for, or resolve again",
        device=label,
        driver=thing.driver,
        expected=wanted,
        found=told,
        seen="guest",
    )


def _untold(label: str, wanted: str, why: str) -> Finding:
    return Finding(
        code="backend-untold",
        severity="info",
        message=f"what kind of netdev is behind {label} cannot be told, and by the lockfile it is "
        f"{wanted}: {why}",
        device=label,
        seen="migration",
    )
