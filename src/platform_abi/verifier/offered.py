"""What devices offer a guest, as far as it can be read, and else what is concluded of the host.

A property that is on is a request: QEMU reads it back on where the host cannot honour it, and does
not offer the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from platform_abi.compat.check import check
from platform_abi.compat.finding import Finding, Severity
from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily, VirtioBit
from platform_abi.model.host import HostReport
from platform_abi.model.names import driver_and_property
from platform_abi.qemu.netdevs import NETDEV_METHOD
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.drivers import know
from platform_abi.resolver.offered import offered_bits
from platform_abi.resolver.plan import plan_for
from platform_abi.verifier.verification import Offer, Sides


def promised_offer(catalogue: Catalogue, abi: GuestAbi, device: str) -> Offer | None:
    """Return what the device called *device* has to offer, None where no definition says."""
    try:
        promised = offered_bits(catalogue, abi, device)
    except PlatformAbiError:
        return None
    basis = plan_for(catalogue, abi.vm, parse_platform(abi.platform)).basis
    driver = dict(abi.vm.labelled())[device].driver
    family = know(basis, driver).family
    bits: tuple[VirtioBit, ...] = (
        () if family is None else (*catalogue.devices().common_bits, *family.bit)
    )
    return Offer(
        promised=promised,
        names={bit.bit: (bit.name, bit.property, _feature(catalogue, family, bit)) for bit in bits},
    )


def _feature(catalogue: Catalogue, family: DeviceFamily | None, bit: VirtioBit) -> str:
    """Return the feature that drives the property of a bit, nothing where none does."""
    if family is None or not bit.property:
        return ""
    feature = catalogue.feature_of(family.driver, bit.property)
    return "" if feature is None else feature.id


def offered_otherwise(offers: Mapping[str, Offer], found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield feature bits that a device offers, or does not, against the lockfile.

    But for those of which *found* has the property: that it is set otherwise says why.
    """
    told = _set_otherwise(found)
    for label, offer in offers.items():
        if offer.offered is None or offer.promised is None:
            continue
        different = offer.offered ^ offer.promised
        for bit in range(different.bit_length()):
            name, prop, feature = offer.names.get(bit, (f"bit {bit}", "", ""))
            if not different >> bit & 1 or (prop and (label, prop) in told):
                continue
            offered = offer.offered >> bit & 1
            said = (
                f"offers {name} (bit {bit}), and has to keep it off"
                if offered
                else f"does not offer {name} (bit {bit}), and has to"
            )
            yield Finding(
                code="offered-bit",
                severity="drift",
                message=f"{label} {said}",
                help="'platform-abi check' says what of the host a feature needs",
                device=label,
                property=prop,
                expected=str(1 - offered),
                found=str(offered),
                feature=feature,
                seen="guest",
            )


def _set_otherwise(found: Sequence[Finding]) -> set[tuple[str | None, str]]:
    return {(f.device, f.property) for f in found if f.code == "property"}


def left_to_host(
    sides: Sides, host: HostReport, offers: Mapping[str, Offer], found: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield what the host has to have for devices to offer what their properties ask for.

    CPU and board are left out: what they lack of the host their QEMU tells, or it refuses to
    start. So is what is read or not even asked for, by *offers* and what was *found*.
    """
    settled = {label for label, offer in offers.items() if offer.offered is not None}
    off = _set_otherwise(found)
    for about in check(sides.catalogue, sides.abi, host).findings:
        name = driver_and_property(about.property)[1]
        if about.code not in _CAPABILITY or about.backend == sides.abi.vm.accelerator:
            continue
        for device in _carriers(sides, about, name):
            of_host = not _is_of_binary(sides.catalogue, about.capability)
            if of_host and (device, name) not in off and not (name and device in settled):
                yield _concluded(sides.catalogue, about, device, offers.get(device, Offer()).why)


def _carriers(sides: Sides, about: Finding, name: str) -> list[str]:
    """Return the devices that a finding about the host is about, as far as they are there.

    Of a lockfile that has no device of the kind, those that were plugged in.
    """
    if about.device is not None:
        return [] if about.device in sides.expected.located.gone else [about.device]
    if about.backend:
        return []
    things = (thing for thing in sides.expected.objects if not thing.listed)
    return [thing.device for thing in things if thing.device is not None and name in thing.values]


def _concluded(catalogue: Catalogue, about: Finding, device: str, why: str) -> Finding:
    """Return what follows for *device* from what is known of the host."""
    feature = catalogue.feature(about.feature)
    driver, name = driver_and_property(about.property)
    word, severity = _CAPABILITY[about.code]
    because = f"; it could not be looked at: {why}" if why else ""
    unsure = severity == "unknown"
    return Finding(
        code=f"{'offer' if name else 'precondition'}-{word}",
        severity="info" if feature is not None and feature.migration == "safe" else severity,
        message=f"cannot tell: {about.message}{because}" if unsure else about.message,
        help=about.help,
        device=device,
        driver=driver,
        property=name,
        expected=about.value or None,
        feature=about.feature,
        seen="guest" if name else "migration",
    )


_CAPABILITY: dict[str, tuple[str, Severity]] = {
    "capability-missing": ("missing", "drift"),
    "capability-unknown": ("unknown", "unknown"),
}


def _is_of_binary(catalogue: Catalogue, capability: str) -> bool:
    """Return whether a capability is one of the QEMU binary, which runs already."""
    found = catalogue.capabilities().get(capability)
    return found is not None and found.probe is not None and found.probe.method == NETDEV_METHOD
