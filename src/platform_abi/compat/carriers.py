"""Which device of a virtual machine has a feature, and so needs what the feature needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.device import ACCELERATOR, MACHINE, DeviceFamily
from platform_abi.model.memo import remembered
from platform_abi.model.names import driver_and_property, feature_stem
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.drivers import NO_BACKEND
from platform_abi.resolver.layers import device_types
from platform_abi.resolver.netdevs import behind, netdev_settings
from platform_abi.resolver.plan import Plan, plan_for

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.host import HostReport


@frozen(kw_only=True)
class Carrier:
    """A feature where it is: *device* is None for the board, the CPU and every device of a kind."""

    feature: str
    property: str = ""
    value: str = ""
    device: str | None = None
    backend: str = ""


@frozen(kw_only=True)
class _Place:
    """One device, or the board or the CPU, with its family and what is behind it."""

    family: DeviceFamily
    backend: str
    device: str | None


def carriers(
    catalogue: Catalogue, abi: GuestAbi, feature_id: str, capability: str
) -> list[Carrier]:
    """Return what in the virtual machine of *abi* makes *feature_id* need *capability*.

    Always at least one: a lockfile can name a feature that these definitions do not have.
    """
    feature = catalogue.feature(feature_id)
    if feature is None:
        return [Carrier(feature=feature_id)]
    settings = _settings(abi, feature)
    aliases = _aliases(known_plan(catalogue, abi))
    found = [
        Carrier(
            feature=feature_id,
            property="" if setting is None else f"{setting.driver}.{setting.property}",
            value="" if setting is None else setting.value,
            device=place.device,
            backend=place.backend,
        )
        for place in _places(catalogue, abi, feature, aliases)
        if capability in (feature.needs(place.backend) or ())
        for setting in [settings.of(place)]
        if setting is None or feature.demands(setting.value)
    ]
    return found or [_everywhere(abi, feature)]


def visible(catalogue: Catalogue, abi: GuestAbi, carrier: Carrier) -> bool:
    """Return whether a guest can see the feature of *carrier*, by the transport of its device.

    One whose feature bits the transport does not show asks nothing of a host: no guest is offered
    it. What drives no bit, or is of no single device, counts as visible.
    """
    plan, device = known_plan(catalogue, abi), dict(abi.vm.labelled()).get(carrier.device or "")
    if plan is None or device is None or not carrier.property:
        return True
    driver = plan.types.canonical(device.driver)
    devices = catalogue.devices()
    family = devices.family_of(driver)
    transport = devices.transport(device_types(plan.types, driver).outer, bare=False)
    name = driver_and_property(carrier.property)[1]
    bits = [b.bit for b in family.bit if b.property == name] if family is not None else []
    return transport is None or not bits or any(transport.shown(1 << bit) for bit in bits)


def open_feature(catalogue: Catalogue, what: str) -> Feature | None:
    """Return the feature that an ABI leaves open: *what* is its id, or ``driver.property=auto``."""
    place, explicit, _ = what.partition(" ")[0].partition("=")
    if not explicit:
        return catalogue.feature(place)
    return catalogue.feature_of(*driver_and_property(place))


def _everywhere(abi: GuestAbi, feature: Feature) -> Carrier:
    """Return the feature as the whole virtual machine has it, where no single device does."""
    for setting in abi.settings:
        text = f"{setting.driver}.{setting.property}"
        if text in feature.properties and feature.demands(setting.value):
            return Carrier(feature=feature.id, property=text, value=setting.value)
    return Carrier(feature=feature.id)


def _places(
    catalogue: Catalogue, abi: GuestAbi, feature: Feature, aliases: Mapping[str, str]
) -> Iterator[_Place]:
    """Yield where *feature* can be; *aliases* is what ``-device`` calls drivers besides."""
    for family in _described(catalogue, feature_stem(feature.id)):
        if family.driver == MACHINE or family.backend == ACCELERATOR:
            yield _Place(family=family, backend=abi.vm.accelerator, device=None)
            continue
        own, devices = netdev_settings(abi.settings), catalogue.devices()
        for label, device in abi.vm.labelled():
            driver = aliases.get(device.driver, device.driver)
            if driver not in family.drivers:
                continue
            if feature.drivers and driver not in feature.drivers:
                continue
            kind = behind(devices, device, own.get(label, ()))
            backend = kind or family.backend or NO_BACKEND
            yield _Place(family=family, backend=backend, device=label)


@remembered()
def _described(catalogue: Catalogue, stem: str) -> list[DeviceFamily]:
    """Return the families that the features of one file are of."""
    return [family for family in catalogue.devices().families if stem in family.feature_files]


def _aliases(plan: Plan | None) -> Mapping[str, str]:
    """Return what ``-device`` calls drivers besides; nothing where the machine is not known."""
    return {} if plan is None else plan.types.aliases


def known_plan(catalogue: Catalogue, abi: GuestAbi) -> Plan | None:
    """Return how *abi* is resolved here, or None where its machine type or platform is unknown."""
    try:
        return plan_for(catalogue, abi.vm, parse_platform(abi.platform))
    except PlatformAbiError:
        return None  # a lockfile outlives definitions


@frozen(kw_only=True)
class _Settings:
    """What an ABI sets for one feature, by device and by driver."""

    own: Mapping[str, Setting]
    wide: Mapping[str, Setting]

    def of(self, place: _Place) -> Setting | None:
        """Return what is set there: the device's own before its kind's."""
        own = None if place.device is None else self.own.get(place.device)
        return own or self.wide.get(place.family.driver)


def _settings(abi: GuestAbi, feature: Feature) -> _Settings:
    """Return what the ABI sets for *feature*; of several at one place the first counts."""
    names = {name for _, name in feature.drives}
    own: dict[str, Setting] = {}
    wide: dict[str, Setting] = {}
    for setting in abi.settings:
        if setting.property in names:
            if setting.device is not None:
                own.setdefault(setting.device, setting)
            else:
                wide.setdefault(setting.driver, setting)
    return _Settings(own=own, wide=wide)


def defaults_gained(
    catalogue: Catalogue, abi: GuestAbi, first: HostReport, second: HostReport
) -> Iterator[Carrier]:
    """Yield what QEMU would turn on by itself on the *second* host and provably not on the *first*.

    Values that the user wrote are left out: those hold wherever the guest is started.
    """
    plan = known_plan(catalogue, abi)
    if plan is None:
        return
    given = {(s.device, s.property) for s in abi.settings if s.layer in ("global", "device")}
    lacking = {n for n, f in first.facts.items() if f.state == "absent" == f.proven}
    if not lacking:
        return
    aliases = _aliases(plan)
    for feature in catalogue.every_feature():
        on = feature.when_supported
        if feature.kind != "setting" or feature.opt_in or on is None or not feature.demands(on):
            continue
        if lacking.isdisjoint(feature.capabilities):
            continue
        if not plan.applies(feature):
            continue
        for place in _places(catalogue, abi, feature, aliases):
            needs = feature.needs(place.backend) or ()
            gained = not lacking.isdisjoint(needs) and all(
                second.state(name) == "present" for name in needs
            )
            name = feature.drives[0][1]
            if gained and not {(place.device, name), (None, name)} & given:
                yield Carrier(
                    feature=feature.id,
                    property=feature.properties[0],
                    value=on,
                    device=place.device,
                    backend=place.backend,
                )
