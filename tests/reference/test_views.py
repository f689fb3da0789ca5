"""What a guest finds otherwise in another build."""

from __future__ import annotations

from itertools import permutations

import pytest

from platform_abi.author.difference import view_differences
from platform_abi.guest.document import recorded_view
from platform_abi.reference.views import pair_views
from tests.reference.pages import ARCHES, CATALOGUE


@pytest.mark.parametrize("arch", ARCHES)
def test_what_differs_is_what_views_differ_in(arch: str) -> None:
    """Of every machine type that both builds were looked at with, each difference once."""
    views = {
        build: recorded_view(CATALOGUE.locate, build, arch) for build in CATALOGUE.builds(arch)
    }
    for source, destination in permutations(views, 2):
        found = pair_views(CATALOGUE, arch, source, destination)
        before, after = views[source], views[destination]
        if before is None or after is None:
            assert found is None
            continue
        assert found is not None
        assert {*before.machines} & {*after.machines} == {*found.machines}
        told = [
            (name, each.device, each.what, each.before, each.after)
            for each in found.found
            for name in each.machines
        ]
        expected = [
            (name, each.device, each.what, each.expected, each.found)
            for name in found.machines
            for each in view_differences(CATALOGUE, before.machines[name], after.machines[name])
        ]
        assert sorted(map(str, expected)) == sorted(map(str, told))


@pytest.mark.parametrize("arch", ARCHES)
def test_a_build_shows_what_it_shows(arch: str) -> None:
    """Nothing differs within one; the way back has the same, with the sides exchanged."""
    builds = CATALOGUE.builds(arch)
    for build in builds:
        same = pair_views(CATALOGUE, arch, build, build)
        assert same is None or not same.found
    for source, destination in permutations(builds, 2):
        there = pair_views(CATALOGUE, arch, source, destination)
        back = pair_views(CATALOGUE, arch, destination, source)
        assert (there is None) == (back is None)
        if there is not None and back is not None:
            ways = [
                {(e.device, e.what, e.before, e.after) for e in there.found},
                {(e.device, e.what, e.after, e.before) for e in back.found},
            ]
            assert ways[0] == ways[1]
