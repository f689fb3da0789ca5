"""Machine types that are drawn: those that there are, all of them, the usual one first."""

from __future__ import annotations

from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.testing import Scenario, scenarios, shipped

#: Every choice is among a few, so that Hypothesis stops by itself where it has drawn all of them.
EVERY = settings(
    max_examples=10_000,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_every_family_of_every_architecture_is_drawn(catalogue: pa.FileCatalogue) -> None:
    """So is every build, and the machine types of a family are those that it has there."""
    drawn: set[shipped.DrawnMachine] = set()

    @EVERY
    @given(machine=shipped.machine_types(catalogue))
    def draw(machine: shipped.DrawnMachine) -> None:
        drawn.add(machine)

    draw()
    there = {
        shipped.DrawnMachine(
            name=name, build=build, arch=arch, family=catalogue.machine(build, name, arch).family
        )
        for arch in shipped.architectures(catalogue)
        for build in catalogue.builds(arch)
        for name in catalogue.build(build, arch).machines
    }
    assert {(m.arch, m.family) for m in drawn} == {(m.arch, m.family) for m in there}
    assert {(m.arch, m.build) for m in drawn} == {(m.arch, m.build) for m in there}
    assert drawn <= there


def test_every_architecture_with_a_build_is_one(catalogue: pa.FileCatalogue) -> None:
    """None is missing that the definitions have machine types of; the usual one is first."""
    names = shipped.architectures(catalogue)
    assert names[0] == pa.VirtualMachine(machine="").arch
    assert {"aarch64", "loongarch64", "ppc64", "riscv64", "s390x", "x86_64"} == {*names}


@given(data=st.data())
def test_only_what_is_asked_for_is_drawn(catalogue: pa.FileCatalogue, data: st.DataObject) -> None:
    """An architecture, builds of it, and boards that devices are known for."""
    arch = data.draw(st.sampled_from(["x86_64", "s390x"]))
    build = data.draw(st.sampled_from(catalogue.builds(arch)))
    drawn = shipped.machine_types(catalogue, arch=arch, builds=[build], boards=True)
    machine = data.draw(drawn)
    assert (machine.arch, machine.build) == (arch, build)
    assert machine.name in catalogue.build(build, arch).machines
    assert machine.family in {"pc-q35", "pc-i440fx", "microvm", "s390-ccw-virtio"}


def test_what_fails_shrinks_to_the_usual_board(catalogue: pa.FileCatalogue) -> None:
    """The newest machine type of the newest build; of another architecture, the newest there."""
    least = find(shipped.machine_types(catalogue), lambda _: True, settings=EVERY)
    newest = catalogue.builds("x86_64")[0]
    assert (least.arch, least.build, least.family) == ("x86_64", newest, "pc-q35")
    assert least.name == catalogue.build(newest, "x86_64").aliases["q35"]
    other = find(shipped.machine_types(catalogue), lambda m: m.arch == "s390x", settings=EVERY)
    assert other.build == catalogue.builds("s390x")[0]


@given(scenario=scenarios(), data=st.data())
def test_other_definitions_can_be_drawn_from(scenario: Scenario, data: st.DataObject) -> None:
    """A catalogue of somebody's own is drawn from as the shipped one is."""
    machine = data.draw(shipped.machine_types(scenario.catalogue))
    assert machine.name == scenario.vm.machine
