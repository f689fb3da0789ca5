"""Builds of QEMU, and between which of them a guest can move."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import pytest

from platform_abi.reference.builds import PairPage, build_pages, pair_pages
from tests.definitions import site
from tests.reference.pages import ARCHES, CATALOGUE


@cache
def _pairs(arch: str) -> tuple[PairPage, ...]:
    return tuple(pair_pages(CATALOGUE, arch))


@pytest.mark.parametrize("arch", ARCHES)
def test_every_pair_of_builds_has_its_page(arch: str) -> None:
    """Those of one build as well: a guest is saved and restored there."""
    builds = CATALOGUE.builds(arch)
    assert [*product(builds, builds)] == [(p.source, p.destination) for p in _pairs(arch)]
    assert [*builds] == [page.build.name for page in build_pages(CATALOGUE, arch)]


@pytest.mark.parametrize("arch", ARCHES)
def test_a_machine_type_of_both_moves_or_does_not_or_is_unknown(arch: str) -> None:
    """One of them, and nothing that only one build has; what nobody tried never moves."""
    for pair in _pairs(arch):
        kinds = (pair.moving, pair.stopping, pair.untried)
        assert sorted(pair.common) == sorted(name for kind in kinds for name in kind)
        if not pair.tried:
            assert pair.common == pair.untried
        tried = {name for each in pair.tried for name in each.machines}
        assert tried.issuperset(pair.moving)


def test_what_is_said_of_a_pair_is_what_is_recorded_of_it() -> None:
    """Of builds that were tried themselves, that and nothing else."""
    recorded = 0
    for arch in ARCHES:
        table = CATALOGUE.streams(arch)
        for pair in _pairs(arch):
            own = None if table is None else table.between(pair.source, pair.destination)
            assert pair.own == (own is not None)
            if own is not None:
                recorded += 1
                (tried,) = pair.tried
                assert (own.machines, own.stopped) == (tried.machines, tried.stopped)
    assert recorded > 36


def test_a_build_that_was_not_tried_counts_as_those_of_its_release(tmp_path: Path) -> None:
    """What was found of them stands in its place, by their name; of other releases nothing does."""
    of = site.SMALL["machines/qemu-10.0.0/x86_64.toml"]
    files = {f"machines/qemu-{v}/x86_64.toml": of.replace("10.0.0", v) for v in ("10.0.7", "9.9.9")}
    catalogue = site.catalogue(site.small(tmp_path, **files))
    pairs = {(p.source, p.destination): p for p in pair_pages(catalogue, "x86_64")}
    like = pairs["qemu-10.0.7", "qemu-10.0.0"]
    assert not like.own
    assert [("qemu-10.0.0", "qemu-10.0.0")] == [(t.source, t.destination) for t in like.tried]
    assert ("pc-q35-10.0",) == like.moving
    assert 1 == like.devices
    assert ("pc-q35-9.0",) == like.untried
    assert not pairs["qemu-9.9.9", "qemu-10.0.0"].tried


def test_what_was_never_recorded_is_unknown() -> None:
    """Neither none nor some."""
    pages = {page.build.name: page for page in build_pages(CATALOGUE, "x86_64")}
    assert pages["qemu-8.0.0-rhel"].unmigratable is None
    assert not pages["qemu-8.0.0-rhel"].types
    assert pages["qemu-11.1.3"].unmigratable == tuple(
        sorted(CATALOGUE.unmigratable("qemu-11.1.3", "x86_64") or ())
    )
