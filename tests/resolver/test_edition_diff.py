"""What differs between two editions: everything that changes what a platform means, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.resolver.edition_diff import EditionDifference, diff_editions
from tests.author.test_editions import CORRECTIONS, folder
from tests.definitions import site

__all__ = ["folder"]


def _diff(root: Path) -> list[EditionDifference]:
    return diff_editions(site.catalogue(root), "2026.1", "2026.2")


@pytest.mark.parametrize("name", CORRECTIONS)
def test_whatever_changes_a_digest_is_named(folder: Path, name: str) -> None:
    """And nothing is where none changes."""
    assert _diff(folder) == []
    relative, before, after, changed = CORRECTIONS[name]
    text = (folder / relative).read_text()
    site.write(folder, relative, text.replace(before, after))
    found = _diff(folder)
    assert found
    named = {platform for row in found for platform in row.platforms}
    assert named <= set(changed)
    assert all(row.before != row.after for row in found)


def test_it_reads_backwards_too(catalogue: pa.FileCatalogue) -> None:
    """The same rows, with before and after exchanged."""
    oldest, newest = catalogue.editions()[0], catalogue.editions()[-1]
    forth = diff_editions(catalogue, oldest, newest)
    back = {(row.change, row.what, row.after, row.before, row.platforms, row.why) for row in forth}
    assert back == {
        (row.change, row.what, row.before, row.after, row.platforms, row.why)
        for row in diff_editions(catalogue, newest, oldest)
    }


def test_an_edition_does_not_differ_from_itself(catalogue: pa.FileCatalogue) -> None:
    """Whichever."""
    for edition in catalogue.editions():
        assert diff_editions(catalogue, edition, edition) == []


def test_a_correction_says_why_and_whom_it_changes(catalogue: pa.FileCatalogue) -> None:
    """A platform that gives a guest another value is named, with both."""
    found = diff_editions(catalogue, "2026.1", "2026.2")
    assert all(row.why for row in found if row.change in ("feature", "meaning", "kernel"))
    (row,) = (r for r in found if r.change == "value" and r.what == "x86-cpu.kvm-asyncpf")
    assert ("on, not listed", "off, not listed") == (row.before, row.after)
    assert "conservative" in row.platforms
    assert not any(name.startswith("linux-") for name in row.platforms)


def test_an_edition_that_there_is_not(catalogue: pa.FileCatalogue) -> None:
    """Is named with the nearest that are."""
    with pytest.raises(pa.UnknownNameError, match="2026"):
        diff_editions(catalogue, "2026.1", "2026.99")
