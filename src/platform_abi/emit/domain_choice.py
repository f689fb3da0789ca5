"""Which place of a domain each setting of the platform belongs in: the most native one.

An attribute of libvirt's own, else ``qemu:override`` of the device, else ``qemu:commandline``;
which, ``definitions/libvirt`` says. What the document says already is the user's, and is no place.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from platform_abi.emit.arguments import (
    chosen_options,
    global_argument,
    global_settings,
    netdev_options,
    own_settings,
)
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import ACCELERATOR, MACHINE, NETDEV
from platform_abi.model.libvirt import LibvirtTable, NativePlace, Step
from platform_abi.model.value import define, frozen
from platform_abi.model.vm import Device, VirtualMachine
from platform_abi.model.xml_tree import Element
from platform_abi.resolver.layers import DeviceTypes, device_types, inner_device, inner_types
from platform_abi.resolver.machine_choice import choose_machine

#: QEMU's own words for numbers.
_NUMBER = re.compile(r"u?int|size")


@frozen(kw_only=True)
class Native:
    """An attribute of libvirt's own, and the *value* that it calls the setting's.

    *device* is the label of the device whose element its path begins at; None: the domain's.
    """

    setting: Setting
    device: str | None
    place: NativePlace
    value: str


@frozen(kw_only=True)
class Override:
    """A property of one device, with the *value* in JSON of what libvirt calls its *type*."""

    setting: Setting
    device: str
    type: str
    value: str


@frozen(kw_only=True)
class Argument:
    """An *option* of QEMU's command line."""

    setting: Setting
    option: str
    value: str


@frozen(kw_only=True)
class Lost:
    """There is no place for it, for a *reason*."""

    setting: Setting
    device: str | None
    reason: str


Choice = Native | Override | Argument | Lost


def choose_places(
    catalogue: Catalogue,
    abi: GuestAbi,
    root: Element,
    elements: Mapping[str, Element],
    version: str,
) -> Iterator[Choice]:
    """Yield where each setting of the platform of *abi* goes in the domain *root*.

    *elements* are those of devices, by their labels, *version* the libvirt that reads it. What has
    no effect, as nothing of the domain has it, goes nowhere.
    """
    chooser = _Chooser(
        catalogue=catalogue,
        table=catalogue.libvirt(),
        abi=abi,
        reach=_Reach.of(catalogue, abi.vm),
        root=root,
        elements=elements,
        version=version,
    )
    for name, value in chosen_options(abi):
        yield chooser.of_machine(name, value)
    for setting in global_settings(abi):
        if setting.layer == "platform":
            yield from chooser.of_every_device(setting)
    for device, own in own_settings(abi):
        for setting in own:
            yield chooser.of_device(setting.device or "", device, setting)
    for _, setting in netdev_options(abi):
        reason = chooser.table.lost.get(f"{NETDEV}.{setting.property}", "it has no place there")
        yield Lost(setting=setting, device=setting.device, reason=reason)


@define(kw_only=True, eq=False)
class _Chooser:
    """A domain that places are chosen in."""

    catalogue: Catalogue
    table: LibvirtTable
    abi: GuestAbi
    reach: _Reach
    root: Element
    elements: Mapping[str, Element]
    version: str

    def of_machine(self, name: str, value: str) -> Choice:
        """Return the place of an option of ``-machine``."""
        setting = next(s for s in self.abi.settings if s.driver == MACHINE and s.property == name)
        free = self._free(self.root, setting, None)
        return free or Argument(setting=setting, option="-machine", value=f"{name}={value}")

    def of_every_device(self, setting: Setting) -> Iterator[Choice]:
        """Yield the places of a setting of every device of a driver, or of the CPU."""
        everywhere = Argument(setting=setting, option="-global", value=global_argument(setting))
        covered = self.reach.covered(setting)
        if not covered:
            family = self.catalogue.devices().family_of(setting.driver)
            # What is set of a device that is not there has no effect.
            if family is not None and family.backend == ACCELERATOR:
                yield self._free(self.root, setting, None) or everywhere
            return
        places = [
            (label, device, self._of_device(label, device, setting)) for label, device in covered
        ]
        if any(place is None for _, _, place in places):
            yield everywhere
            return
        for label, device, place in places:
            if place is not None and not self.reach.is_explicit(setting, label, device):
                yield place

    def of_device(self, label: str, device: Device, setting: Setting) -> Choice:
        """Return the place of a setting of one device."""
        return self._of_device(label, device, setting) or Lost(
            setting=setting, device=label, reason="it has no element where that could stand"
        )

    def _of_device(self, label: str, device: Device, setting: Setting) -> Choice | None:
        if label not in self.elements:
            return None
        free = self._free(self.elements[label], setting, label)
        if free is not None or self.reach.is_one_of(label, self.table.whole):
            return free
        kind, value = self.reach.json(device, setting)
        return Override(setting=setting, device=label, type=kind, value=value)

    def _free(self, element: Element, setting: Setting, label: str | None) -> Native | None:
        """Return the native place of a setting where nothing stands yet, if it has one."""
        drivers = (setting.driver,) if label is None else self.reach.types[label].every
        kind = "" if label is None else element.name
        for place in self.table.places(drivers, setting.property, kind, self.version):
            value = place.value(setting.value)
            here: Element | None = element
            for step in place.steps():
                here = inside(here, step)
            taken = here is not None and place.attribute in here.attributes
            if value is not None and not taken:
                return Native(setting=setting, device=label, place=place, value=value)
        return None


def inside(element: Element | None, step: Step) -> Element | None:
    """Return the child of *element* that *step* leads to, if there is one."""
    by = dict(step.by).items()
    likes = () if element is None else element.named(step.name)
    return next((each for each in likes if by <= each.attributes.items()), None)


@define(kw_only=True, eq=False)
class _Reach:
    """Which devices a setting reaches, and how QEMU's JSON says its value."""

    catalogue: Catalogue
    build: str
    vm: VirtualMachine
    types: Mapping[str, DeviceTypes]

    @classmethod
    def of(cls, catalogue: Catalogue, vm: VirtualMachine) -> _Reach:
        """Return what is known of the devices of *vm*."""
        build, _ = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
        types = catalogue.types(build.name, vm.arch)
        inside = inner_types(catalogue, types)
        known = {}
        for label, device in vm.labelled():
            driver = types.canonical(device.driver)
            inner = inner_device(types, inside, driver) or inside.get(driver, "")
            known[label] = device_types(types, driver, inner)
        return cls(catalogue=catalogue, build=build.name, vm=vm, types=known)

    def covered(self, setting: Setting) -> list[tuple[str, Device]]:
        """Return the devices that *setting* reaches as a ``-global``, each behind its label."""
        return [
            (label, device)
            for label, device in self.vm.labelled()
            if setting.driver in self.types[label].every
        ]

    def is_explicit(self, setting: Setting, label: str, device: Device) -> bool:
        """Return whether the user says the property of the device, which an override would beat."""
        return setting.property in dict(device.properties) or any(
            given.property == setting.property and given.driver in self.types[label].every
            for given in self.vm.globals
        )

    def is_one_of(self, label: str, drivers: Container[str]) -> bool:
        """Return whether the device is of one of *drivers*."""
        return any(each in drivers for each in self.types[label].every)

    def json(self, device: Device, setting: Setting) -> tuple[str, str]:
        """Return libvirt's type of a property, by which it is JSON, and its value of that type."""
        vm = self.vm
        driver = self.catalogue.types(self.build, vm.arch).canonical(device.driver)
        rows = self.catalogue.driver_properties(self.build, vm.arch, driver)
        known = rows.get(setting.property)
        feature = self.catalogue.feature_of(setting.driver, setting.property)
        kind = known.type if known is not None else "" if feature is None else feature.type
        if kind == "bool":
            return "bool", "true" if setting.value == "on" else "false"
        if _NUMBER.match(kind):
            return ("signed" if setting.value.startswith("-") else "unsigned"), setting.value
        return "string", setting.value
