"""What is kept of a QEMU is what its definition files would say."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.observation import BuildDefinition
from platform_abi.author.reading import observe
from platform_abi.author.text import file_texts
from platform_abi.author.values import definition_values
from tests.author.binaries import ORDINARY, binary, machine, version
from tests.author.test_reading import UBUNTU

_ANSWERS = [
    {},
    UBUNTU,
    {
        "query-version": version("9.1.0", "Debian 1:9.1.0+ds-1"),
        "query-machines": [
            *ORDINARY["query-machines"],
            machine("xenfv", [("net-pci", "absent", "1"), ("other", "x", "y")]),
            machine("pc-q35-8.2", [("net-device", "uso", "false"), ("net-pci", "uso", "off")]),
        ],
        "query-cpu-definitions": [],
        "human-monitor-command": "",
    },
]


def _values(seen: BuildDefinition, folder: Path) -> dict[str, object]:
    """Return what a catalogue reads of the files of what was *seen*."""
    place = folder / "site" / "machines" / seen.build.name
    place.mkdir(parents=True)
    for name, text in file_texts(seen).items():
        (place / name).write_text(text, encoding="utf-8")
    catalogue = pa.FileCatalogue([folder / "site"])
    of = (seen.build.name, seen.build.arch)
    return {
        "build": catalogue.build(*of),
        "machines": catalogue.value("machines", *of),
        "types": catalogue.types(*of),
        "property-rows": catalogue.property_rows(*of),
        "cpu-models": catalogue.cpu_models(*of),
    }


@pytest.mark.parametrize("answers", _ANSWERS, ids=["ordinary", "vendor", "sparse"])
def test_the_values_are_those_of_the_files(
    catalogue: pa.FileCatalogue, tmp_path: Path, answers: dict[str, object]
) -> None:
    """Machine types, types, properties and CPU models: all of them, and equal."""
    seen = observe(catalogue, binary(tmp_path, answers), timeout=20)
    read = _values(seen, tmp_path)
    assert read == definition_values(seen)
