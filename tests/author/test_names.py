"""What names of machine types and builds say."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.author.names import build_of, families, newest_first, split_name
from platform_abi.author.observation import Given
from platform_abi.model.machine import MachineType
from tests.author.binaries import version

KNOWN = ("pc-q35", "pc-i440fx", "virt", "s390-ccw-virtio", "pseries")


@pytest.mark.parametrize(
    ("name", "family", "generation"),
    [
        ("pc-q35-9.1", "pc-q35", "9.1"),
        ("s390-ccw-virtio-10.0", "s390-ccw-virtio", "10.0"),
        ("pc-i440fx-2.12", "pc-i440fx", "2.12"),
        ("pc-q35-9.0+pve1", "pc-q35", "9.0"),
        ("pc-q35-rhel9.4.0", "pc-q35", None),
        ("pc-i440fx-rhel7.6.0", "pc-i440fx", None),
        ("virt-rhel9.2.0", "virt", None),
        ("s390-ccw-virtio-rhel9.4.0", "s390-ccw-virtio", None),
        ("pc-i440fx-jammy", "pc-i440fx", None),
        ("pc-q35-noble-hpb", "pc-q35", None),
        ("xenfv-4.2", "xenfv-4.2", None),
        ("pc-1.3", "pc-i440fx", "1.3"),
        ("microvm", "microvm", None),
        ("virt", "virt", None),
        ("xlnx-versal-virt", "xlnx-versal-virt", None),
        ("realview-pbx-a9", "realview-pbx-a9", None),
    ],
)
def test_a_name_states_a_family_and_perhaps_a_generation(
    name: str, family: str, generation: str | None, catalogue: pa.FileCatalogue
) -> None:
    """A vendor's version is none of QEMU's, and a board without versions is its own family."""
    assert split_name(name, KNOWN, catalogue.naming()) == (family, generation)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "ppc64", "riscv64", "s390x"])
def test_shipped_machine_types_are_what_their_names_state(
    arch: str, catalogue: pa.FileCatalogue
) -> None:
    """Builds name families as this reads them, upstream their generations too.

    A vendor's own machine type states none, so that one was told otherwise.
    """
    every = [catalogue.build(build, arch).machines for build in catalogue.builds(arch)]
    known = families((name for names in every for name in names), catalogue.naming())
    for build, names in zip(catalogue.builds(arch), every, strict=True):
        for name in names:
            machine = catalogue.machine(build, name, arch)
            found = split_name(name, known, catalogue.naming())
            own = found[1] is None and machine.name != machine.family
            assert found == (machine.family, None if own else machine.generation)
            assert not own or machine.generation


def test_families_come_by_name_and_generations_newest_first() -> None:
    """9.1 is older than 10.0; several of one generation come by name, newest first."""
    machines = [
        MachineType(name=name, family=family, arch="x86_64", generation=generation)
        for name, family, generation in [
            ("pc-q35-9.1", "pc-q35", "9.1"),
            ("pc-q35-10.0", "pc-q35", "10.0"),
            ("pc-q35-rhel9.4.0", "pc-q35", "8.2"),
            ("pc-q35-rhel9.10.0", "pc-q35", "8.2"),
            ("isapc", "isapc", None),
        ]
    ]
    assert [machine.name for machine in newest_first(machines)] == [
        "isapc", "pc-q35-10.0", "pc-q35-9.1", "pc-q35-rhel9.10.0", "pc-q35-rhel9.4.0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("package", "vendor", "kept", "name"),
    [
        ("", "upstream", "", "qemu-9.1.0-upstream"),
        ("v9.1.0-12-gabcdef0", "upstream", "v9.1.0-12-gabcdef0", "qemu-9.1.0-upstream"),
        ("Debian 1:9.1.0+ds-2", "debian", "1:9.1.0+ds-2", "qemu-9.1.0"),
        (" (Debian 1:9.1.0+ds-2)", "debian", "1:9.1.0+ds-2", "qemu-9.1.0"),
        ("Debian 1:9.1.0+ds-0ubuntu1.2", "ubuntu", "1:9.1.0+ds-0ubuntu1.2", "qemu-9.1.0-ubuntu"),
        ("qemu-kvm-9.1.0-15.el9_6.2", "rhel", "qemu-kvm-9.1.0-15.el9_6.2", "qemu-9.1.0-rhel"),
        ("qemu-9.1.0-3.fc41", "fedora", "qemu-9.1.0-3.fc41", "qemu-9.1.0-fedora"),
        ("pve-qemu-kvm_9.1.0-4", "proxmox", "pve-qemu-kvm_9.1.0-4", "qemu-9.1.0-proxmox"),
        ("openSUSE Tumbleweed", "suse", "openSUSE Tumbleweed", "qemu-9.1.0-suse"),
    ],
)
def test_the_package_tells_the_vendor(
    package: str, vendor: str, kept: str, name: str, catalogue: pa.FileCatalogue
) -> None:
    """Builds of two vendors never get one name; Debian's end with none."""
    build = build_of(version("9.1.0", package), "x86_64", catalogue.naming(), Given())
    assert (build.vendor, build.package, build.name) == (vendor, kept, name)


def test_a_binary_cannot_choose_a_path(catalogue: pa.FileCatalogue) -> None:
    """Its architecture names files."""
    with pytest.raises(pa.UsageError) as caught:
        build_of(version("9.1.0"), "../x86_64", catalogue.naming(), Given())
    assert caught.value.code == "build-name"


def test_what_the_caller_says_counts(catalogue: pa.FileCatalogue) -> None:
    """Of name, vendor and package each is believed."""
    given = Given(name="mine", vendor="acme", package="7")
    build = build_of(version("9.1.0", "Debian 1"), "x86_64", catalogue.naming(), given)
    assert (build.name, build.vendor, build.package) == ("mine", "acme", "7")
    only = Given(vendor="acme")
    build = build_of(version("9.1.0", "Debian 1"), "x86_64", catalogue.naming(), only)
    assert (build.name, build.package) == ("qemu-9.1.0-acme", "Debian 1")


@pytest.mark.parametrize(
    ("package", "given", "code"),
    [
        ("acme build 7", Given(), "unknown-vendor"),
        ("", Given(name="../x"), "build-name"),
        ("", Given(name=""), "build-name"),
        ("", Given(vendor="a/b"), "build-name"),
    ],
)
def test_what_is_no_name_is_refused(
    package: str, given: Given, code: str, catalogue: pa.FileCatalogue
) -> None:
    """A build of nobody knows whom gets no name, and a name is no path."""
    with pytest.raises(pa.UsageError) as caught:
        build_of(version("9.1.0", package), "x86_64", catalogue.naming(), given)
    assert caught.value.code == code
