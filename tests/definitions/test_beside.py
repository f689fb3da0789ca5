"""Builds beside those of a catalogue."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.definitions.beside import builds_beside

ARCH = "x86_64"
BUILD = "qemu-7.2.22"


def test_a_catalogue_with_more_builds_says_the_same_of_everything_else(
    catalogue: pa.FileCatalogue,
) -> None:
    """Of its own builds too; the others come last, under the names that they are given."""
    more = builds_beside(catalogue, {"other": (catalogue, BUILD, ARCH)})
    assert (*catalogue.builds(ARCH), "other") == more.builds(ARCH)
    assert catalogue.builds("aarch64") == more.builds("aarch64")
    assert catalogue.devices() is more.devices()
    assert [*catalogue.every_feature()] == [*more.every_feature()]
    assert catalogue.build("qemu-11.1.3", ARCH) == more.build("qemu-11.1.3", ARCH)
    assert "other" == more.build("other", ARCH).name
    for name in ("types", "property_rows", "cpu_models", "unmigratable"):
        assert getattr(catalogue, name)(BUILD, ARCH) == getattr(more, name)("other", ARCH)
    driver = "virtio-net-pci"
    assert more.driver_properties("other", ARCH, driver) == catalogue.driver_properties(
        BUILD, ARCH, driver
    )
    machine = more.machine("other", "pc-q35-7.2", ARCH)
    assert catalogue.machine(BUILD, "pc-q35-7.2", ARCH) == machine
    with pytest.raises(pa.UnknownNameError):
        more.build("third", ARCH)


def test_what_was_worked_out_of_one_is_not_remembered_of_the_other(
    catalogue: pa.FileCatalogue,
) -> None:
    """A name may mean another build beside the same catalogue."""
    first, second = (
        builds_beside(catalogue, {"other": (catalogue, build, ARCH)})
        for build in (BUILD, "qemu-11.1.3")
    )
    found = [pa.machine_content(each, _abi(each), "other").drivers for each in (first, second)]
    assert found[0] != found[1]


def _abi(catalogue: pa.Catalogue) -> pa.GuestAbi:
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-7.2", devices=["virtio-net-pci"])
    return pa.resolve(catalogue, vm, "conservative")
