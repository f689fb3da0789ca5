"""Strategies of whole catalogues, each with a virtual machine and a platform to resolve it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from platform_abi.model.capability import Capability
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import BackendKind, Described, DeviceFamily, DeviceTable
from platform_abi.model.driver import DriverProperty
from platform_abi.model.feature import Feature
from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
from platform_abi.model.platform import Listing, Platform, PlatformReference
from platform_abi.model.value import evolve, frozen
from platform_abi.model.vm import Cpu, Device, GlobalProperty, VirtualMachine
from platform_abi.testing.hosts import CAPABILITIES
from platform_abi.testing.memory import EDITIONS, MemoryCatalogue

BACKENDS = ("tap", "tap+vhost", "user", "none")
GENERATIONS = ("7.2", "8.1", "8.2", "9.0", "9.1", "10.0", "10.2")
#: Few, so that compat properties, globals and device properties meet.
NAMES = ("alpha", "beta-2")


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
            backends=tuple(BackendKind(name=name, netdev=(name,)) for name in BACKENDS),
            accelerators=("kvm", "tcg"),
            native_accelerators=("kvm",),
            usual_accelerators={"linux": "kvm"},
            described=(Described(arch="x86_64", accelerators=("kvm", "tcg")),),
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
