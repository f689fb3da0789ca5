"""In what two devices differ to a guest: laws of the comparison, and what each part is called."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.guest.comparison import (
    FactDifference,
    device_fingerprint,
    fact_differences,
    lasting,
)
from platform_abi.guest.view import REFUSED, Facts
from tests.conftest import DEFINITIONS

CATALOGUE = pa.FileCatalogue([DEFINITIONS])

SIZES = st.lists(st.sampled_from(["8", "64", "256", "1024"]), min_size=1, max_size=5)
BODIES = st.sampled_from(["0", "22", "8001", "4 vectors, table in bar 1 + 0x0"])
PLACES = st.sampled_from(["40", "84", "100"])
TEXTS: Mapping[str, st.SearchStrategy[str]] = {
    "identity": st.sampled_from(["1af4:1041", "1af4:1000"]),
    "rom": st.sampled_from(["64K", "256K"]),
    "queues": SIZES.map(" ".join),
    "legacy-queues": SIZES.map(" ".join),
    "config": st.binary(min_size=1, max_size=6).map(bytes.hex),
    "features": st.integers(0, (1 << 128) - 1).map(lambda n: f"{n:#034x}"),
    "legacy-features": st.integers(0, (1 << 32) - 1).map(lambda n: f"{n:#010x}"),
    "registers": st.sampled_from(["50:10 63:b0", "50:11", "63:b0", "fe:0102"]),
    "bar1": st.sampled_from(["memory 32 bits, 4K", "memory 32 bits, 8K", "port, 64", "4K"]),
    "capability msix": st.builds(lambda at, body: f"at {at}: {body}", PLACES, BODIES),
    "extended aer": st.builds(lambda at, body: f"at {at}: v1 {body}", PLACES, BODIES),
}
#: What no version of this program writes, and a document of somebody else's may have.
ODD = st.sampled_from(["", "planted", "at", "12:", "0x", "256*", "é", "at zz: 1", "9" * 40])
THERE: st.SearchStrategy[Facts] = st.fixed_dictionaries(
    {}, optional={fact: st.one_of(texts, ODD) for fact, texts in TEXTS.items()}
)
DEVICES = st.one_of(THERE, st.sampled_from(["no", "never"]).map(lambda words: {REFUSED: words}))
DRIVERS = st.sampled_from(["virtio-net-pci", "virtio-gpu-pci", "e1000", ""])


def _found(driver: str, before: Facts, after: Facts, ignored: int = 0) -> list[FactDifference]:
    return [*fact_differences(CATALOGUE, driver, before, after, ignored=ignored)]


@given(DRIVERS, DEVICES)
def test_a_device_is_as_it_is_itself(driver: str, device: Facts) -> None:
    """Nothing differs from itself."""
    assert _found(driver, device, dict(device)) == []
    assert device_fingerprint(device) == device_fingerprint(dict(reversed([*device.items()])))


@given(DRIVERS, DEVICES, DEVICES)
def test_what_differs_does_so_either_way(driver: str, first: Facts, second: Facts) -> None:
    """The other way round the same is told, with the sides exchanged."""
    there = [(d.fact, d.what, d.before, d.after) for d in _found(driver, first, second)]
    back = [(d.fact, d.what, d.after, d.before) for d in _found(driver, second, first)]
    assert there == back
    assert all(before != after for _, _, before, after in there)


@given(DRIVERS, THERE, THERE)
def test_every_fact_that_differs_is_told_and_no_other(
    driver: str, first: Facts, second: Facts
) -> None:
    """And where anything does, so do the fingerprints."""
    found = {d.fact for d in _found(driver, first, second)}
    assert found == {k for k in first.keys() | second.keys() if first.get(k) != second.get(k)}
    assert bool(found) == (device_fingerprint(first) != device_fingerprint(second))


@given(THERE, st.data())
def test_what_is_told_of_a_fact_tells_the_whole_of_it(device: Facts, data: st.DataObject) -> None:
    """No two things that are told of a pair are called alike: each can be looked up."""
    changed = data.draw(THERE)
    names = [d.what for d in _found("virtio-net-pci", device, changed)]
    assert len(names) == len(set(names))


@given(
    st.integers(0, (1 << 128) - 1),
    st.integers(0, (1 << 128) - 1),
    st.integers(0, (1 << 128) - 1),
)
def test_bits_that_are_ignored_are_none_and_hide_no_other(
    first: int, second: int, ignored: int
) -> None:
    """Each of the others is a difference of its own."""
    sides = [{"features": f"{mask:#034x}"} for mask in (first, second)]
    found = _found("virtio-net-pci", sides[0], sides[1], ignored)
    assert [int(d.what.split()[1]) for d in found] == [
        n for n in range(128) if ((first ^ second) & ~ignored) >> n & 1
    ]


@pytest.mark.parametrize(
    ("fact", "before", "after", "told"),
    [
        ("queues", "256", "1024", [("queue 0 size", "256", "1024")]),
        (
            "queues",
            "256*2 64",
            "1024*3",
            [("size of queues 0 to 1", "256", "1024"), ("queue 2 size", "64", "1024")],
        ),
        ("queues", "64*2", "64*3", [("number of queues", "2", "3")]),
        ("legacy-queues", "8", "1024", [("legacy queue 0 size", "8", "1024")]),
        ("bar1", "memory 32 bits, 4K", "memory 32 bits, 8K", [("BAR 1 size", "4K", "8K")]),
        ("bar0", "port, 64", "memory 32 bits, 64", [("BAR 0", "port, 64", "memory 32 bits, 64")]),
        ("rom", "256K", None, [("option ROM size", "256K", None)]),
        (
            "config",
            "0000000001000000",
            "000000000200000000000000",
            [("configuration length", "8", "12"), ("configuration byte 0x4", "01", "02")],
        ),
        ("config", "00112233", "00ffee33", [("configuration bytes 0x1 to 0x2", "1122", "ffee")]),
        ("registers", "50:10", "50:11", [("register 0x50", "10", "11")]),
        ("registers", None, "40:01", [("register 0x40", "00", "01")]),
        (
            "capability msix",
            "at 84: 3 vectors",
            "at 84: 4 vectors",
            [("capability msix at 0x84", "3 vectors", "4 vectors")],
        ),
        (
            "extended aer",
            "at 100: v1 0",
            "at 140: v1 0",
            [("extended capability aer", "at 100: v1 0", "at 140: v1 0")],
        ),
    ],
)
def test_what_differs_is_called_by_its_place(
    fact: str, before: str | None, after: str | None, told: list[tuple[str, str, str]]
) -> None:
    """One queue, one BAR, one byte: what its owner would look for."""
    first, second = ({} if text is None else {fact: text} for text in (before, after))
    found = _found("virtio-blk-pci", first, second)
    assert [(d.what, d.before, d.after) for d in found] == told
    assert {d.fact for d in found} == {fact}


def test_a_device_that_one_side_does_not_start_with_is_told_once() -> None:
    """With QEMU's words."""
    there = {"identity": "8086:10c9", "bar0": "memory 32 bits, 4K"}
    (found,) = _found("igb", there, {REFUSED: "VF addr overflows"})
    assert (found.what, found.before, found.after) == ("device", "there", "none: VF addr overflows")


@given(THERE)
def test_what_lasts_is_all_but_the_state_of_links_and_slots(device: Facts) -> None:
    """Taking it away twice is taking it away once, and every other fact stays."""
    assert lasting(lasting(device)) == lasting(device)
    without = {k: v for k, v in lasting(device).items() if k != "capability express"}
    assert without == {k: v for k, v in device.items() if k != "capability express"}


def test_what_a_port_controls_of_its_slot_follows_from_what_is_in_it() -> None:
    """Of an empty one the power is off; how many slots there are counts."""
    head = "at 54: 420120800000000000000406300000000402"
    empty, full, other = (
        {"capability express": f"{head}{text}"}
        for text in ("7b000200c0070000", "7b000200c0034000", "7b001200c0070000")
    )
    assert lasting(empty) == lasting(full) != lasting(other)


def test_the_link_of_a_port_is_no_part_of_what_lasts() -> None:
    """QEMU 5.2 says of a link that it is active where 7.2 does not; the rest of it counts."""
    older, newer, other = (
        {"capability express": f"at 54: 42010080000000000000040630000000{text}"}
        for text in ("04227b00", "04027b00", "04027c00")
    )
    assert lasting(older) == lasting(newer) != lasting(other)
