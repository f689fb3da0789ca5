"""What pseries asks of a host by itself, and what is written for it: as real QEMUs have it.

KVM's part is left out: an emulator has none. One process answers for one machine type.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.model.feature import Feature
from platform_abi.model.platform import version_key
from platform_abi.qemu.stdio_qmp import Qmp
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_FOLDER = os.environ.get("PLATFORM_ABI_LIVE_QEMU")

#: Of the accelerator, of objects, and what -m and -smp say: no properties of the board.
_ELSEWHERE = {"kernel-irqchip", "memory.page-size", "smp.threads"}

#: What a capability is where a machine type asks a host for it; the feature says since when.
_ASKED_FOR: dict[str, Any] = {
    **dict.fromkeys(("vsx", "dfp", "ccf-assist", "fwnmi", "ail-mode-3"), True),
    **dict.fromkeys(("large-decr", "dawr1"), True),
    **dict.fromkeys(("cfpc", "ibs"), "workaround"),
}


def _watched(features: tuple[Feature, ...]) -> Iterator[str]:
    """Yield the properties that features write, and those of their conditions."""
    for feature in features:
        yield from (name for _, name in feature.drives)
        for condition in (*feature.when, *feature.unless):
            yield condition.partition("=")[0].partition(">")[0]


def _board(binary: Path, options: str, cpu: str) -> dict[str, Any]:
    """Return the properties of a board that is realized with *options* and *cpu*."""
    words = ("-machine", options, "-cpu", cpu, "-accel", "tcg", "-S", "-nodefaults")
    with Qmp(str(binary), (*words, "-display", "none"), timeout=60) as qmp:
        return {
            entry["name"]: qmp.execute("qom-get", path="/machine", property=entry["name"])
            for entry in qmp.execute("qom-list", path="/machine")
            if entry["type"] in {"bool", "string", "int", "uint32"}
        }


@pytest.mark.parametrize("version", ["10.0", "11.1"])
def test_a_machine_type_asks_for_what_its_generation_says(
    catalogue: pa.FileCatalogue, version: str
) -> None:
    """On both sides of each change, and of none that this QEMU has not; options are all its own."""
    binary = Path(_FOLDER or "/nowhere", "bin", f"qemu-system-ppc64-{version}")
    if not binary.exists():
        pytest.skip(f"no QEMU {version} for ppc64")
    features = {feature.id: feature for feature in catalogue.features("spapr")}
    machines = catalogue.build(BUILD_OF[version], "ppc64").machines
    generations = ["3.0", "3.1", "4.0", "4.2", "5.0", "6.0", version]
    for generation in generations:
        name = f"pseries-{generation}"
        if name not in machines:
            continue
        known = _board(binary, name, "power10")
        for cap, value in _ASKED_FOR.items():
            since = features[f"spapr.{cap}"].generation or "0"
            asked = version_key(generation) >= version_key(since)
            assert (known[f"cap-{cap}"] == value) == asked, (name, cap)
        assert known["cap-hpt-max-page-size"] == 65536
        for cap in ("htm", "nested-hv", "nested-papr", "rpt-invalidate"):
            assert known[f"cap-{cap}"] is False, (name, cap)
        # What it would be but for the number that POWER7+ has.
        assert known["cap-sbbc"] == "broken", name
        watched = set(_watched(catalogue.features("spapr"))) - _ELSEWHERE
        assert watched - known.keys() <= {"confidential-guest-support"}, name


@pytest.mark.parametrize("version", ["10.0", "11.1"])
def test_what_is_written_is_taken_and_a_level_is_one_of_every_cpu(version: str) -> None:
    """A POWER10 of a lower level has the defaults of that level: the second watchpoint is gone."""
    binary = Path(_FOLDER or "/nowhere", "bin", f"qemu-system-ppc64-{version}")
    if not binary.exists():
        pytest.skip(f"no QEMU {version} for ppc64")
    written = "kvm-type=HV,resize-hpt=enabled,cap-sbbc=workaround,host-model=none,host-serial=none"
    nine = _board(binary, f"pseries-{version},{written},max-cpu-compat=power9", "power10")
    assert nine["cap-sbbc"] == "workaround"
    assert (nine["kvm-type"], nine["host-model"], nine["resize-hpt"]) == ("HV", "none", "enabled")
    assert (nine["cap-dawr1"], nine["cap-large-decr"]) == (False, True)
    eight = _board(binary, f"pseries-{version},max-cpu-compat=power8", "power10")
    assert (eight["cap-dawr1"], eight["cap-large-decr"]) == (False, False)
