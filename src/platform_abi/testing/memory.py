"""A catalogue without files: definitions are values that a test makes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_abi.errors import unknown
from platform_abi.model.capability import Capability
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.cpu import CpuTable
from platform_abi.model.device import DeviceTable
from platform_abi.model.domain import DomainTable
from platform_abi.model.driver import CpuModel, DriverProperty
from platform_abi.model.feature import Feature
from platform_abi.model.guest import GuestDevices
from platform_abi.model.harmless import HarmlessTable
from platform_abi.model.kernel_source import KernelSources
from platform_abi.model.libvirt import LibvirtTable
from platform_abi.model.machine import MachineType, QemuBuild, TypeTable
from platform_abi.model.mask import Mask
from platform_abi.model.message import MessageTable
from platform_abi.model.names import feature_stem
from platform_abi.model.option_table import OptionTable
from platform_abi.model.platform import Listing, Platform
from platform_abi.model.realize import RealizeTable
from platform_abi.model.visibility import Visibility

EDITIONS = ("2026.1", "2026.2")
BUILD = "qemu-10.2.0"


class MemoryCatalogue(Catalogue):
    """A catalogue of values in memory: what the resolver sees of definition files."""

    def __init__(
        self,
        *,
        devices: DeviceTable,
        features: Sequence[Feature],
        platforms: Sequence[Platform],
        machines: Sequence[MachineType],
        types: TypeTable,
        capabilities: Mapping[str, Capability] | None = None,
        editions: Sequence[str] = EDITIONS,
        masks: Sequence[Mask] = (),
        properties: Mapping[str, Mapping[str, DriverProperty]] | None = None,
        cpu_models: Mapping[str, CpuModel] | None = None,
        realize: RealizeTable | None = None,
        visibility: Visibility | None = None,
    ) -> None:
        self.memo: dict[Any, Any] = {}
        self._devices = devices
        self._features = tuple(sorted(features, key=lambda f: f.id))
        self._platforms = {platform.name: platform for platform in platforms}
        self._machines = {machine.name: machine for machine in machines}
        self._types = types
        self._capabilities = dict(capabilities or {})
        self._editions = tuple(editions)
        self._masks = tuple(masks)
        self._properties = dict(properties or {})
        self._cpu_models = dict(cpu_models or {})
        self._realize = realize or RealizeTable()
        self._visibility = visibility or Visibility()

    def editions(self) -> tuple[str, ...]:
        """Return the editions, oldest first."""
        return self._editions

    def newest_edition(self) -> str | None:
        """Return the newest: here all are released."""
        return self._editions[-1] if self._editions else None

    def devices(self) -> DeviceTable:
        """Return the device table."""
        return self._devices

    def features(self, stem: str) -> tuple[Feature, ...]:
        """Return the features of family *stem*."""
        return tuple(f for f in self._features if feature_stem(f.id) == stem)

    def feature_stems(self) -> tuple[str, ...]:
        """Return the families that have features."""
        return tuple(sorted({feature_stem(f.id) for f in self._features}))

    def capabilities(self) -> dict[str, Capability]:
        """Return the capabilities."""
        return self._capabilities

    def platform_names(self) -> tuple[str, ...]:
        """Return the platforms' names."""
        return tuple(sorted(self._platforms))

    def platform(self, name: str) -> Platform:
        """Return platform *name*."""
        if name not in self._platforms:
            raise unknown("platform", name, self._platforms, code="unknown-platform")
        return self._platforms[name]

    def listing(self, platform: Platform, feature: Feature) -> Listing | None:
        """Return what *platform* lists of *feature*."""
        return platform.listings.get(feature.id)

    def masks(self) -> tuple[Mask, ...]:
        """Return the masks."""
        return self._masks

    def builds(self, arch: str) -> tuple[str, ...]:
        """Return the one build."""
        return (BUILD,) if arch == "x86_64" else ()

    def build(self, name: str, arch: str) -> QemuBuild:
        """Return the one build."""
        if name != BUILD:
            raise unknown("QEMU build", name, [BUILD], code="unknown-build")
        return QemuBuild(
            name=BUILD,
            version="10.2.0",
            arch=arch,
            machines=tuple(self._machines),
            aliases={"q35": max(self._machines)},
        )

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        """Return machine type *name*."""
        del build, arch
        return self._machines[name]

    def types(self, build: str, arch: str) -> TypeTable:
        """Return the QOM types."""
        del build, arch
        return self._types

    def unmigratable(self, build: str, arch: str) -> frozenset[str] | None:
        """Return None: nothing of these builds was recorded."""
        del build, arch
        return None

    def driver_properties(self, build: str, arch: str, driver: str) -> Mapping[str, DriverProperty]:
        """Return what was given of *driver*, which has to have its inherited properties too."""
        del build, arch
        return self._properties.get(driver, {})

    def cpu_models(self, build: str, arch: str) -> Mapping[str, CpuModel]:
        """Return the CPU models."""
        del build, arch
        return self._cpu_models

    def property_rows(self, build: str, arch: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return what was given of every driver, as rows."""
        del build, arch
        return {
            driver: {
                name: (known.type,) if known.default is None else (known.type, known.default)
                for name, known in rows.items()
            }
            for driver, rows in self._properties.items()
        }

    def options(self) -> OptionTable:
        """Return no option: a scenario is no command line."""
        return OptionTable()

    def messages(self) -> MessageTable:
        """Return what QEMU prints when something fails: nothing here."""
        return MessageTable()

    def harmless(self) -> HarmlessTable:
        """Return nothing but what a type's own kind says."""
        return HarmlessTable()

    def kernel_sources(self) -> KernelSources:
        """Return no place: no kernel's source is looked at."""
        return KernelSources()

    def domains(self) -> DomainTable:
        """Return nothing: a scenario is no domain."""
        return DomainTable()

    def libvirt(self) -> LibvirtTable:
        """Return no place: everything stands on the command line."""
        return LibvirtTable()

    def cpus(self) -> dict[str, CpuTable]:
        """Return no CPU: whatever its flags ask of a host is unknown here."""
        return {}

    def guest_devices(self, arch: str) -> GuestDevices | None:
        """Return nothing: no binary is behind these builds that could be looked at."""
        del arch
        return None

    def locate(self, relative: str) -> str | None:
        """Return nothing: there are no files."""
        del relative
        return None

    def visibility(self) -> Visibility:
        """Return who can tell the values of which properties."""
        return self._visibility

    def realize(self) -> RealizeTable:
        """Return the rules of realizing devices."""
        return self._realize
