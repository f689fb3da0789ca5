"""Platforms: values by edition, and the spelling of a choice."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.platform import (
    EDITION,
    Listing,
    PlatformReference,
    edition_key,
    kernel_number,
    version_key,
)

editions = st.tuples(st.integers(2026, 2029), st.integers(0, 12)).map(lambda e: f"{e[0]}.{e[1]}")
features = st.sampled_from(["virtio-net.rss", "virtio-net.host-uso", "x86-cpu.enforce"])
overrides = st.dictionaries(
    features, st.text(st.characters(codec="ascii", exclude_characters=","), min_size=1, max_size=5)
).map(lambda found: tuple(sorted(found.items())))
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,10}", fullmatch=True)


# --- laws ----------------------------------------------------------------------------------------


@given(names, st.none() | editions, overrides)
def test_a_choice_is_what_its_spelling_means(
    name: str, edition: str | None, chosen: tuple[tuple[str, str], ...]
) -> None:
    """What a tool stores is read back as the same choice."""
    reference = PlatformReference(name=name, edition=edition, overrides=chosen)
    assert pa.parse_platform(str(reference)) == reference


@given(st.dictionaries(editions | st.just("0.0"), st.sampled_from("abc"), min_size=1), editions)
def test_a_listing_is_what_the_newest_edition_up_to_then_said(
    values: dict[str, str], edition: str
) -> None:
    """A later correction changes nothing for an earlier edition."""
    at = edition_key(edition)
    said = [name for name in values if edition_key(name) <= at]
    newest = max(said, key=edition_key, default=None)
    found = Listing(values=values, source="").at(at)
    assert found == (None if newest is None else values[newest])


@given(
    st.dictionaries(editions, st.sampled_from("abc"), min_size=1),
    editions,
    editions,
    st.sampled_from("xyz"),
)
def test_an_edition_to_come_never_changes_a_released_one(
    values: dict[str, str], released: str, later: str, value: str
) -> None:
    """Whatever is added for it."""
    if edition_key(later) > edition_key(released):
        at = edition_key(released)
        before = Listing(values=values, source="").at(at)
        assert Listing(values={**values, later: value}, source="").at(at) == before


@given(st.lists(editions, unique=True), st.randoms())
def test_the_order_of_editions_in_a_file_changes_nothing(
    written: list[str], random: Random
) -> None:
    """A table of editions has no order."""
    values = {edition: edition for edition in written}
    items = list(values.items())
    random.shuffle(items)
    for edition in written:
        at = edition_key(edition)
        shuffled = Listing(values=dict(items), source="").at(at)
        assert shuffled == Listing(values=values, source="").at(at) == edition


@given(
    st.from_regex(r"\d{4}\.\d{1,3}", fullmatch=True),
    st.from_regex(r"\d{4}\.\d{1,3}", fullmatch=True),
)
def test_an_edition_has_one_spelling(one: str, other: str) -> None:
    """Two names of editions that order as equals are equal."""
    if EDITION.fullmatch(one) and EDITION.fullmatch(other):
        assert (edition_key(one) == edition_key(other)) == (one == other)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4), st.integers(0, 99))
def test_releases_order_as_numbers(parts: list[int], more: int) -> None:
    """6.9 is before 6.10, and 6.9 before 6.9.1."""
    spelled = ".".join(map(str, parts))
    assert version_key(spelled) == tuple(parts)
    assert version_key(spelled) < version_key(f"{spelled}.{more}")
    assert version_key(spelled) < version_key(".".join(map(str, [*parts[:-1], parts[-1] + 1])))


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (PlatformReference(name="linux-6.9"), "linux-6.9"),
        (PlatformReference(name="linux-6.9", edition="2026.1"), "linux-6.9@2026.1"),
        (
            PlatformReference(
                name="linux-6.9",
                edition="2026.1",
                overrides=(("virtio-net.rss", "on"), ("x86-cpu.enforce", "off")),
            ),
            "linux-6.9@2026.1,virtio-net.rss=on,x86-cpu.enforce=off",
        ),
    ],
)
def test_the_spelling_of_a_choice(reference: PlatformReference, expected: str) -> None:
    """Name, edition, overrides."""
    assert str(reference) == expected


def test_a_value_corrected_in_a_later_edition() -> None:
    """The released edition keeps what it said."""
    listing = Listing(values={"2026.2": "on", "2026.10": "off"}, source="")
    assert listing.at((2026, 1)) is None
    assert listing.at((2026, 2)) == "on"
    assert listing.at((2026, 9)) == "on"
    assert listing.at((2026, 10)) == "off"
    assert listing.at((2027, 1)) == "off"


@pytest.mark.parametrize(
    "name", ["2026.01", "26.1", "2026", "2026.1.1", "\u0662\u0660\u0662\u0666.1", "2026.1\n", ""]
)
def test_what_names_no_edition(name: str) -> None:
    """A year of four digits and a number without leading zeros, in ASCII."""
    assert EDITION.fullmatch(name) is None


@pytest.mark.parametrize(
    ("kernel", "release", "expected"),
    [
        ("6.8", "6.8.12-4-pve", 0),
        ("6.8", "6.80.1", None),
        ("6.8", "6.9.0", None),
        ("5.14.0-427", "5.14.0-427.13.1.el9_4.x86_64", 427),
        ("5.14.0-427", "5.14.0-503.el9.x86_64", 427),
        ("5.14.0-427", "5.14.0-362.el9.x86_64", None),
        ("5.14.0-427", "5.14.21-427", None),
        ("5.14.0-427", "5.14", None),
        ("6.4.0", "6.4.0", 0),
        ("", "6.4.0", None),
        ("6.4.0", "nonsense", None),
        ("6.4.0", "", None),
    ],
)
def test_which_kernels_are_a_platforms(kernel: str, release: str, expected: int | None) -> None:
    """Those of its base, from its number on; the number says which of several is the later."""
    assert expected == kernel_number(kernel, release)
