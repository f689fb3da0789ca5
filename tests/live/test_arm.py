"""What is written for Arm, and what is watched: each a property of a real QEMU, which takes it.

KVM's own properties are left out: an emulator has none. One process is asked all of a release.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.model.feature import Feature
from platform_abi.qemu.stdio_qmp import Qmp
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_FOLDER = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
_CPU = "/machine/unattached/device[0]"

#: Of the accelerator, of KVM alone, and what -m says: no properties of the board or of its CPU.
_ELSEWHERE = {"kernel-irqchip", "kvm-psci-version", "kvm-steal-time", "memory.size"}
_ELSEWHERE |= {"memory.max-size"}

#: The releases that brought what is watched since.
_SINCE = {"msi": "11.1", "highmem-mmio-size": "10.0"}


def _watched(features: tuple[Feature, ...]) -> Iterator[str]:
    """Yield the properties that features write, and those of their conditions."""
    for feature in features:
        yield from (name for _, name in feature.drives)
        for condition in (*feature.when, *feature.unless):
            yield condition.partition("=")[0].partition(">")[0]


@pytest.mark.parametrize("version", ["10.0", "11.1"])
def test_each_option_and_property_is_one_of_qemus(
    catalogue: pa.FileCatalogue, version: str
) -> None:
    """The board's are listed by the machine, the CPU's by a max CPU; written values are taken."""
    binary = Path(_FOLDER or "/nowhere", "bin", f"qemu-system-aarch64-{version}")
    if not binary.exists():
        pytest.skip(f"no QEMU {version} for aarch64")
    written = ["gic-version=3", "its=on", "highmem=on", "mte=off", "virtualization=off"]
    words = ["-machine", ",".join([f"virt-{version}", *written]), "-cpu", "max,pmu=off,sve=off"]
    words += ["-global", "arm-cpu.pauth=off", "-accel", "tcg", "-S", "-nodefaults"]
    words += ["-display", "none", "-device", "virtio-iommu-pci,granule=64k"]
    with Qmp(str(binary), tuple(words), timeout=60) as qmp:
        for path, stem in (("/machine", "arm-virt"), (_CPU, "arm-cpu")):
            listed = qmp.execute("qom-list", path=path)
            known = {entry["name"] for entry in listed}
            watched = {
                name
                for name in _watched(catalogue.features(stem))
                if name not in _ELSEWHERE and _SINCE.get(name, version) <= version
            }
            assert len(watched) > 4
            assert watched - known == set(), stem
        assert qmp.execute("qom-get", path="/machine", property="gic-version") == "3"
        for name in ("pmu", "sve", "pauth"):
            assert qmp.execute("qom-get", path=_CPU, property=name) is False, name
    assert BUILD_OF[version] in catalogue.builds("aarch64")
