"""Between which releases a machine type is, and what is resolved where nobody says of which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
from platform_abi.model.platform import version_key
from platform_abi.resolver.generations import Span, known_machines, nearest, release, steps
from tests.conftest import DEFINITIONS

_FAMILIES = (
    *(("x86_64", "pc-q35"), ("x86_64", "pc-i440fx"), ("aarch64", "virt")),
    *(("ppc64", "pseries"), ("s390x", "s390-ccw-virtio")),
)


@pytest.mark.parametrize(("arch", "family"), _FAMILIES)
def test_a_machine_type_is_between_what_is_told_of_it_by_other_builds(
    arch: str, family: str, catalogue: pa.FileCatalogue
) -> None:
    """Upstream's and Ubuntu's, each held against the builds that are not its own."""
    known = [each for each in known_machines(catalogue, arch, family) if each]
    closer = 0
    for name in catalogue.builds(arch):
        build, types = catalogue.build(name, arch), catalogue.types(name, arch)
        others = steps(family, [each for each in known if f"/{name}/" not in each[0].source])
        for each in build.machines if types else ():
            machine = catalogue.machine(name, each, arch)
            if machine.family != family or machine.generation is None:
                continue
            found = nearest(machine, release(build), others, types)
            of = version_key(machine.generation)
            assert found.lowest <= of, each
            assert found.below is None or of < found.below, each
            closer += found.lowest != ()
    assert closer >= 5


_TYPES = TypeTable(
    parents={"net": "device", "device": "object"}, own_properties={"net": tuple("abcdefghijklx")}
)
_KNOWN = {
    version: frozenset({("net", name, "off") for name in names} | {("gone", "a", "off")})
    for version, names in {"9.1": "", "9.0": "abc", "8.2": "defhijkl", "8.1": "g"}.items()
}


@pytest.mark.parametrize(
    ("names", "span"),
    [
        ("", Span(lowest=(9, 1), below=(9, 2))),
        ("abc", Span(lowest=(9, 0), below=(9, 1))),
        ("abcd", Span(lowest=(9, 0), below=(9, 1))),
        ("b", Span(lowest=(9, 0), below=(9, 2))),
        # The oldest that is known stands for all that came before.
        ("abcdefhijkl", Span(below=(9, 0))),
        ("abcdefghijkl", Span(below=(9, 0))),
    ],
)
def test_two_releases_are_told_apart_by_more_than_two_compat_properties(
    names: str, span: Span
) -> None:
    """Where fewer do, it is between them; a driver that the build has not counts for nothing."""
    compat = tuple(CompatProperty(driver="net", property=name, value="off") for name in names)
    machine = MachineType(name="pc-q35-acme1", family="pc-q35", arch="x86_64", compat=compat)
    assert nearest(machine, "9.1", _KNOWN, _TYPES) == span


def test_a_machine_type_like_none_is_told_nothing_of() -> None:
    """Half of each release's is of no release; nor is what nobody knows versions of."""
    compat = tuple(CompatProperty(driver="net", property=name, value="off") for name in "adefg")
    odd = MachineType(name="pc-q35-acme1", family="pc-q35", arch="x86_64", compat=compat)
    whole = Span(below=(9, 2))
    assert nearest(odd, "9.1", _KNOWN, _TYPES) == whole
    assert nearest(odd, "9.1", {}, _TYPES) == whole
    assert nearest(odd, "9.1", _KNOWN, TypeTable()) == whole
    assert whole.since("9.2") is False
    assert whole.since("9.0") is None


class _Nameless(pa.FileCatalogue):
    """Nobody says of which generation a machine type of one *build* is."""

    build_of = ""

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        machine = super().machine(build, name, arch)
        return evolve(machine, generation=None) if build == self.build_of else machine


def _machines(catalogue: pa.FileCatalogue, build: str) -> Iterator[str]:
    for name in catalogue.build(build, "x86_64").machines:
        if catalogue.machine(build, name, "x86_64").generation is not None:
            yield name


@pytest.mark.parametrize("build", ["qemu-10.0.13", "qemu-8.2.2-ubuntu"])
def test_a_machine_type_of_no_known_generation_is_resolved_as_if_it_were_known(
    build: str, catalogue: pa.FileCatalogue
) -> None:
    """Or the generation is asked for: what is resolved is never other than with it."""
    nameless = _Nameless([DEFINITIONS])
    nameless.build_of = build
    told, asked, codes = 0, 0, set()
    for name in [*_machines(catalogue, build)][::4]:

        def resolved(known: pa.FileCatalogue, machine: str = name) -> list[str]:
            vm = pa.virtual_machine(
                known.devices(),
                machine,
                build=build,
                cpu="qemu64",
                devices=["virtio-net-pci,netdev=n0", "virtio-blk-pci"],
                netdevs=["tap,id=n0"],
            )
            return pa.arguments(pa.resolve(known, vm, "linux-6.9"))

        try:
            assert resolved(nameless) == resolved(catalogue), name
            told += 1
        except pa.UsageError as error:
            codes.add(error.code)
            asked += 1
    assert codes <= {"machine-generation"}
    assert told > 2 * asked
