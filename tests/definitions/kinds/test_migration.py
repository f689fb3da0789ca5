"""What a build does not migrate, as its file says it."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from tests.definitions.site import DEFINITIONS

FILE = "machines/qemu-10.0.2/x86_64-migration.toml"


def test_what_was_never_recorded_is_not_nothing(catalogue: pa.FileCatalogue) -> None:
    """A build without such a file is told from one that migrates everything."""
    assert catalogue.unmigratable("qemu-10.0.2", "loongarch64") is None
    assert catalogue.unmigratable("qemu-10.0.2", "x86_64")


def test_a_type_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """With the place of the second."""
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text('schema = 1\nunmigratable = ["nvme", "nvme"]\n')
    with pytest.raises(pa.DefinitionError, match=r":2:.*'nvme' stands twice"):
        pa.FileCatalogue([tmp_path]).unmigratable("qemu-10.0.2", "x86_64")


def test_every_type_is_one_of_its_build(catalogue: pa.FileCatalogue) -> None:
    """A name that the build does not have would keep nothing where it is."""
    for file in sorted(Path(DEFINITIONS).glob("machines/*/*-migration.toml")):
        build, arch = file.parent.name, file.name.removesuffix("-migration.toml")
        types = catalogue.types(build, arch)
        assert {t for t in catalogue.unmigratable(build, arch) or () if t not in types} == set()
