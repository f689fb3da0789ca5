"""What the resolver asks of a catalogue, wherever its definitions come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from platform_abi.errors import DefinitionError, HostError
from platform_abi.model.names import feature_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from platform_abi.model.capability import Capability, Date
    from platform_abi.model.cpu import CpuTable
    from platform_abi.model.device import DeviceFamily, DeviceTable, InnerType
    from platform_abi.model.domain import DomainTable
    from platform_abi.model.driver import CpuModel, DriverProperty
    from platform_abi.model.feature import Feature
    from platform_abi.model.guest import GuestDevices
    from platform_abi.model.harmless import HarmlessTable
    from platform_abi.model.kernel_source import KernelSources
    from platform_abi.model.libvirt import LibvirtTable
    from platform_abi.model.lineage import Lineage
    from platform_abi.model.machine import MachineType, QemuBuild, TypeTable
    from platform_abi.model.mask import Mask
    from platform_abi.model.memo import Memo
    from platform_abi.model.message import MessageTable
    from platform_abi.model.option_table import OptionTable
    from platform_abi.model.platform import Listing, Platform
    from platform_abi.model.realize import RealizeTable
    from platform_abi.model.stream import StreamTable
    from platform_abi.model.visibility import Visibility

T = TypeVar("T")


class Catalogue(Protocol):
    """An immutable set of definitions; an implementation inherits what follows from the others.

    Every answer is a constant: asking twice gives the same value. *memo* is where pure functions
    of a catalogue keep what they have worked out about it.
    """

    memo: Memo

    def leave_out(self, what: str, error: DefinitionError | HostError) -> None:
        """Go on as if nothing defined *what*, whose definition is wrong; one that minds raises.

        A file that is wrong is in the way only of what needs it. Who leaves it out may say so, and
        says of nothing that could need it that it is as it should be.
        """
        del what
        raise error

    def attempt(self, what: str, name: str, read: Callable[[str], T]) -> T | None:
        """Return what *read* makes of *name*, which is of kind *what*; None where it is left out.

        What nothing defines at all is an error as everywhere.
        """
        try:
            return read(name)
        except (DefinitionError, HostError) as error:
            self.leave_out(f"{what} {name}", error)
            return None

    def editions(self) -> tuple[str, ...]:
        """Return the editions, oldest first; the last may not be released yet."""
        ...

    def newest_edition(self) -> str | None:
        """Return the newest released edition; None where there is none."""
        ...

    def devices(self) -> DeviceTable:
        """Return device families, network backends and accelerators."""
        ...

    def features(self, stem: str) -> tuple[Feature, ...]:
        """Return the features of one family, sorted by id; empty where nothing defines any."""
        ...

    def feature_stems(self) -> tuple[str, ...]:
        """Return the names of all feature files, sorted."""
        ...

    def every_feature(self) -> Iterator[Feature]:
        """Yield all features, by feature file and id."""
        for stem in self.feature_stems():
            yield from self.features(stem)

    def sound_features(self) -> Iterator[Feature]:
        """Yield all features, but for the families of which a file is wrong: they are left out."""
        for stem in self.feature_stems():
            yield from self.attempt("feature family", stem, self.features) or ()

    def features_at(self, edition: tuple[int, ...]) -> Iterator[Feature]:
        """Yield the features that *edition* has, each as it was there."""
        yield from (then for f in self.every_feature() if (then := f.at(edition)) is not None)

    def feature(self, feature_id: str) -> Feature | None:
        """Return the feature called *feature_id*, or None where nothing defines it."""
        stem = feature_stem(feature_id)
        if stem not in self.feature_stems():
            return None
        return next((f for f in self.features(stem) if f.id == feature_id), None)

    def family_features(self, family: DeviceFamily) -> Iterator[Feature]:
        """Yield the features that describe *family*."""
        for stem in family.feature_files:
            yield from self.features(stem)

    def feature_of(self, driver: str, name: str) -> Feature | None:
        """Return the feature that drives property *name* of *driver*, or of the device inside it.

        None where no feature does.
        """
        families = [*self.devices().families_of(driver)]
        for family in families:
            wanted = f"{family.driver}.{name}"
            for feature in self.family_features(family):
                if wanted in feature.properties:
                    return feature
        known = () if families else self.every_feature()
        return next((each for each in known if f"{driver}.{name}" in each.properties), None)

    def capabilities(self) -> dict[str, Capability]:
        """Return every host capability by id; files that are wrong may be left out."""
        ...

    def kernel_dates(self) -> Mapping[str, Date]:
        """Return since when the kernel has each capability that one of its releases predicts."""
        from platform_abi.model.capability import dates_of

        return dates_of(self.capabilities())

    def earlier_dates(self) -> Mapping[str, Mapping[str, Date]]:
        """Return by edition what those before it have of ``kernel_dates`` otherwise."""
        from platform_abi.model.capability import earlier_dates

        return earlier_dates(self.capabilities())

    def platform_names(self) -> tuple[str, ...]:
        """Return the names of all platforms, sorted by lineage and version."""
        ...

    def platform(self, name: str) -> Platform:
        """Return one platform, by any name of it; raises UnknownNameError with the nearest."""
        ...

    def every_platform(self) -> Iterator[Platform]:
        """Yield all platforms of ``platform_names``; one whose definition is wrong is left out."""
        for name in self.platform_names():
            found = self.attempt("platform", name, self.platform)
            if found is not None:
                yield found

    def platform_aliases(self) -> Mapping[str, str]:
        """Return the platform that each other name of one means."""
        return {}

    def lineages(self) -> Mapping[str, Lineage]:
        """Return what is known of lineages beyond their platforms, by name."""
        return {}

    def listing(self, platform: Platform, feature: Feature) -> Listing | None:
        """Return what *platform* says of *feature*, by its list or by its levels."""
        ...

    def masks(self) -> tuple[Mask, ...]:
        """Return what this site withdraws."""
        ...

    def builds(self, arch: str) -> tuple[str, ...]:
        """Return the names of the QEMU builds known for *arch*, newest first."""
        ...

    def learned(self, arch: str) -> tuple[str, ...]:
        """Return what QEMUs for *arch* are called that were asked and no definition has.

        They are none of ``builds``, and count only where that build is named or where no definition
        has a machine type. Newest first.
        """
        del arch
        return ()

    def has_build(self, name: str, arch: str) -> bool:
        """Return whether *name* is a build, of the definitions or of a QEMU that was asked."""
        return name in self.builds(arch) or name in self.learned(arch)

    def build(self, name: str, arch: str) -> QemuBuild:
        """Return one build; raises UnknownNameError with the nearest names."""
        ...

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        """Return one machine type of one build, with its compat properties."""
        ...

    def types(self, build: str, arch: str) -> TypeTable:
        """Return the QOM types that one build knows; empty where that was never recorded."""
        ...

    def unmigratable(self, build: str, arch: str) -> frozenset[str] | None:
        """Return the QOM types with which one build refuses to migrate; None: never recorded."""
        ...

    def streams(self, arch: str) -> StreamTable | None:
        """Return what was found out by moving guests between builds; None: it was never tried."""
        del arch
        return None

    def driver_properties(self, build: str, arch: str, driver: str) -> Mapping[str, DriverProperty]:
        """Return every property of *driver*, inherited ones included, sorted by name.

        Empty where the properties of that build were never recorded, or it has no such driver.
        """
        ...

    def cpu_models(self, build: str, arch: str) -> Mapping[str, CpuModel]:
        """Return the CPU models of one build by name; empty where that was never recorded."""
        ...

    def realize(self) -> RealizeTable:
        """Return the rules of what values become when a device is realized."""
        ...

    def inner_types(self) -> tuple[InnerType, ...]:
        """Return which drivers have a device inside that is of no device family."""
        return self.realize().inner

    def counted_properties(self) -> Mapping[str, frozenset[str]]:
        """Return, by type, the properties of which a value follows from the number of vCPUs."""
        from platform_abi.model.realize import VCPUS

        rules = [rule for rule in self.realize().rules if rule.of == VCPUS]
        return {
            driver: frozenset(p for r in rules if driver in r.drivers for p in r.properties)
            for driver in sorted({driver for rule in rules for driver in rule.drivers})
        }

    def property_rows(self, build: str, arch: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return, by type, the type and default of every property that its parent has not so.

        Empty where the properties of that build were never recorded.
        """
        ...

    def codes(self) -> Mapping[str, str]:
        """Return what the code of each finding and error means."""
        return {}

    def options(self) -> OptionTable:
        """Return what there is to know of the options of QEMU's command line."""
        ...

    def messages(self) -> MessageTable:
        """Return what QEMU and libvirt print when something fails, and what it means."""
        ...

    def harmless(self) -> HarmlessTable:
        """Return what a QEMU may be told without anything outside of it being touched."""
        ...

    def kernel_sources(self) -> KernelSources:
        """Return where in a kernel's source each capability is implemented."""
        ...

    def domains(self) -> DomainTable:
        """Return what of libvirt's domain XML says what of a QEMU command line."""
        ...

    def libvirt(self) -> LibvirtTable:
        """Return where libvirt's domain XML says what a platform sets."""
        ...

    def cpus(self) -> dict[str, CpuTable]:
        """Return what is known of CPU flags and models, by architecture."""
        ...

    def guest_devices(self, arch: str) -> GuestDevices | None:
        """Return which devices are looked at in a machine of *arch*, None where none can be."""
        ...

    def locate(self, relative: str) -> str | None:
        """Return the path of the file that a source calls *relative*, None where there is none."""
        ...

    def visibility(self) -> Visibility:
        """Return who can tell the values of which properties, and what boards come with."""
        ...
