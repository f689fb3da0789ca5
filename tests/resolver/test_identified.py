"""Whatever id is printed somewhere can be asked about, and each answer is about that id."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.platform import Platform
from platform_abi.resolver.identified import (
    CapabilityEntry,
    CodeEntry,
    FeatureEntry,
    MessageEntry,
    identified,
)
from tests.definitions.site import DEFINITIONS

SOURCE = Path(pa.__file__).parent


def test_every_feature_capability_and_platform_is_itself(catalogue: pa.FileCatalogue) -> None:
    """And what stands beside one is of the catalogue too."""
    platforms = catalogue.platform_names()
    features = {feature.id for feature in catalogue.every_feature()}
    for feature in catalogue.every_feature():
        (entry, *_) = identified(catalogue, feature.id)
        assert isinstance(entry, FeatureEntry)
        assert entry.feature == feature
        assert set(entry.platforms.values()) <= set(platforms)
    for name, capability in catalogue.capabilities().items():
        entries = [e for e in identified(catalogue, name) if isinstance(e, CapabilityEntry)]
        assert [entry.capability for entry in entries] == [capability]
        assert set(entries[0].features) <= features
    for name in platforms:
        for asked in (name, f"{name}@{catalogue.editions()[0]}"):
            assert catalogue.platform(name) in identified(catalogue, asked)


def test_a_property_is_told_with_every_feature_that_drives_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """As the definitions write it, and as a user does: of the device around, with dashes."""
    for feature in catalogue.every_feature():
        for name in feature.properties:
            entries = identified(catalogue, name)
            assert feature.id in {e.feature.id for e in entries if isinstance(e, FeatureEntry)}
    (entry,) = identified(catalogue, "virtio-net-pci.host-uso")
    assert isinstance(entry, FeatureEntry)
    assert entry.feature.id == "virtio-net.host-uso"


def test_the_first_platform_of_a_lineage_is_the_first_that_turns_it_on(
    catalogue: pa.FileCatalogue,
) -> None:
    """No earlier one of that lineage does."""
    (entry,) = identified(catalogue, "virtio-net.host-uso")
    assert isinstance(entry, FeatureEntry)
    assert entry.platforms["linux"] == "linux-6.2"


def test_every_code_that_is_printed_has_its_meaning(catalogue: pa.FileCatalogue) -> None:
    """Of findings and errors, each is written down once, and none that nothing prints."""
    given: set[str] = set()
    literals: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                given |= set(_literals(node.value))
            literals |= set(_literals(node))
    # Two codes are put together: offer-missing and the like.
    given -= {"-", "offer", "precondition"}
    codes = catalogue.codes()
    assert given - codes.keys() == set()
    composed = {f"{a}-{b}" for a in ("offer", "precondition") for b in ("missing", "unknown")}
    assert codes.keys() - literals == composed
    for code, means in codes.items():
        assert CodeEntry(code=code, means=means) in identified(catalogue, code)


def _literals(node: ast.AST) -> list[str]:
    nodes = ast.walk(node) if isinstance(node, ast.expr) else ()
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_a_message_is_told_by_its_code(catalogue: pa.FileCatalogue) -> None:
    """With the texts that QEMU prints."""
    for message in catalogue.messages().messages:
        entries = [e for e in identified(catalogue, message.code) if isinstance(e, MessageEntry)]
        assert message.text[0].text in {text for entry in entries for text in entry.texts}


@given(name=st.text(max_size=20))
def test_what_is_no_id_is_an_error(name: str) -> None:
    """Of its own code, whatever was written."""
    with pytest.raises(pa.UnknownNameError) as caught:
        identified(pa.FileCatalogue([DEFINITIONS]), f"?{name}")
    assert caught.value.code == "unknown-id"


def test_a_misspelt_id_is_told_the_nearest(catalogue: pa.FileCatalogue) -> None:
    """Of whichever kind it is."""
    for wrong, right in (
        ("virtio-net.host-usp", "virtio-net.host-uso"),
        ("tun.usoo", "tun.uso"),
        ("capability-mising", "capability-missing"),
        ("linux-6.99", "linux-6.9"),
    ):
        with pytest.raises(pa.UnknownNameError) as caught:
            identified(catalogue, wrong)
        assert f"'{right}'" in caught.value.message


def test_a_platform_is_one_whatever_stands_behind_it(catalogue: pa.FileCatalogue) -> None:
    """An edition, or overrides, are of the choice and not of the platform."""
    (entry,) = identified(catalogue, "linux-6.9@2026.1,virtio-net.rss=on")
    assert isinstance(entry, Platform)
    assert entry.name == "linux-6.9"
