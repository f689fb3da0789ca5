"""Features by family, and host capabilities by subsystem."""

from __future__ import annotations

from platform_abi.reference.entries import (
    capabilities_pages,
    features_pages,
    stems,
    subsystems,
)
from platform_abi.resolver.identified import capability_entry, feature_entry
from tests.reference.pages import CATALOGUE

FEATURES = tuple(features_pages(CATALOGUE))
CAPABILITIES = tuple(capabilities_pages(CATALOGUE))


def test_every_feature_is_on_the_page_of_its_family_once() -> None:
    """With what ``explain`` says of it."""
    found = [entry for page in FEATURES for entry in page.features]
    assert [feature_entry(CATALOGUE, f) for f in CATALOGUE.every_feature()] == found
    assert len(stems(FEATURES)) == len(found)


def test_every_capability_is_on_the_page_of_its_subsystem_once() -> None:
    """With what ``explain`` says of it."""
    found = {e.capability.id: e for page in CAPABILITIES for e in page.capabilities}
    assert {
        name: capability_entry(CATALOGUE, c) for name, c in CATALOGUE.capabilities().items()
    } == found
    for page in CAPABILITIES:
        assert {page.subsystem} == {e.capability.subsystem for e in page.capabilities}
    assert subsystems(CAPABILITIES).keys() == found.keys()
