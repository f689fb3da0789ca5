"""Which machine type, of which build, a name means."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.resolver.machine_choice import choose_machine
from tests.definitions.test_learned import learned


def test_a_name_without_a_build_means_the_newest_build_that_has_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """Machine types live in many builds; the newest one's definition counts."""
    for name, expected in (
        ("pc-q35-9.1", "qemu-11.1.3"),
        ("pc-i440fx-2.4", "qemu-10.0.13"),
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


def test_what_only_a_vendors_qemu_reads_is_no_part_of_a_name(catalogue: pa.FileCatalogue) -> None:
    """Of a versioned name as of an alias; any other end is another name."""
    for name in ("pc-q35-9.1", "pc-i440fx-2.4"):
        plain = choose_machine(catalogue, name, "x86_64", None)
        assert plain == choose_machine(catalogue, f"{name}+pve0", "x86_64", None)
    build = "qemu-11.1.3"
    assert choose_machine(catalogue, "q35+pve1", "x86_64", build)[1].name == "pc-q35-11.1"
    with pytest.raises(pa.UsageError) as caught:
        choose_machine(catalogue, "q35+pve1", "x86_64", None)
    assert caught.value.code == "machine-alias"
    for other in ("pc-q35-9.1+acme", "pc-q35-9.1-pve0"):
        with pytest.raises(pa.UsageError) as caught:
            choose_machine(catalogue, other, "x86_64", None)
        assert caught.value.code == "unknown-machine"


# --- a vendor's machine type of which nobody knows the generation --------------------------------


def test_a_generation_is_asked_for_where_it_matters(catalogue: pa.FileCatalogue) -> None:
    """A NIC's features depend on it; a machine without anything that does has a platform."""
    known = catalogue.with_learned(learned("pc-q35-acme", generation=None))

    def resolve(*devices: str) -> pa.GuestAbi:
        vm = pa.virtual_machine(known.devices(), "pc-q35-acme", accelerator="tcg", devices=devices)
        return pa.resolve(known, vm, "conservative")

    with pytest.raises(pa.UsageError) as caught:
        resolve("virtio-net-pci")
    assert caught.value.code == "machine-generation"
    assert "--generation pc-q35-acme=" in caught.value.help
    with pytest.raises(pa.UsageError) as caught:
        pa.resolve(known, pa.virtual_machine(known.devices(), "microvm"), "conservative")
    assert caught.value.code == "machine-unversioned"
