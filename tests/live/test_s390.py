"""What is written and watched on IBM Z, and what is said of its CPU models: as real QEMUs have it.

An emulator says the same of a model as KVM does (target/s390x/cpu_models.c). One process is asked
all of a machine type.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.model.feature import Feature
from platform_abi.model.platform import version_key
from platform_abi.qemu.stdio_qmp import Qmp
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_FOLDER = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
_CPU = "/machine/unattached/device[0]"

#: What -m says: no property of the board.
_ELSEWHERE = {"memory.page-size"}
#: The releases that brought what is watched since.
_SINCE = {"astfleie2": "11.1"}


def _watched(features: tuple[Feature, ...]) -> Iterator[str]:
    """Yield the properties that features write, and those of their conditions."""
    for feature in features:
        yield from (name for _, name in feature.drives)
        for condition in (*feature.when, *feature.unless):
            yield condition.partition("=")[0].partition(">")[0]


def _binary(version: str) -> str:
    binary = Path(_FOLDER or "/nowhere", "bin", f"qemu-system-s390x-{version}")
    if not binary.exists():
        pytest.skip(f"no QEMU {version} for s390x")
    return str(binary)


@pytest.mark.parametrize("version", ["10.0", "11.1"])
def test_each_option_and_property_is_one_of_qemus(
    catalogue: pa.FileCatalogue, version: str
) -> None:
    """The board's, the CPU's and a zpci's are listed, and what is written is taken."""
    written = "aes-key-wrap=off,dea-key-wrap=on"
    words = ["-machine", f"s390-ccw-virtio-{version},{written}", "-cpu", "max", "-accel", "tcg"]
    # Of a device without one QEMU makes its own.
    words += ["-device", "zpci,target=r0,id=z0,interpret=off,forwarding-assist=off"]
    words += ["-S", "-nodefaults", "-display", "none", "-device", "virtio-rng-pci,id=r0"]
    places = {"/machine": "s390-ccw", _CPU: "s390-cpu", "/machine/peripheral/z0": "zpci"}
    with Qmp(_binary(version), tuple(words), timeout=60) as qmp:
        for path, stem in places.items():
            known = {entry["name"] for entry in qmp.execute("qom-list", path=path)}
            watched = {
                name
                for name in _watched(catalogue.features(stem))
                if name not in _ELSEWHERE
                and version_key(_SINCE.get(name, version)) <= version_key(version)
            }
            assert len(watched) >= 3
            assert watched - known == set(), stem
        for name, value in (("aes-key-wrap", False), ("dea-key-wrap", True)):
            assert qmp.execute("qom-get", path="/machine", property=name) is value
        # Of a device that QEMU emulates firmware does nothing, whatever is written.
        of_zpci = {"path": "/machine/peripheral/z0", "property": "relaxed-translation"}
        assert qmp.execute("qom-get", **of_zpci) is False


@pytest.mark.parametrize(
    ("version", "machine"),
    [("11.1", "11.1"), ("11.1", "7.1"), ("10.0", "10.0"), ("10.0", "6.1"), ("10.0", "2.9")],
)
def test_each_model_has_the_features_that_are_said_of_it(
    catalogue: pa.FileCatalogue, version: str, machine: str
) -> None:
    """Of every model that the binary lists, by machine type, groups and all."""
    table = catalogue.cpus()["s390x"]
    words = ("-machine", f"s390-ccw-virtio-{machine}", "-accel", "tcg", "-S", "-nodefaults")
    with Qmp(_binary(version), (*words, "-display", "none"), timeout=60) as qmp:
        names = {each["name"] for each in qmp.execute("query-cpu-definitions")} - {"host", "max"}
        assert len(names) >= 80
        assert names == {*catalogue.cpu_models(BUILD_OF[version], "s390x")} - {"host", "max"}
        for name in sorted(names):
            said = qmp.execute("query-cpu-model-expansion", type="full", model={"name": name})
            found = {key for key, value in said["model"]["props"].items() if value}
            later: set[str] = set()
            for each in table.later:
                if name in each.models and version_key(machine) < version_key(each.generation):
                    later |= each.flags
            flags = {f for f in table.flags_of(name) if not f.startswith("generation-")}
            assert flags - later == found & table.bits.keys(), name
