"""Which build a binary is held to."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.author.promises import expected_build
from platform_abi.model.machine import QemuBuild

ARCH = "x86_64"


def _build(version: str, package: str = "") -> QemuBuild:
    return QemuBuild(name="audited", version=version, arch=ARCH, package=package)


def test_a_binary_is_compared_with_the_build_that_it_is(catalogue: pa.FileCatalogue) -> None:
    """By its own version and package; a rebuild of that version with the same build."""
    for name in catalogue.builds(ARCH):
        known = catalogue.build(name, ARCH)
        if "." in name and known.name == f"qemu-{known.version}":
            assert (
                expected_build(catalogue, None, _build(known.version, known.package)).name == name
            )
            assert expected_build(catalogue, None, _build(known.version, "other")).name == name


def test_a_binary_of_another_micro_version_is_compared_with_the_nearest(
    catalogue: pa.FileCatalogue,
) -> None:
    """A stable release keeps what its series promised, and a vendor what it promised itself."""
    assert expected_build(catalogue, None, _build("10.0.7")).version == "10.0.2"
    assert expected_build(catalogue, None, _build("10.0.9")).version == "10.0.13"
    own = evolve(_build("7.2.22"), vendor="rhel")
    assert expected_build(catalogue, None, own).name == "qemu-7.2.0-rhel"
    assert expected_build(catalogue, None, _build("7.2.1")).version == "7.2.22"


def test_a_binary_of_no_known_series_needs_a_name_to_compare_with(
    catalogue: pa.FileCatalogue,
) -> None:
    """Which is said, with the names that there are."""
    with pytest.raises(pa.UsageError, match=r"QEMU 9\.9") as caught:
        expected_build(catalogue, None, _build("9.9.0"))
    assert caught.value.code == "no-build"
    assert "qemu-11.1.3" in caught.value.help
    assert expected_build(catalogue, "qemu-11.1.3", _build("9.9.0")).name == "qemu-11.1.3"
    with pytest.raises(pa.UnknownNameError, match=r"did you mean 'qemu-11.1.3'") as other:
        expected_build(catalogue, "qemu-11.1.4", _build("11.1.3"))
    assert other.value.code == "unknown-build"
