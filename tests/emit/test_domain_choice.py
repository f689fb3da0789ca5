"""Where a setting goes in a domain is chosen by what the domain is, before anything is written."""

from __future__ import annotations

from typing import assert_never

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.domain_choice import (
    Argument,
    Choice,
    Lost,
    Native,
    Override,
    choose_places,
)
from platform_abi.model.xml_tree import Element, read_xml
from tests.emit.domains import KINDS, domain, elements, machine_of

_LABELS = st.lists(st.sampled_from(tuple(KINDS)), unique=True).map(tuple)
_VERSIONS = st.sampled_from(["9.0", "11.3", "12.8"])


def _chosen(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...], version: str, *, bare: bool = False
) -> tuple[list[Choice], dict[str, Element]]:
    """Return the choices for a domain with devices, and their elements; *bare*: without these."""
    text = domain(labels)
    root = read_xml(text, "x")
    starts = {} if bare else elements(text, labels)
    there = {
        label: element
        for devices in root.named("devices")
        for element in devices.children
        for label, start in starts.items()
        if element.start == start
    }
    abi = pa.resolve(catalogue, machine_of(catalogue, labels), "linux-6.9")
    return [*choose_places(catalogue, abi, root, there, version)], there


@given(labels=_LABELS, version=_VERSIONS)
def test_a_place_is_the_most_native_one(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...], version: str
) -> None:
    """A free attribute where libvirt has one, an override of a device, else an argument."""
    table = catalogue.libvirt()
    made, there = _chosen(catalogue, labels, version)
    for choice in made:
        setting = choice.setting
        match choice:
            case Native(place=place, value=value, device=label):
                assert place.value(setting.value) == value
                assert place.element == ("" if label is None else there[label].name)
                assert setting.property in {name.partition(".")[2] for name in place.properties}
            case Override(device=label, value=value, type=kind):
                assert label in there
                assert (kind == "bool") == (value in {"true", "false"})
            case Argument(option=option):
                assert option in {"-global", "-machine"}
            case Lost():
                assert f"netdev.{setting.property}" in table.lost
            case _:
                assert_never(choice)


@given(labels=_LABELS, version=_VERSIONS)
def test_a_device_without_an_element_has_no_place_of_its_own(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...], version: str
) -> None:
    """What holds for all of its driver is an argument; what holds for it alone is lost."""
    made, _ = _chosen(catalogue, labels, version, bare=True)
    assert not [choice for choice in made if isinstance(choice, Override)]
    assert {None} >= {choice.device for choice in made if isinstance(choice, Native)}
    assert {c.setting.device for c in made if isinstance(c, Lost)} <= set(labels)
    assert all(c.setting.device is None for c in made if isinstance(c, Argument))


@given(labels=_LABELS)
def test_what_an_older_libvirt_can_say_a_newer_one_can(
    catalogue: pa.FileCatalogue, labels: tuple[str, ...]
) -> None:
    """So a newer one has no more overrides and arguments."""
    native = []
    for version in ("9.0", "11.3", "12.8"):
        made, _ = _chosen(catalogue, labels, version)
        native.append({(c.setting, c.device) for c in made if isinstance(c, Native)})
    assert native[0] <= native[1] <= native[2]
