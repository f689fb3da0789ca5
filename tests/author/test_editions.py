"""The lock of an edition: started, in step while it is open, and never changed once released."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.editions import freeze
from tests.definitions import site
from tests.definitions.site import small, write

DAY = date(2027, 1, 5)
NEXT = DAY + timedelta(days=1)

NIC = pa.Device(driver="net-pci", id="n", backend="tap")
VM = pa.VirtualMachine(machine="pc-q35-9.0", devices=(NIC,))

_FEATURES = "features/net.toml"
_CAPABILITIES = "capabilities/tun.toml"
_PARENT = "platforms/test/test-1.toml"
_CHILD = "platforms/test/test-2.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return definitions whose edition 2026.1 is released, and whose 2026.2 is open."""
    small(tmp_path)
    (tmp_path / "masks/site.toml").unlink()
    (tmp_path / "editions/2026.1.toml").unlink()
    assert freeze(tmp_path, "2026.1", today=DAY, release=True).new == ("test-1", "test-2")
    assert freeze(tmp_path, "2026.2", today=NEXT).released is None
    return tmp_path


def _edit(folder: Path, relative: str, before: str, after: str) -> None:
    text = (folder / relative).read_text()
    assert before in text
    write(folder, relative, text.replace(before, after))


def _resolved(folder: Path, platform: str) -> str:
    """Return the lockfile of a virtual machine on *platform*."""
    found = site.catalogue(folder)
    return pa.lockfile(found, pa.resolve(found, VM, platform))


#: File, what stands there, what a correction in 2026.2 writes in its place, which platforms change.
CORRECTIONS = {
    "a value by edition": (
        _PARENT, '"net.queues" = 4', '"net.queues" = { "2026.1" = "4", "2026.2" = "2" }',
        ("test-1", "test-2"),
    ),
    "a feature that is no longer listed": (
        _PARENT, '"net.queues" = 4', '"net.queues" = { "2026.1" = "4", "2026.2" = false }',
        ("test-1", "test-2"),
    ),
    "a level by edition": (
        _CHILD, 'tun = "6.2"', 'tun = { "2026.1" = "6.2", "2026.2" = "5.14" }', ("test-2",),
    ),
    "a level that is known since": (
        _PARENT, "[features]", '[platform.levels]\ntun = { "2026.2" = "6.2" }\n[features]',
        ("test-1",),
    ),
    "a capability's kernel": (
        _CAPABILITIES, 'since = "6.2"',
        'since = "6.3"\nbefore = { "2026.2" = { since = "6.2", why = "it came later" } }',
        ("test-2",),
    ),
    "a feature's meaning": (
        _FEATURES, 'tap = ["tun.queues"]',
        """tap = ["tun.queues", "tun.uso"]
[feature.before."2026.2"]
why = "it needs offload too"
requires = { tap = ["tun.queues"] }""",
        ("test-1", "test-2"),
    ),
    "a new feature": (
        _FEATURES, "schema = 1",
        """schema = 1
[[feature]]
id = "net.old"
title = "Old"
edition = "2026.2"
properties = ["net-device.old"]""",
        ("test-1", "test-2"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_correction_changes_the_open_edition_only(folder: Path, name: str) -> None:
    """A lockfile of the released one is written as ever, to the byte."""
    relative, before, after, changed = CORRECTIONS[name]
    locks = {p: _resolved(folder, f"{p}@2026.1") for p in ("test-1", "test-2")}
    _edit(folder, relative, before, after)
    assert {p: _resolved(folder, f"{p}@2026.1") for p in ("test-1", "test-2")} == locks
    assert freeze(folder, "2026.1", today=NEXT).changed == ()
    assert freeze(folder, "2026.2", today=NEXT).changed == changed
    # Only what is not as before is written down.
    assert tuple(site.catalogue(folder).edition("2026.2").platforms) == changed
    assert freeze(folder, "2026.2", today=NEXT).changed == ()


@pytest.mark.parametrize(
    ("relative", "before", "after"),
    [
        (_PARENT, '"net.queues" = 4', '"net.queues" = 2'),
        (_CHILD, 'tun = "6.2"', 'tun = "5.14"'),
        (_CAPABILITIES, 'since = "6.2"', 'since = "6.3"'),
        (_FEATURES, 'tap = ["tun.queues"]', 'tap = ["tun.queues", "tun.uso"]'),
        (_FEATURES, 'fallback = "1"', 'fallback = "2"'),
        (_PARENT, 'name = "test-1"', 'name = "test-1"\nedition = "2026.2"'),
    ],
)
def test_a_released_edition_is_not_changed_in_place(
    folder: Path, relative: str, before: str, after: str
) -> None:
    """Its digests stay, and the error says which platforms would not mean what they meant."""
    _edit(folder, relative, before, after)
    kept = (folder / "editions/2026.1.toml").read_bytes()
    with pytest.raises(pa.UsageError) as caught:
        freeze(folder, "2026.1", today=NEXT, release=True)
    assert caught.value.code == "edition-released"
    assert "test-" in str(caught.value)
    assert (folder / "editions/2026.1.toml").read_bytes() == kept


def test_on_the_day_of_its_release_an_edition_still_follows(folder: Path) -> None:
    """From the day after, it does not."""
    assert freeze(folder, "2026.2", today=NEXT, release=True).released == "2027-01-06"
    _edit(folder, _PARENT, '"net.queues" = 4', '"net.queues" = { "2026.1" = "4", "2026.2" = "2" }')
    assert freeze(folder, "2026.2", today=NEXT).changed == ("test-1", "test-2")
    _edit(folder, _PARENT, '"2026.2" = "2"', '"2026.2" = "3"')
    with pytest.raises(pa.UsageError):
        freeze(folder, "2026.2", today=NEXT + timedelta(days=1))


def test_a_bare_name_means_the_newest_released_edition(folder: Path) -> None:
    """An open one has to be named."""
    found = site.catalogue(folder)
    assert ("2026.1", "2026.2") == found.editions()
    assert "test-1@2026.1" == pa.resolve(found, VM, "test-1").platform
    assert "test-1@2026.2" == pa.resolve(found, VM, "test-1@2026.2").platform
    freeze(folder, "2026.2", today=NEXT, release=True)
    found = site.catalogue(folder)
    assert "test-1@2026.2" == pa.resolve(found, VM, "test-1").platform
    assert not (folder / "editions/2026.2-open.toml").exists()


def test_a_platform_is_of_no_edition_before_the_one_that_brought_it(folder: Path) -> None:
    """A bare name means the first that has it, released or not."""
    text = (folder / _PARENT).read_text()
    new = text.replace('name = "test-1"', 'name = "test-3"\nedition = "2026.2"')
    write(folder, "platforms/test/test-3.toml", new)
    assert freeze(folder, "2026.2", today=NEXT).new == ("test-3",)
    assert freeze(folder, "2026.1", today=NEXT).new == ()
    found = site.catalogue(folder)
    assert "test-3@2026.2" == pa.resolve(found, VM, "test-3").platform
    with pytest.raises(pa.UsageError) as caught:
        pa.resolve(found, VM, "test-3@2026.1")
    assert ("platform-edition", "it is there since edition 2026.2") == (
        caught.value.code,
        caught.value.help,
    )
    of = {v.name for v in pa.query_platforms(found, pa.HostReport(), edition="2026.1")}
    assert of == {"test-1", "test-2"}
    assert "test-3" in {v.name for v in pa.query_platforms(found, pa.HostReport())}


@pytest.mark.parametrize("name", ["2026.01", "next", "2026.0", "2025.9", "2026.3"])
def test_what_edition_comes_next(folder: Path, name: str) -> None:
    """A name behind the newest, and nothing before that is released."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(pa.UsageError) as caught:
        freeze(folder, name, today=NEXT, release=True)
    assert caught.value.code == "edition-order"
    assert caught.value.help
    assert sorted(folder.rglob("*")) == before
