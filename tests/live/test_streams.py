"""What is recorded of moves between builds is what moving there gives."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import platform_abi as pa
from tests.conftest import DEFINITIONS
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

#: Of the pairs so many are tried again, always the same, and one that is known to stop.
_SAMPLE = 3


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    """Return the tool that made the record."""
    path = DEFINITIONS.parent / "tools" / "stream_matrix.py"
    spec = spec_from_file_location("stream_matrix", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _sample(catalogue: pa.FileCatalogue) -> list[tuple[str, str]]:
    table = catalogue.streams("x86_64")
    assert table is not None
    every = [(p.source, p.destination) for p in table.pair if p.machines]
    return [("qemu-5.2.0", "qemu-7.2.22"), *random.Random("streams").sample(every, _SAMPLE)]


def test_moving_again_gives_what_is_recorded(
    matrix: ModuleType, catalogue: pa.FileCatalogue, qemu_binaries: Mapping[str, Path]
) -> None:
    """The same drivers stop on the newest machine type that both builds have, and no others."""
    versions = {build: version for version, build in BUILD_OF.items()}
    table = catalogue.streams("x86_64")
    assert table is not None
    stopping = 0
    for ends in _sample(catalogue):
        folder = {qemu_binaries[versions[build]].parents[1] for build in ends}.pop()
        pair = table.between(*ends)
        assert pair is not None
        machine = max((m for m in pair.machines if "q35" in m), key=pair.machines.index)
        _, stopped = matrix.moved(catalogue, folder, ends, machine)
        expected = {s.driver for s in pair.stopped if machine in s.machines}
        assert set(stopped) == expected, (ends, machine)
        stopping += len(expected)
    assert stopping
