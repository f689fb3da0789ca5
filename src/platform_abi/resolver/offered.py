"""The virtio feature bits that a guest will find, worked out from its ABI."""

from __future__ import annotations

from platform_abi.errors import UsageError, unknown
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily, Transport, VirtioBit
from platform_abi.model.names import driver_and_property
from platform_abi.model.vm import Device
from platform_abi.resolver.basis import Basis
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.drivers import NO_BACKEND, know
from platform_abi.resolver.explicit import BOOLEANS
from platform_abi.resolver.layers import compat_of, globals_of, in_order
from platform_abi.resolver.netdevs import behind, netdev_settings
from platform_abi.resolver.plan import plan_for


def offered_bits(catalogue: Catalogue, abi: GuestAbi, device: str) -> int:
    """Return the 128 feature bits that the virtio device called *device* offers under *abi*.

    *device* is its id, or ``device[N]`` by its place, from 0, where it has none. What only a legacy
    driver can see is there only for a legacy-only device, in its 32 bits.

    Raises UnknownNameError for no such device, UsageError (``no-bits``) for one whose bits no
    definition describes.
    """
    basis = plan_for(catalogue, abi.vm, parse_platform(abi.platform)).basis
    labels = dict(abi.vm.labelled())
    if device not in labels:
        raise unknown("device", device, labels, code="unknown-device")
    found = labels[device]
    family = know(basis, found.driver).family
    if family is None or not family.virtio_id:
        raise UsageError(f"no feature bits are known of '{found.driver}'", code="no-bits")
    reader = _Reader(basis, abi, found, device, family)
    own = {bit.bit for bit in family.bit}
    common = [bit for bit in catalogue.devices().common_bits if bit.bit not in own]
    every = (*common, *family.bit)
    transport = catalogue.devices().transport(
        reader.types.outer, bare=found.driver == family.driver
    )
    modern = any(bit.modern and reader.offers(bit) for bit in every)
    modern = modern and not reader.legacy(transport)
    bits = 0
    for bit in every:
        if bit.never or (modern and bit.legacy) or (not modern and (bit.modern or bit.bit >= 32)):  # noqa: PLR2004
            continue
        if reader.offers(bit):
            bits |= 1 << bit.bit
    return bits if transport is None else transport.shown(bits)


class _Reader:
    """The values of one device's properties, by QEMU's precedence."""

    def __init__(
        self,
        basis: Basis,
        abi: GuestAbi,
        device: Device,
        label: str,
        family: DeviceFamily,
    ) -> None:
        self._basis = basis
        self._abi = abi
        self._device = device
        self._label = label
        self._family = family
        known = know(basis, device.driver)
        self.types = known.types
        self._properties = known.properties
        own = netdev_settings(abi.settings).get(label, ())
        kind = behind(basis.catalogue.devices(), device, own)
        self._backend = kind or family.backend or NO_BACKEND

    def offers(self, bit: VirtioBit) -> bool:
        """Return whether *bit* is offered: asked for, and carried by what is behind the device."""
        if bit.backends and self._backend not in bit.backends:
            return False
        if not bit.property:
            return True
        value = self.value(bit.property, bit.default, bit.generation)
        asked = value not in bit.off if bit.off else BOOLEANS.get(value) == "on"
        return asked and self._carried(bit.property)

    def value(self, name: str, default: str, generation: str | None) -> str:
        """Return the value of property *name*: explicit, platform's, machine type's or built in."""
        types = self.types
        settings = [s for s in self._abi.settings if s.property == name]
        constant = [s for s in settings if s.layer == "default" and s.driver in types.every]
        wide = in_order(types, compat_of(self._basis.machine, name), globals_of(settings))
        own = [s for s in settings if s.device == self._label]
        said = [s.value for s in (*constant, *(s for s, _ in wide), *own)]
        said += [value for key, value in self._device.properties if key == name]
        # Compat properties of machine types name the types of drivers that lack one of them: there
        # is nothing to disable in a virtio device that is not transitional.
        if said and (self._properties is None or name in self._properties):
            return said[-1]
        lacking = self._basis.lacks(generation, self._family.driver, name)
        return "off" if lacking else default

    def legacy(self, transport: Transport | None) -> bool:
        """Return whether *transport* shows the guest what a legacy driver sees."""
        if transport is None or not transport.legacy:
            return False
        driver, name = driver_and_property(transport.legacy)
        written = [*compat_of(self._basis.machine, name), *globals_of(self._abi.settings)]
        said = [s.value for s in written if (s.driver, s.property) == (driver, name)]
        return not said or BOOLEANS.get(said[-1]) != "off"

    def _carried(self, name: str) -> bool:
        # By every feature: a backend does not know how old the machine type is that asks it.
        for feature in self._basis.catalogue.family_features(self._family):
            if (self._family.driver, name) in feature.drives and feature.kind in _BORNE:
                return feature.needs(self._backend) is not None
        return True


#: The kinds of feature whose property is a backend's to bear.
_BORNE = ("setting", "guard")
