"""Masks of feature bits: whose they are, what is lacking, and what could be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.diagnosis.lacking import Lacking, follows_host, known_bits
from platform_abi.diagnosis.masks import ALL_BITS, chosen_family, family_of, read_masks
from platform_abi.model.device import DeviceFamily, DeviceTable, VirtioBit
from platform_abi.model.machine import TypeTable
from platform_abi.testing import MemoryCatalogue

masks = st.integers(0, ALL_BITS)


def virtio(catalogue: pa.FileCatalogue) -> list[DeviceFamily]:
    """Return the families that have feature bits."""
    return [f for f in catalogue.devices().families if f.bit or f.virtio_id]


def mask_of(items: Iterable[Lacking]) -> int:
    """Return the bits of *items* as a mask."""
    return sum(1 << item.bit for item in items if item.bit is not None)


@given(requested=masks, allowed=masks)
def test_every_guess_accounts_for_every_bit(
    catalogue: pa.FileCatalogue, requested: int, allowed: int
) -> None:
    """Whichever devices come into question, each reading has all of the bits, named or not."""
    readings = read_masks(catalogue, requested, allowed, None)

    assert readings
    assert len(readings) == len({reading.family for reading in readings})
    for reading in readings:
        assert requested & ~allowed == mask_of(reading.lacking)


@given(requested=masks, allowed=masks)
def test_what_could_be_lacking_is_what_hosts_decide_and_this_one_has_not(
    catalogue: pa.FileCatalogue, requested: int, allowed: int
) -> None:
    """Every bit that QEMU gives on some hosts only and that is not allowed here, and no other."""
    for family in virtio(catalogue):
        (hidden,) = read_masks(catalogue, requested & allowed, allowed, family)
        (plain,) = read_masks(catalogue, requested, allowed, family)
        decided = {
            n for n, bit in known_bits(catalogue, family).items() if _decided(catalogue, family, n)
        }
        absent = {n for n in decided if not allowed & 1 << n}

        assert sum(1 << n for n in absent) == mask_of(hidden.suspects)
        assert () == hidden.lacking
        if requested & ~allowed:
            assert () == plain.suspects


def _decided(catalogue: pa.FileCatalogue, family: DeviceFamily, number: int) -> bool:
    return follows_host(catalogue, family, known_bits(catalogue, family)[number])


def _against(catalogue: pa.FileCatalogue, family: DeviceFamily, masks: int, allowed: int) -> int:
    """Return how many bits speak against *family*: those that it cannot have, or always has."""
    known = known_bits(catalogue, family)
    cannot = sum(masks >> n & 1 for n in range(128) if n not in known)
    always = [b for b in family.bit if not (b.property or b.backends or b.never)]
    always = [b for b in always if not (b.legacy or b.modern)] if family.virtio_id else []
    return cannot + sum(not allowed >> bit.bit & 1 for bit in always)


@st.composite
def offered(draw: st.DrawFn, catalogue: pa.FileCatalogue) -> tuple[int, int]:
    """Draw what a guest uses and a host offers of a device, near to what devices have."""
    family = draw(st.sampled_from(virtio(catalogue)))
    bits = sorted(known_bits(catalogue, family))
    chosen = draw(st.sets(st.sampled_from(bits)))
    more = draw(st.sets(st.integers(0, 127), max_size=2))
    requested = sum(1 << n for n in chosen | more)
    return requested, requested & ~sum(1 << n for n in draw(st.sets(st.sampled_from(bits))))


@given(st.data())
def test_a_guess_is_what_the_least_speaks_against(
    catalogue: pa.FileCatalogue, data: st.DataObject
) -> None:
    """All families of which that holds and no other; first the one that hosts decide most of."""
    requested, allowed = data.draw(offered(catalogue))
    readings = read_masks(catalogue, requested, allowed, None)
    families = {family.name: family for family in virtio(catalogue)}
    against = {n: _against(catalogue, f, requested | allowed, allowed) for n, f in families.items()}
    decided = {
        name: sum(
            _decided(catalogue, family, n)
            for n in known_bits(catalogue, family)
            if requested & ~allowed & 1 << n
        )
        for name, family in families.items()
    }
    least = min(against.values())
    likely = [name for name in families if against[name] == least]
    order = sorted(likely, key=lambda n: (-decided[n], not families[n].virtio_id))

    assert order == [reading.family for reading in readings]


@given(requested=st.integers(0, (1 << 200) - 1), allowed=st.integers(0, (1 << 200) - 1))
def test_virtio_has_128_bits(catalogue: pa.FileCatalogue, requested: int, allowed: int) -> None:
    """What stands above is no bit of any device: nothing of it is lacking."""
    for family in virtio(catalogue):
        (reading,) = read_masks(catalogue, requested, allowed, family)
        assert requested & ~allowed & (2**128 - 1) == mask_of(reading.lacking)


# --- constructed devices -------------------------------------------------------------------------


def _guessed(*families: DeviceFamily) -> list[str]:
    """Return whose masks they may be where a guest uses nothing and nothing is allowed."""
    catalogue = MemoryCatalogue(
        devices=DeviceTable(families=families),
        features=(),
        platforms=(),
        machines=(),
        types=TypeTable(),
    )
    return [reading.family for reading in read_masks(catalogue, 0, 0, None)]


def _family(name: str, *bits: VirtioBit, virtio_id: int = 0) -> DeviceFamily:
    return DeviceFamily(name=name, driver=f"{name}-device", virtio_id=virtio_id, bit=bits)


@pytest.mark.parametrize(
    ("how", "always"),
    [
        ({}, True),
        ({"property": "p"}, False),
        ({"backends": ("tap",)}, False),
        ({"never": True}, False),
        ({"legacy": True}, False),
        ({"modern": True}, False),
    ],
)
def test_only_a_bit_that_nothing_decides_is_always_offered(
    how: dict[str, Any], *, always: bool
) -> None:
    """Without it the device cannot have printed that; one that a property turns off it can."""
    bit = VirtioBit(bit=3, name="X", **how)
    other = _family("other", VirtioBit(bit=4, name="Y", property="q"), virtio_id=2)
    whole = _guessed(_family("whole", bit, virtio_id=1), other)
    assert (["other"] if always else ["whole", "other"]) == whole
    # Of a device that is not described as a whole, nobody says what it always offers.
    assert ["other", "part"] == _guessed(_family("part", bit), other)


def test_of_equals_the_device_that_is_described_as_a_whole_is_likelier() -> None:
    """Then the first of the definitions."""
    bit = VirtioBit(bit=3, name="X", property="p")
    first, second = _family("first", bit, virtio_id=7), _family("second", bit, virtio_id=9)
    assert ["first", "second", "part"] == _guessed(_family("part", bit), first, second)
    assert ["second", "first", "part"] == _guessed(second, _family("part", bit), first)
    assert [] == _guessed(_family("none"))


# --- names ---------------------------------------------------------------------------------------


def test_a_name_is_its_family_s_before_it_is_a_driver_of_another(
    catalogue: pa.FileCatalogue,
) -> None:
    """Family, driver and proxy each lead to a family; a family's own name comes first."""
    for family in catalogue.devices().families:
        assert family == family_of(catalogue, family.name)
        for name in (family.driver, *family.proxies):
            assert family_of(catalogue, name) is not None
    assert None is family_of(catalogue, "no-such-thing")


def test_a_driver_is_chosen_if_its_bits_are_known(catalogue: pa.FileCatalogue) -> None:
    """A device without feature bits is refused, with bits or an id of virtio's it is not."""
    for family in catalogue.devices().families:
        if family in virtio(catalogue):
            assert family == chosen_family(catalogue, family.name)
        else:
            with pytest.raises(pa.UsageError) as refused:
                chosen_family(catalogue, family.name)
            assert "no-bits" == refused.value.code


@pytest.mark.parametrize(
    ("typo", "meant"), [("virtio-nett", "virtio-net"), ("vhost-vsok-pci", "vhost-vsock-pci")]
)
def test_a_driver_that_there_is_not_comes_with_the_nearest(
    catalogue: pa.FileCatalogue, typo: str, meant: str
) -> None:
    """Family, driver or proxy, whichever was meant."""
    with pytest.raises(pa.UnknownNameError, match=f"'{meant}'") as refused:
        chosen_family(catalogue, typo)
    assert "unknown-driver" == refused.value.code
