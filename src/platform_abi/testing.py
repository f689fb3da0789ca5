"""Hypothesis strategies, for this project's laws and for others' definitions.

Needs Hypothesis (``pip install platform-abi[testing]``); nothing else here imports this module.

    from hypothesis import given
    from platform_abi.testing import scenarios

    @given(scenarios())
    def test_something(scenario): ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from platform_abi.errors import unknown
from platform_abi.model.capability import Capability
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily, DeviceTable, NetdevBackend
from platform_abi.model.feature import Feature
from platform_abi.model.harmless import HarmlessTable
from platform_abi.model.host import SOURCES, Fact, HostReport
from platform_abi.model.machine import (
    CompatProperty,
    CpuModel,
    DriverProperty,
    MachineType,
    QemuBuild,
    TypeTable,
)
from platform_abi.model.message import MessageTable
from platform_abi.model.names import feature_stem
from platform_abi.model.option_table import OptionTable
from platform_abi.model.platform import Listing, Mask, Platform, PlatformReference
from platform_abi.model.realize import RealizeTable
from platform_abi.model.value import frozen
from platform_abi.model.visibility import Visibility
from platform_abi.model.vm import Cpu, Device, GlobalProperty, VirtualMachine

BACKENDS = ("tap", "tap+vhost", "user", "none")
GENERATIONS = ("7.2", "8.1", "8.2", "9.0", "9.1", "10.0", "10.2")
EDITIONS = ("2026.1", "2026.2")
CAPABILITIES = ("tun.a", "tun.b", "vhost.a", "kvm.a")
BUILD = "qemu-10.2.0"
#: Few, so that compat properties, globals and device properties meet.
NAMES = ("alpha", "beta-2")


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

    def visibility(self) -> Visibility:
        """Return who can tell the values of which properties."""
        return self._visibility

    def realize(self) -> RealizeTable:
        """Return the rules of realizing devices."""
        return self._realize


@frozen(kw_only=True)
class Scenario:
    """A catalogue, and a question to ask it."""

    catalogue: Catalogue
    vm: VirtualMachine
    platform: PlatformReference


_FAMILIES = (
    DeviceFamily(
        name="net",
        driver="net-device",
        proxies=("net-pci", "net-ccw"),
        backend_property="netdev",
        assumed_backends=("tap", "tap+vhost"),
    ),
    DeviceFamily(name="cpu", driver="x86_64-cpu", backend="accelerator"),
)

_TYPES = TypeTable(
    parents={
        "device": "",
        "net-device": "virtio-device",
        "virtio-device": "device",
        "pci-device": "device",
        "net-pci": "pci-device",
        "net-ccw": "device",
        "cpu": "device",
        "x86_64-cpu": "cpu",
        "qemu64-x86_64-cpu": "x86_64-cpu",
        "host-x86_64-cpu": "x86_64-cpu",
    },
    own_properties={
        "net-device": NAMES,
        "net-pci": (*NAMES, "netdev", "mac"),
        "net-ccw": (*NAMES, "netdev", "mac"),
        "x86_64-cpu": NAMES,
    },
    abstract=frozenset({"device", "virtio-device", "pci-device", "cpu", "x86_64-cpu"}),
)


def needs() -> st.SearchStrategy[tuple[str, ...]]:
    """Return sets of capabilities, as a feature requires them."""
    return st.lists(st.sampled_from(CAPABILITIES), unique=True, max_size=3).map(
        lambda names: tuple(sorted(names))
    )


@st.composite
def features(draw: st.DrawFn, family: DeviceFamily, name: str) -> Feature:
    """Draw a setting of *family* on property *name*."""
    backends = ("kvm", "tcg") if family.backend else (*BACKENDS, "*")
    opt_in = draw(st.booleans())
    return Feature(
        id=f"{family.name}.{name}",
        title=name,
        edition=draw(st.sampled_from(EDITIONS)),
        generation=draw(st.none() | st.sampled_from(GENERATIONS)),
        fallback="off",
        when_supported="off" if opt_in else draw(st.sampled_from(["on", "off"])),
        opt_in=opt_in,
        properties=(f"{family.driver}.{name}",),
        requires=draw(st.dictionaries(st.sampled_from(backends), needs())),
    )


@st.composite
def platforms(draw: st.DrawFn, known: Sequence[Feature], name: str) -> Platform:
    """Draw a platform that lists some of the *known* features, in some editions."""
    listed = draw(st.lists(st.sampled_from(list(known)), unique_by=lambda f: f.id)) if known else []
    return Platform(
        name=name,
        lineage="test",
        source=f"platforms/test/{name}.toml",
        listings={
            feature.id: Listing(
                values=draw(
                    st.dictionaries(
                        st.sampled_from(["0.0", *EDITIONS]),
                        st.sampled_from(["on", "off"]),
                        min_size=1,
                    )
                ),
                source=f"platforms/test/{name}.toml",
            )
            for feature in listed
        },
    )


@st.composite
def machines(draw: st.DrawFn, generation: str) -> MachineType:
    """Draw a machine type with compat properties on inner devices, proxies and parents."""
    drivers = st.sampled_from(
        ["net-device", "virtio-device", "net-pci", "pci-device", "x86_64-cpu"]
    )
    entry = st.builds(
        CompatProperty,
        driver=drivers,
        property=st.sampled_from(NAMES),
        value=st.sampled_from(["on", "off"]),
    )
    return MachineType(
        name=f"pc-q35-{generation}",
        family="pc-q35",
        arch="x86_64",
        generation=generation,
        cpu="qemu64-x86_64-cpu",
        compat=tuple(draw(st.lists(entry, max_size=3))),
    )


@st.composite
def virtual_machines(draw: st.DrawFn, machine: str) -> VirtualMachine:
    """Draw a virtual machine with NICs of several transports, backends and explicit values."""
    pairs = st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["on", "off", "true", "no", "auto"])),
        max_size=2,
        unique_by=lambda pair: pair[0],
    )
    devices = draw(
        st.lists(
            st.builds(
                Device,
                driver=st.sampled_from(["net-pci", "net-ccw", "net-device"]),
                backend=st.sampled_from(BACKENDS),
                properties=pairs.map(tuple),
            ),
            max_size=4,
        )
    )
    globals_ = draw(
        st.lists(
            st.builds(
                GlobalProperty,
                driver=st.sampled_from(["net-device", "net-pci", "net-ccw", "x86_64-cpu"]),
                property=st.sampled_from(NAMES),
                value=st.sampled_from(["on", "off"]),
            ),
            max_size=3,
        )
    )
    model = draw(st.none() | st.sampled_from(["qemu64", "host"]))
    return VirtualMachine(
        machine=machine,
        accelerator=draw(st.sampled_from(["kvm", "tcg"])),
        cpu=None if model is None else Cpu(model=model, properties=tuple(draw(pairs))),
        devices=tuple(
            evolve(device, id=draw(st.sampled_from([None, f"d{index}"])))
            for index, device in enumerate(devices)
        ),
        globals=tuple(globals_),
    )


@st.composite
def driver_properties(draw: st.DrawFn) -> dict[str, dict[str, DriverProperty]]:
    """Draw the defaults of all properties; a proxy has those of its inner device."""
    defaults = st.fixed_dictionaries({name: st.sampled_from(["on", "off"]) for name in NAMES})
    inner, cpu = draw(defaults), draw(defaults)

    def table(values: Mapping[str, str | None]) -> dict[str, DriverProperty]:
        return {
            name: DriverProperty(type="str" if value is None else "bool", default=value)
            for name, value in sorted(values.items())
        }

    proxy: dict[str, str | None] = {**inner, "netdev": None, "mac": None}
    return {
        "net-device": table(inner),
        "net-pci": table(proxy),
        "net-ccw": table(proxy),
        "x86_64-cpu": table(cpu),
    }


def facts() -> st.SearchStrategy[Fact]:
    """Return what a probe may find, with every source and a little evidence."""
    return st.builds(
        Fact,
        state=st.sampled_from(["present", "absent", "unknown"]),
        source=st.sampled_from(SOURCES),
        detail=st.sampled_from(["", "EINVAL", "TUNSETOFFLOAD 0x61"]),
    )


@st.composite
def host_reports(draw: st.DrawFn, capabilities: Sequence[str] = CAPABILITIES) -> HostReport:
    """Draw what one host offers of *capabilities*, and a few of everything else in a report."""
    names = st.sampled_from(["a", "b.c"])
    words = st.sampled_from(["x", "y", "n"])
    return HostReport(
        facts=draw(st.dictionaries(st.sampled_from(list(capabilities)), facts())),
        system=draw(st.sampled_from(["linux", "freebsd", ""])),
        release=draw(st.sampled_from(["6.9.3-generic", "5.14.0-503.el9", ""])),
        arch=draw(st.sampled_from(["x86_64", "aarch64", ""])),
        distribution=draw(st.sampled_from(["test", "debian", ""])),
        distribution_version=draw(st.sampled_from(["1", "12", ""])),
        distribution_like=tuple(draw(st.lists(st.sampled_from(["test", "fedora"]), unique=True))),
        name=draw(st.sampled_from(["", "alpha", "beta"])),
        numbers=draw(st.dictionaries(names, st.integers(0, 2**64 - 1))),
        masks=draw(st.dictionaries(names, st.integers(0, 2**128 - 1))),
        sets=draw(st.dictionaries(names, st.sets(words).map(lambda s: tuple(sorted(s))))),
        values=draw(st.dictionaries(names, words)),
        config=draw(st.dictionaries(st.sampled_from(["TUN", "KVM"]), words)),
    )


#: The first is the one that a scenario asks about; the others are there to be compared with.
_PLATFORMS = ("test-1", "test-2", "conservative")


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a whole catalogue with a virtual machine and a platform to resolve it on."""
    known = [
        draw(features(family, name))
        for family in _FAMILIES
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    ]
    generation = draw(st.sampled_from(GENERATIONS))
    catalogue = MemoryCatalogue(
        devices=DeviceTable(
            families=_FAMILIES,
            backends=tuple(NetdevBackend(name=name, netdev=(name,)) for name in BACKENDS),
            accelerators=("kvm", "tcg"),
            usual_accelerators={"linux": "kvm"},
        ),
        features=known,
        platforms=[draw(platforms(known, name)) for name in _PLATFORMS],
        machines=[draw(machines(generation))],
        types=_TYPES,
        capabilities={
            name: Capability(
                id=name, title=name, subsystem=system, since="5.0", config=(system.upper(),)
            )
            for name in CAPABILITIES
            for system in [name.split(".")[0]]
        },
        properties=draw(driver_properties()),
    )
    return Scenario(
        catalogue=catalogue,
        vm=draw(virtual_machines(f"pc-q35-{generation}")),
        platform=PlatformReference(
            name="test-1", edition=draw(st.none() | st.sampled_from(EDITIONS))
        ),
    )


# Whoever has the class can write from_type(Scenario). An entry point for Hypothesis would be called
# by its import above, before there is anything to register.
st.register_type_strategy(Scenario, scenarios())
