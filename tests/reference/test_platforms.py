"""Platforms by lineage, and what each turns on."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_abi.reference.platforms import LineagePart, lineage_parts
from platform_abi.resolver.compare import diff_platforms, listed
from tests.definitions import site
from tests.reference.pages import CATALOGUE

PARTS = lineage_parts(CATALOGUE)


def test_every_platform_stands_below_its_lineage_once() -> None:
    """In the order in which they are listed elsewhere."""
    names = [page.platform.name for part in PARTS for page in part.platforms]
    assert sorted(names) == sorted(CATALOGUE.platform_names())
    assert all(p.platform.lineage == part.name for part in PARTS for p in part.platforms)
    assert [part.name for part in PARTS] == sorted(part.name for part in PARTS)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_changes_lead_from_the_one_before_to_the_platform(part: LineagePart) -> None:
    """Applied to what that one lists they give all that this one does, as ``diff`` has them."""
    for page in part.platforms:
        found = listed(CATALOGUE, f"{page.before}@{page.edition}") if page.before else {}
        for change in page.changes:
            assert found.pop(change.feature, None) == change.before
            if change.after is not None:
                found[change.feature] = change.after
        assert found == page.features
        assert page.features == listed(CATALOGUE, f"{page.platform.name}@{page.edition}")
        if page.before:
            rows = diff_platforms(
                CATALOGUE,
                f"{page.before}@{page.edition}",
                f"{page.platform.name}@{page.edition}",
            )
            assert [(c.feature, c.before, c.after) for c in page.changes] == [
                (row.feature, row.before, row.after) for row in rows
            ]


def test_the_one_before_is_of_the_lineage_and_of_no_other_pages() -> None:
    """What it extends there, else the last before it whose kernel has the usual pages."""
    before = {page.platform.name: page.before for part in PARTS for page in part.platforms}
    assert "linux-6.1" == before["linux-6.2"]
    assert "" == before["linux-4.18"]
    assert "linux-debian-13" == before["linux-debian-13-64k"] == before["linux-debian-14"]
    assert "linux-proxmox-8" == before["linux-proxmox-8-6.5"]  # which extends one of Ubuntu's


def test_what_a_site_withdraws_is_not_listed(tmp_path: Path) -> None:
    """It is told with its reason."""
    (part,) = lineage_parts(site.catalogue(site.small(tmp_path)))
    first, second = part.platforms
    assert {"net.queues": "4"} == first.features
    assert "net.uso" not in second.features
    assert ["a driver of ours"] == [mask.reason for mask in second.masks]
    assert ("A line of tests", ("tested",)) == (part.title, part.also)
