"""Platforms and lockfiles that are drawn."""

from __future__ import annotations

from hypothesis import find, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.testing import shipped
from tests.testing.shipped.test_machine import EVERY


@given(data=st.data())
def test_every_lockfile_is_read_again(catalogue: pa.FileCatalogue, data: st.DataObject) -> None:
    """To the byte, and what it says is what was resolved."""
    lock = data.draw(shipped.lockfiles(catalogue))
    again = pa.read_lock(lock.text, "drawn", catalogue=catalogue)
    assert (again.vm, again.settings, again.platform) == (
        lock.abi.vm,
        lock.abi.settings,
        lock.abi.platform,
    )
    assert pa.lockfile(catalogue, again) == lock.text


def test_every_platform_is_drawn_in_every_released_edition(catalogue: pa.FileCatalogue) -> None:
    """With the edition and without; none of an edition that may still change."""
    drawn: set[str] = set()

    @EVERY
    @given(name=shipped.platforms(catalogue))
    def draw(name: str) -> None:
        drawn.add(name)

    draw()
    newest = catalogue.newest_edition()
    assert newest is not None
    released = catalogue.editions()[: catalogue.editions().index(newest) + 1]
    every = list(catalogue.every_platform())
    assert drawn == {p.name for p in every if p.is_at(newest)} | {
        f"{p.name}@{edition}" for edition in released for p in every if p.is_at(edition)
    }


def test_what_fails_shrinks_to_a_machine_type_on_a_platform(catalogue: pa.FileCatalogue) -> None:
    """No device, and the platform that every host supports; both are shown in a line."""
    from hypothesis.vendor.pretty import pretty

    least = find(shipped.lockfiles(catalogue), lambda _: True, settings=settings(EVERY))
    assert (least.line.devices, least.platform) == ((), "conservative")
    assert pretty(least).endswith(" x86_64> on conservative")
