"""Which device of a virtual machine has a feature, and so needs what the feature needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.device import ACCELERATOR, MACHINE, DeviceFamily, Transport
from platform_abi.model.host import PREDICTED
from platform_abi.model.memo import remembered
from platform_abi.model.names import driver_and_property, feature_stem
from platform_abi.model.value import frozen
from platform_abi.resolver.basis import Basis
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.drivers import NO_BACKEND
from platform_abi.resolver.layers import device_types
from platform_abi.resolver.netdevs import behind, netdev_settings
from platform_abi.resolver.plan import plan_for

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


class _Place(NamedTuple):
    """One device of a *driver* with what is behind it; *device* is None for the board and CPU."""

    family: DeviceFamily
    backend: str
    device: str | None
    driver: str | None


class Carriers:
    """Where features are in the virtual machine of one guest ABI.

    Each device is looked at once for its family, however many features are asked about.
    """

    def __init__(self, catalogue: Catalogue, abi: GuestAbi) -> None:
        self._catalogue = catalogue
        self._abi = abi
        self._devices = catalogue.devices()
        self._basis = known_basis(catalogue, abi)
        self._labelled = dict(abi.vm.labelled())
        self._places: dict[str, list[_Place]] = {}
        self._shown: dict[str, tuple[DeviceFamily | None, Transport | None]] = {}

    def of(self, feature_id: str, capability: str) -> list[Carrier]:
        """Return what in the virtual machine makes *feature_id* need *capability*.

        Always at least one: a lockfile can name a feature that these definitions do not have.
        """
        feature = self._catalogue.feature(feature_id)
        if feature is None:
            return [Carrier(feature=feature_id)]
        own, wide = self._set(feature)
        found = []
        for place in self._places_of(feature):
            if capability not in (feature.needs(place.backend) or ()):
                continue
            # The device's own value goes before its kind's.
            setting = own.get(place.device) or wide.get(place.family.driver)
            if setting is None or feature.demands(setting.value):
                found.append(
                    Carrier(
                        feature=feature_id,
                        property="" if setting is None else f"{setting.driver}.{setting.property}",
                        value="" if setting is None else setting.value,
                        device=place.device,
                        backend=place.backend,
                    )
                )
        return found or [_everywhere(self._abi, feature)]

    def visible(self, carrier: Carrier) -> bool:
        """Return whether a guest can see the feature of *carrier*, by the transport of its device.

        One whose feature bits the transport does not show asks nothing of a host: no guest is
        offered it. What drives no bit, or is of no single device, counts as visible.
        """
        if carrier.device is None or not carrier.property:
            return True
        if carrier.device not in self._shown:
            self._shown[carrier.device] = self._transport(carrier.device)
        family, transport = self._shown[carrier.device]
        if family is None or transport is None:
            return True
        name = driver_and_property(carrier.property)[1]
        bits = [b.bit for b in family.bit if b.property == name]
        return not bits or any(transport.shown(1 << bit) for bit in bits)

    def gained(self, first: HostReport, second: HostReport) -> list[Carrier]:
        """Return what QEMU would turn on by itself on the *second* host, provably not on the first.

        Values that the user wrote are left out: those hold wherever the guest is started.
        """
        basis, abi = self._basis, self._abi
        lacking = {
            name
            for name, fact in first.facts.items()
            if fact.state == "absent" and fact.source != PREDICTED
        }
        if basis is None or not lacking:
            return []
        given = {(s.device, s.property) for s in abi.settings if s.layer in ("global", "device")}
        return [
            Carrier(
                feature=feature.id,
                property=feature.properties[0],
                value=feature.when_supported or "",
                device=place.device,
                backend=place.backend,
            )
            for feature in _by_itself(self._catalogue)
            if not lacking.isdisjoint(feature.capabilities) and basis.applies(feature)
            for place in self._places_of(feature)
            for needs in [feature.needs(place.backend) or ()]
            if not lacking.isdisjoint(needs)
            and all(second.state(name) == "present" for name in needs)
            for name in [feature.drives[0][1]]
            if not {(place.device, name), (None, name)} & given
        ]

    def _places_of(self, feature: Feature) -> Iterator[_Place]:
        """Yield where *feature* can be."""
        for family in _described(self._catalogue).get(feature_stem(feature.id), ()):
            if family.name not in self._places:
                self._places[family.name] = self._of_family(family)
            for place in self._places[family.name]:
                if not (place.driver and feature.drivers and place.driver not in feature.drivers):
                    yield place

    def _of_family(self, family: DeviceFamily) -> list[_Place]:
        """Return the devices of *family*, or the board or the CPU where it is that of these."""
        abi, devices = self._abi, self._devices
        if family.driver == MACHINE or family.backend == ACCELERATOR:
            return [_Place(family, abi.vm.accelerator, None, None)]
        own = netdev_settings(abi.settings)
        aliases = {} if self._basis is None else self._basis.types.aliases
        places = []
        for label, device in self._labelled.items():
            driver = aliases.get(device.driver, device.driver)
            if driver in family.drivers:
                kind = behind(devices, device, own.get(label, ()))
                places.append(_Place(family, kind or family.backend or NO_BACKEND, label, driver))
        return places

    def _transport(self, label: str) -> tuple[DeviceFamily | None, Transport | None]:
        """Return the family of the device called *label*, and through what a guest sees it."""
        device = self._labelled.get(label)
        if self._basis is None or device is None:
            return None, None
        types = self._basis.types
        driver = types.canonical(device.driver)
        outer = device_types(types, driver).outer
        return self._devices.family_of(driver), self._devices.transport(outer, bare=False)

    def _set(self, feature: Feature) -> tuple[dict[str | None, Setting], dict[str, Setting]]:
        """Return what the ABI sets for *feature*, by device and by driver; the first counts."""
        names = {name for _, name in feature.drives}
        own: dict[str | None, Setting] = {}
        wide: dict[str, Setting] = {}
        for setting in self._abi.settings:
            if setting.property in names:
                if setting.device is not None:
                    own.setdefault(setting.device, setting)
                else:
                    wide.setdefault(setting.driver, setting)
        return own, wide


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


@remembered()
def _described(catalogue: Catalogue) -> dict[str, list[DeviceFamily]]:
    """Return the families that the features of each file are of."""
    described: dict[str, list[DeviceFamily]] = {}
    for family in catalogue.devices().families:
        for stem in family.feature_files:
            described.setdefault(stem, []).append(family)
    return described


def known_basis(catalogue: Catalogue, abi: GuestAbi) -> Basis | None:
    """Return what *abi* stands on here, or None where its machine type or platform is unknown."""
    try:
        return plan_for(catalogue, abi.vm, parse_platform(abi.platform)).basis
    except PlatformAbiError:
        return None  # a lockfile outlives definitions


@remembered()
def _by_itself(catalogue: Catalogue) -> list[Feature]:
    """Return the features that QEMU turns on by itself on a host that can."""
    return [
        feature
        for feature in catalogue.every_feature()
        if feature.kind == "setting" and not feature.opt_in
        if feature.when_supported is not None and feature.demands(feature.when_supported)
    ]
