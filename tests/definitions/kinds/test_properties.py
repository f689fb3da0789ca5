"""Properties with types and defaults, CPU models, and the names of vendors."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.definitions.kinds.properties import Document as PropertiesFile
from platform_abi.definitions.structure import load
from platform_abi.model.driver import CpuModel, DriverProperty
from tests.definitions import site

ARCHITECTURES = ("x86_64", "aarch64", "ppc64", "riscv64", "s390x")
PROPERTIES = "machines/qemu-10.0.0/x86_64-properties.toml"

ROWS = """
schema = 1
[cpu]
"EPYC" = { type = "EPYC-x86_64-cpu", alias-of = "EPYC-v1" }
"EPYC-v1" = { type = "EPYC-v1-x86_64-cpu", deprecated = true }
[type.device]
hotplug = ["bool", "on"]
[type.net-device]
hotplug = ["bool", "off"]
mac = ["str"]
[type.other]
x = ["int32", "-1"]
"""

TYPES = """
schema = 1
[type.device]
properties = ["hotplug"]
[type.net-device]
parent = "device"
properties = ["mac"]
[type.net-pci]
parent = "device"
"""


def _small(root: Path) -> Path:
    changed = {"machines/qemu-10.0.0/x86_64-types.toml": TYPES, PROPERTIES: ROWS}
    return site.small(root, **changed)


def _net(catalogue: pa.FileCatalogue) -> dict[str, DriverProperty]:
    return dict(catalogue.driver_properties("qemu-10.0.0", "x86_64", "net-device"))


# --- the shipped ones ----------------------------------------------------------------------------


def _typed(catalogue: pa.FileCatalogue, arch: str) -> list[str]:
    """Return the builds of which a binary was asked."""
    builds = catalogue.builds(arch)
    return [name for name in builds if catalogue.build(name, arch).confidence == "high"]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_types_and_properties_agree(arch: str, catalogue: pa.FileCatalogue) -> None:
    """Every property that a type has by one file it has by the other, in every build."""
    for build in _typed(catalogue, arch):
        types = catalogue.types(build, arch)
        assert len(types.parents) > 300
        for name in types.parents:
            found = catalogue.driver_properties(build, arch, name)
            assert found.keys() == types.properties(name), (build, name)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_nothing_is_written_twice(arch: str, catalogue: pa.FileCatalogue) -> None:
    """No type repeats what it has from its parent, and none is unknown."""
    for build in _typed(catalogue, arch):
        relative = f"machines/{build}/{arch}-properties.toml"
        document = load(PropertiesFile, (site.DEFINITIONS / relative).read_bytes(), relative)
        types = catalogue.types(build, arch)
        for name, rows in document.type.items():
            assert name in types
            inherited = catalogue.driver_properties(build, arch, types.parents[name])
            for key, row in rows.items():
                own = DriverProperty(type=row[0], default=row[1] if len(row) > 1 else None)
                assert inherited.get(key) != own, (build, name, key)
        models = catalogue.cpu_models(build, arch)
        assert len(models) > 20
        assert {model.type for model in models.values()} <= types.parents.keys()


@pytest.mark.parametrize(
    ("driver", "name", "expected"),
    [
        ("virtio-net-device", "host_uso", DriverProperty(type="bool", default="on")),
        ("virtio-net-pci", "host_uso", DriverProperty(type="bool", default="on")),
        ("virtio-net-pci", "vectors", DriverProperty(type="uint32", default="4294967295")),
        ("virtio-net-pci", "disable-legacy", DriverProperty(type="OnOffAuto", default="auto")),
        ("virtio-net-pci", "mac", DriverProperty(type="str")),
        ("virtio-net-device", "speed", DriverProperty(type="int32", default="-1")),
        ("nvme", "ctratt.mem", DriverProperty(type="bool", default="off")),
    ],
)
def test_a_property_is_as_a_user_would_write_it(
    driver: str, name: str, expected: DriverProperty, catalogue: pa.FileCatalogue
) -> None:
    """Words for switches, decimal numbers, QEMU's words, and nothing where QEMU states none."""
    assert catalogue.driver_properties("qemu-10.0.2", "x86_64", driver)[name] == expected


# --- reading and caching -------------------------------------------------------------------------


def test_what_is_inherited_is_laid_flat(tmp_path: Path) -> None:
    """The nearest type's word counts, and names come sorted."""
    found = site.catalogue(_small(tmp_path))
    assert list(_net(found).items()) == [
        ("hotplug", DriverProperty(type="bool", default="off")),
        ("mac", DriverProperty(type="str")),
    ]
    inherited = found.driver_properties("qemu-10.0.0", "x86_64", "net-pci")
    assert inherited == {"hotplug": DriverProperty(type="bool", default="on")}
    assert found.cpu_models("qemu-10.0.0", "x86_64") == {
        "EPYC": CpuModel(type="EPYC-x86_64-cpu", alias_of="EPYC-v1"),
        "EPYC-v1": CpuModel(type="EPYC-v1-x86_64-cpu", deprecated=True),
    }


def test_what_was_never_recorded_is_empty(tmp_path: Path) -> None:
    """A build without the file, a build or a driver that nobody knows; no name is a path."""
    small = site.catalogue(site.small(tmp_path / "a"))
    assert _net(small) == {}
    assert small.cpu_models("qemu-10.0.0", "x86_64") == {}
    found = pa.FileCatalogue([_small(tmp_path / "b")])
    for driver in ("", "other", "../x86_64", "\0", "x" * 300):
        assert found.driver_properties("qemu-10.0.0", "x86_64", driver) == {}
    assert found.driver_properties("qemu-1.0", "x86_64", "net-device") == {}
    assert found.driver_properties("qemu-10.0.0", "sparc", "net-device") == {}


@pytest.mark.parametrize(
    ("relative", "before", "after"),
    [
        (PROPERTIES, 'hotplug = ["bool", "off"]', 'hotplug = ["bool", "on"]'),
        ("machines/qemu-10.0.0/x86_64-types.toml", 'parent = "device"', 'parent = "other"'),
    ],
)
def test_an_edited_file_counts(tmp_path: Path, relative: str, before: str, after: str) -> None:
    """Also that of the types, which says what is inherited."""
    root = _small(tmp_path / "root")
    old = _net(site.catalogue(root))
    path = root / relative
    path.write_text(path.read_text().replace(before, after))
    assert _net(site.catalogue(root)) != old


def test_two_meanings_of_a_build_are_an_error(tmp_path: Path) -> None:
    """A copy in a site's folder is none."""
    roots = [_small(tmp_path / "a"), _small(tmp_path / "b")]
    assert _net(site.catalogue(*roots))
    (roots[1] / PROPERTIES).write_text(ROWS.replace("int32", "int64"))
    with pytest.raises(pa.DefinitionError, match="two meanings"):
        _net(site.catalogue(*roots))


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[type.a]\nx = []", ":3:1: type.a.x: expected [type], or [type, default]"),
        ('[type.a]\nx = ["bool", "on", "y"]', ":3:1: type.a.x: expected [type], or"),
        ('[type.a]\nx = "bool"', ":3:1: type.a.x: expected an array"),
        ('[type.a]\nx = ["bool", true]', "type.a.x[2]: expected a string, found true"),
        ('[cpu]\na = { type = "t", alias-of = "b" }', "cpu.a.alias-of: no CPU model 'b'"),
        ("[cpu]\na = { }", "required key 'type' is missing"),
        ('[cpu]\na = { type = "t", alias = "b" }', "unknown key; did you mean 'alias-of'"),
    ],
)  # fmt: skip
def test_a_fault_of_properties_has_its_place(text: str, fault: str) -> None:
    """Line, column, key, and what was expected."""
    with pytest.raises(pa.DefinitionError) as caught:
        load(PropertiesFile, f"schema = 1\n{text}\n".encode(), "x.toml")
    assert fault in caught.value.message
