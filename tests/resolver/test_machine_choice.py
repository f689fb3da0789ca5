"""Which machine type, of which build, a name means."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.resolver.machine_choice import choose_machine


def test_a_name_without_a_build_means_the_newest_build_that_has_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """Machine types live in many builds; the newest one's definition counts."""
    for name, expected in (
        ("pc-q35-9.1", "qemu-11.1.3"),
        ("pc-i440fx-2.4", "qemu-10.0.2"),
        ("pc-i440fx-1.4", "qemu-7.2.22"),
    ):
        build, machine = choose_machine(catalogue, name, "x86_64", None)
        assert (expected, name) == (build.name, machine.name)


def test_a_named_build_counts(catalogue: pa.FileCatalogue) -> None:
    """With a build named, its own definition is taken, though a newer build has the name too."""
    build, machine = choose_machine(catalogue, "pc-q35-7.2", "x86_64", "qemu-7.2.22")

    assert ("qemu-7.2.22", "pc-q35-7.2") == (build.name, machine.name)


@pytest.mark.parametrize(
    ("alias", "build", "expected"),
    [
        ("q35", "qemu-7.2.22", "pc-q35-7.2"),
        ("q35", "qemu-10.0.2", "pc-q35-10.0"),
        ("q35", "qemu-11.1.3", "pc-q35-11.1"),
        ("pc", "qemu-11.1.3", "pc-i440fx-11.1"),
    ],
)
def test_an_alias_is_resolved_by_a_build(
    catalogue: pa.FileCatalogue, alias: str, build: str, expected: str
) -> None:
    """q35 means another machine type in every build, and the ABI says which."""
    vm = pa.virtual_machine(catalogue.devices(), alias, build=build)
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert expected == abi.vm.machine
    assert ["-machine", expected] == pa.arguments(abi)[:2]


@pytest.mark.parametrize("alias", ["q35", "pc"])
def test_an_alias_without_a_build_is_refused_with_what_it_could_mean(
    catalogue: pa.FileCatalogue, alias: str
) -> None:
    """An alias alone is no guest ABI; the error lists what every build makes of it."""
    with pytest.raises(pa.UsageError) as caught:
        choose_machine(catalogue, alias, "x86_64", None)

    assert "machine-alias" == caught.value.code
    for build in catalogue.builds("x86_64"):
        meant = catalogue.build(build, "x86_64").aliases[alias]
        assert f"{meant} in {build}" in caught.value.message


def test_an_unknown_machine_type_of_a_build_is_refused(catalogue: pa.FileCatalogue) -> None:
    """A machine type newer than the build is not there, and the error says which build."""
    with pytest.raises(pa.UnknownNameError, match=r"machine type of qemu-7\.2\.22") as caught:
        choose_machine(catalogue, "pc-q35-9.1", "x86_64", "qemu-7.2.22")
    assert "unknown-machine" == caught.value.code


def test_an_architecture_without_builds_is_refused(catalogue: pa.FileCatalogue) -> None:
    """Where no build of an architecture is defined, the error names the architecture."""
    with pytest.raises(pa.UsageError, match="'sparc64'") as caught:
        choose_machine(catalogue, "sun4u", "sparc64", None)
    assert "unknown-architecture" == caught.value.code


def test_a_board_without_a_version_is_a_question(catalogue: pa.FileCatalogue) -> None:
    """What it is follows from the QEMU: without one nothing is guessed."""
    vm = pa.virtual_machine(catalogue.devices(), "virt", arch="riscv64", accelerator="tcg")
    with pytest.raises(pa.UsageError) as error:
        pa.resolve(catalogue, vm, "linux-6.9")
    assert error.value.code == "machine-unversioned"
    for build in ("qemu-10.0.2", "qemu-11.1.3"):
        assert pa.resolve(catalogue, evolve(vm, build=build), "linux-6.9").vm.build == build
