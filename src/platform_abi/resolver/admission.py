"""What of a guest ABI may come from somebody else: what no guest, file or process is reached by.

A lockfile travels between hosts and users, and whoever can write one can compute its seal. So it
may say what a feature drives, on a driver and property that the definitions know and with a value
of its type, and what the user of its time wrote explicitly where that names nothing of the host.
Files, descriptors and devices of the host come from the command line of who starts QEMU, only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from platform_abi.model.abi import EXPLICIT, LAYERS, GuestAbi, Setting
from platform_abi.model.device import MACHINE, NETDEV
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.harmless import HarmlessTable
    from platform_abi.model.vm import Device, VirtualMachine

# Most of these are not needed in one go: each is compiled when it is.

#: Names of machine types, builds, architectures and CPU models: no word that is another option.
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.+~-]*"

_WHOLE = r"-?(?:0[xX][0-9a-fA-F]+|[0-9]+)"

#: How a value of each type of feature is written, but for enumerations.
_VALUES = {
    "bool": "on|off|yes|no|true|false|y|n",
    "int": _WHOLE,
    "size": r"(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?[bBkKmMgGtTpPeE]?)",
}

_SWITCHES = ("bool", "int")


def refusals(catalogue: Catalogue, abi: GuestAbi) -> Iterator[str]:
    """Yield in a line each what of *abi* may not come from somebody else."""
    known = Known(catalogue, abi.vm)
    yield from _names(catalogue, abi.vm)
    for setting in abi.settings:
        if not known.setting(setting):
            yield f"{setting.driver}.{setting.property}={setting.value}"
    for option, value in abi.vm.machine_options:
        if not known.machine_option(option, value):
            yield f"-machine {option}={value}"
    if abi.vm.cpu is not None:
        for key, value in abi.vm.cpu.properties:
            if not known.cpu_property(key, value):
                yield f"-cpu {abi.vm.cpu.model},{key}={value}"
    for each in abi.vm.globals:
        if not known.property(each.driver, each.property, each.value):
            yield f"-global {each.driver}.{each.property}={each.value}"
    yield from _of_devices(known, abi.vm)


def _names(catalogue: Catalogue, vm: VirtualMachine) -> Iterator[str]:
    """Yield words that are no names: QEMU would read more in them, or a shell another program."""
    names = {"-machine": vm.machine, "the architecture": vm.arch}
    if vm.build is not None:
        names["the build"] = vm.build
    if vm.cpu is not None:
        names["-cpu"] = vm.cpu.model
    yield from (f"{what} {name!r}" for what, name in names.items() if not re.fullmatch(_NAME, name))
    if vm.accelerator not in catalogue.devices().accelerators:
        yield f"-accel {vm.accelerator!r}"


def _of_devices(known: Known, vm: VirtualMachine) -> Iterator[str]:
    for device in vm.devices:
        if not known.driver(device.driver):
            yield f"-device {device.driver}"
        for key, value in device.properties:
            if not known.property(device.driver, key, value):
                yield f"-device {device.driver},{key}={value}"


def portable(catalogue: Catalogue, vm: VirtualMachine) -> VirtualMachine:
    """Return *vm* without the explicit values that name something of its host."""
    known = Known(catalogue, vm)

    def kept(device: Device) -> Device:
        properties = tuple(
            (key, value)
            for key, value in device.properties
            if not known.of_host(device.driver, key, value)
        )
        return device if properties == device.properties else evolve(device, properties=properties)

    return evolve(
        vm,
        machine_options=tuple(pair for pair in vm.machine_options if known.machine_option(*pair)),
        globals=tuple(g for g in vm.globals if not known.of_host(g.driver, g.property, g.value)),
        devices=tuple(kept(device) for device in vm.devices),
    )


def portable_abi(catalogue: Catalogue, abi: GuestAbi) -> GuestAbi:
    """Return *abi* as it may be stored: without what names something of the host, and a note."""
    vm = portable(catalogue, abi.vm)
    known = Known(catalogue, abi.vm)
    settings = tuple(s for s in abi.settings if s.layer not in EXPLICIT or known.setting(s))
    if vm == abi.vm and settings == abi.settings:
        return abi
    said = [f"-machine {k}" for k, v in abi.vm.machine_options if (k, v) not in vm.machine_options]
    said += [f"-global {g.driver}.{g.property}" for g in abi.vm.globals if g not in vm.globals]
    for before, after in zip(abi.vm.devices, vm.devices, strict=True):
        gone = [key for key, value in before.properties if (key, value) not in after.properties]
        said += [f"{key} of -device {before.driver}" for key in gone]
    note = f"not in the lockfile, as it may name something of this host: {', '.join(said)}"
    return evolve(abi, vm=vm, settings=settings, notes=(*abi.notes, note))


class Known:
    """What the definitions know of the drivers and options of one virtual machine."""

    def __init__(self, catalogue: Catalogue, vm: VirtualMachine) -> None:
        self._catalogue = catalogue
        self._vm = vm
        builds = catalogue.builds(vm.arch)
        # What the build at hand does not know, another may.
        self._builds = sorted(builds, key=lambda build: build != vm.build)

    @cached_property
    def _table(self) -> HarmlessTable:
        return self._catalogue.harmless()

    def setting(self, setting: Setting) -> bool:
        """Return whether *setting* is driven by a feature, or was written, as far as may be."""
        if setting.layer in EXPLICIT:
            if setting.driver == MACHINE:
                return self.machine_option(setting.property, setting.value)
            return self.property(setting.driver, setting.property, setting.value)
        if self._counted(setting):
            return True
        if setting.driver == NETDEV and not self._of_netdev(setting):
            return False
        feature = self._catalogue.feature_of(setting.driver, setting.property)
        return setting.layer in LAYERS and feature is not None and self._typed(feature, setting)

    def _of_netdev(self, setting: Setting) -> bool:
        """Return whether *setting* is an option of a netdev that platforms set, on one device's."""
        options = self._catalogue.devices().netdev_options
        known = any(option.option == setting.property for option in options)
        return known and setting.device in self._vm.labels()

    def _counted(self, setting: Setting) -> bool:
        """Return whether *setting* is a number that follows from the number of vCPUs."""
        counted = self._catalogue.counted_properties()
        drivers = {driver for driver, names in counted.items() if setting.property in names}
        return (
            bool(drivers)
            and setting.layer == "platform"
            and re.fullmatch(_WHOLE, setting.value) is not None
            and any(
                not drivers.isdisjoint(types.ancestry(setting.driver))
                for build in self._builds
                for types in [self._catalogue.types(build, self._vm.arch)]
            )
        )

    def _typed(self, feature: Feature, setting: Setting) -> bool:
        form = _VALUES.get(feature.type)
        if form is not None and re.fullmatch(form, setting.value):
            return True
        if setting.value in (feature.fallback, feature.when_supported, *feature.values):
            return True
        # What QEMU itself says, such as "auto" of a switch.
        return setting.driver not in (MACHINE, NETDEV) and self.property(
            setting.driver, setting.property, setting.value
        )

    def machine_option(self, name: str, value: str) -> bool:
        """Return whether ``-machine name=value`` names nothing of the host."""
        return name in self._table.machine_options and "\0" not in value

    def driver(self, name: str) -> bool:
        """Return whether any build has the driver *name*."""
        return any(
            name in types or name in types.aliases
            for build in self._builds
            for types in [self._catalogue.types(build, self._vm.arch)]
        )

    def cpu_property(self, name: str, value: str) -> bool:
        """Return whether a property of the CPU names nothing of the host."""
        model = "" if self._vm.cpu is None else self._vm.cpu.model
        plain = name.replace("_", "-")
        return any(
            self.property(driver, key, value)
            for driver in (f"{model}-{self._vm.arch}-cpu", f"{self._vm.arch}-cpu")
            for key in (name, plain)
        ) or (
            re.fullmatch(_NAME, name) is not None
            and re.fullmatch(_VALUES["bool"], value) is not None
        )

    def property(self, driver: str, name: str, value: str) -> bool:
        """Return whether a *driver*'s property is known, and names nothing of the host."""
        if name in self._table.device_keys:
            return self.driver(driver)
        kind = self._kind(driver, name)
        if kind is None:
            return False
        if not value or name in self._table.texts:
            return True
        if not kind:  # no more was recorded than that there is one
            return any(re.fullmatch(_VALUES[each], value) for each in _SWITCHES)
        return kind not in self._table.text_types

    def of_host(self, driver: str, name: str, value: str) -> bool:
        """Return whether a *driver*'s property is known, and may name something of the host."""
        return self._kind(driver, name) is not None and not self.property(driver, name, value)

    def _kind(self, driver: str, name: str) -> str | None:
        """Return QEMU's name for the type of a property; empty: not recorded; None: unknown."""
        found: str | None = None
        for build in self._builds:
            types = self._catalogue.types(build, self._vm.arch)
            canonical = types.canonical(driver)
            row = self._catalogue.driver_properties(build, self._vm.arch, canonical).get(name)
            if row is not None:
                return row.type
            if any(name in types.own_properties.get(t, ()) for t in types.ancestry(canonical)):
                found = ""
        return found
