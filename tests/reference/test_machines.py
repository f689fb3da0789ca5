"""Machine types by architecture and family, and what changed between generations."""

from __future__ import annotations

from functools import cache

import pytest

from platform_abi.model.platform import version_key
from platform_abi.reference.machines import FamilyPage, family_pages
from platform_abi.resolver.machine_diff import diff_machines, shown
from tests.reference.pages import ARCHES, CATALOGUE


@cache
def _pages(arch: str) -> tuple[FamilyPage, ...]:
    return tuple(family_pages(CATALOGUE, arch))


@pytest.mark.parametrize("arch", ARCHES)
def test_every_machine_type_of_every_build_is_on_one_page(arch: str) -> None:
    """With the builds that have it, and no other."""
    found: dict[str, list[str]] = {}
    for page in _pages(arch):
        for each in page.machines:
            assert each.machine.name not in found
            found[each.machine.name] = [*each.builds]
            assert each.machine.family == page.name
    expected: dict[str, list[str]] = {}
    for build in CATALOGUE.builds(arch):
        for name in CATALOGUE.build(build, arch).machines:
            expected.setdefault(name, []).append(build)
    assert expected == found


@pytest.mark.parametrize("arch", ARCHES)
def test_a_step_leads_from_the_older_to_the_newer(arch: str) -> None:
    """In a build that has both; every generation has one that has an older beside it."""
    for page in _pages(arch):
        machines = {each.machine.name: each for each in page.machines}
        after = set()
        for step in page.steps:
            older, newer = machines[step.before], machines[step.after]
            assert step.build in {*older.builds} & {*newer.builds}
            assert older.machine.generation is not None
            assert newer.machine.generation is not None
            assert version_key(older.machine.generation) <= version_key(newer.machine.generation)
            after.add(step.after)
        assert len(after) == len(page.steps)
        dated = [each for each in page.machines if each.machine.generation]
        for at, each in enumerate(dated):
            beside = any({*each.builds} & {*other.builds} for other in dated[at + 1 :])
            assert beside == (each.machine.name in after)


@pytest.mark.parametrize("arch", ["ppc64", "s390x"])
def test_differences_are_those_of_diff_machine(arch: str) -> None:
    """All that a guest can tell, each driver with each property once."""
    steps = [step for page in _pages(arch) for step in page.steps]
    assert any(step.differences for step in steps)
    for step in steps:
        rows = shown(
            diff_machines(CATALOGUE, step.build, step.before, step.after, arch),
            every=not step.recorded,
        )
        found = [
            (driver, each.property, each.before, each.after)
            for each in step.differences
            for driver in each.drivers
        ]
        assert sorted(map(repr, found)) == sorted(repr(row[:4]) for row in rows)
