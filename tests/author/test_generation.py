"""Which upstream generation a vendor's machine type derives from."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.author.generation import told
from platform_abi.model.machine import CompatProperty, MachineType
from platform_abi.resolver.generations import known_machines, release, steps

FAMILIES = [
    ("x86_64", "pc-q35"),
    ("x86_64", "pc-i440fx"),
    ("aarch64", "virt"),
    ("ppc64", "pseries"),
    ("s390x", "s390-ccw-virtio"),
]


def _vendor(machine: MachineType) -> MachineType:
    return evolve(machine, name=f"{machine.family}-acme1", generation=None)


@pytest.mark.parametrize(("arch", "family"), FAMILIES)
def test_what_is_told_of_a_renamed_upstream_machine_type_is_true(
    arch: str, family: str, catalogue: pa.FileCatalogue
) -> None:
    """Beside upstream's own, as in Ubuntu's builds, or held against other builds', as in RHEL's."""
    builds = {
        machines[0].source.split("/")[1]: machines
        for machines in known_machines(catalogue, arch, family)
        if machines
    }
    counted = 0
    for build, machines in builds.items():
        newest = release(catalogue.build(build, arch))
        drivers = catalogue.types(build, arch).parents.keys()
        others = [found for name, found in builds.items() if name != build]
        for references in ([machines], others, [machines, *others]):
            known = steps(family, references)
            for machine in machines:
                found = told(_vendor(machine), newest, known, drivers)
                assert found in {None, machine.generation}
                counted += found is not None
    # Nothing of a family sets some generations apart from the next, those can never be told.
    assert counted >= len(builds) * 5


def _machine(*names: str) -> MachineType:
    rows = tuple(CompatProperty(driver="net", property=name, value="off") for name in names)
    return MachineType(name="pc-q35-acme1", family="pc-q35", arch="x86_64", compat=rows)


KNOWN = {
    "9.1": frozenset({("net", "e", "off")}),
    "9.0": frozenset({("net", "a", "off"), ("gone", "a", "off")}),
    "8.2": frozenset({("net", "b", "off"), ("net", "c", "off")}),
    "8.1": frozenset({("gone", "b", "off")}),
    "8.0": frozenset({("net", "d", "off")}),
    "7.2": frozenset({("net", "f", "off")}),
}


@pytest.mark.parametrize(
    ("names", "generation"),
    [
        ((), "9.1"),
        (("x",), "9.1"),
        (("e",), "9.1"),
        (("a",), "9.0"),
        (("a", "d"), "9.0"),
        (("a", "b"), None),
        (("a", "b", "c", "x"), None),
        (("a", "b", "c", "d", "x"), "8.0"),
        (("a", "b", "c", "d", "f"), None),
    ],
)
def test_all_of_a_step_or_nothing_of_it(names: tuple[str, ...], generation: str | None) -> None:
    """Half of what sets a generation apart tells nothing, nor does a step that is empty here.

    8.1 has nothing that this build has a driver for: 8.2 looks like it. Older than 7.2 is unknown.
    """
    assert told(_machine(*names), "9.1", KNOWN, {"net"}) == generation


def test_without_a_reference_nothing_is_told() -> None:
    """A family that nobody knows versions of says nothing, nor one whose older ones nobody has."""
    assert told(_machine(), "9.1", {}, {"net"}) is None
    assert told(_machine("a"), "9.1", {"9.0": KNOWN["9.0"]}, {"net"}) is None
    assert told(_machine(), "9.3", {"9.2": frozenset(), **KNOWN}, {"net"}) is None
