"""Supported platforms as words that schedulers select nodes by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.compat.labels import labels, selected, traits
from platform_abi.compat.supported import newest, query_platforms
from platform_abi.model.host import Fact
from tests.compat.strategies import full_report, without

CAPTURES = Path(__file__).parent.parent / "captures"
FULL = Fact(state="present", source="ioctl")
UPSTREAM = "linux"


def test_labels_and_traits_name_what_is_supported(catalogue: pa.FileCatalogue) -> None:
    """One label and one trait for each supported platform, in the alphabet that each may have."""
    report = evolve(without(full_report(catalogue), "tun.uso"), release="6.1.0")
    found = query_platforms(catalogue, report)
    said = dict(labels(found, newest(found, report)))
    assert "true" == said["platform-abi.node.kubevirt.io/linux-6.1"]
    assert "true" == said["platform-abi.node.kubevirt.io/linux-6.1_2026.2"]
    assert "linux-6.1" == said["platform-abi/newest"]
    assert "platform-abi.node.kubevirt.io/linux-6.2" not in said
    for label, value in said.items():
        prefix, _, name = label.partition("/")
        assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", prefix)
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", name)
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", value)
    assert "CUSTOM_PLATFORM_ABI_LINUX_6_1" in traits(found)
    assert "CUSTOM_PLATFORM_ABI_LINUX_6_2" not in traits(found)
    for trait in traits(found):
        assert trait.replace("_", "").isalnum()
        assert trait == trait.upper()


def test_a_selector_lives_across_editions(catalogue: pa.FileCatalogue) -> None:
    """The name alone says all editions: who lacks one of them has the label of the other only."""
    of = [
        each
        for edition in ("2026.1", "2026.2")
        for each in query_platforms(catalogue, full_report(catalogue), edition=edition)
        if each.name == "linux-6.9"
    ]
    prefix = "platform-abi.node.kubevirt.io/linux-6.9"
    both = {(f"{prefix}_2026.1", "true"), (f"{prefix}_2026.2", "true")}
    assert {*both, (prefix, "true")} == set(labels(of, None))
    older, newer = of
    assert {(f"{prefix}_2026.1", "true")} == set(
        labels([older, evolve(newer, supported="no")], None)
    )


def test_two_platforms_never_share_a_trait(catalogue: pa.FileCatalogue) -> None:
    """Names that differ in punctuation only are refused rather than confused."""
    every = query_platforms(catalogue, full_report(catalogue))
    verdict = next(each for each in every if each.name == "linux-6.9")
    with pytest.raises(pa.UsageError, match="no trait of its own"):
        traits([verdict, evolve(verdict, name="linux_6.9")])
    with pytest.raises(pa.UsageError, match="too long"):
        labels([evolve(verdict, name="x" * 64)], None)


def test_a_label_and_a_trait_say_which_platform_they_are_of() -> None:
    """Of whatever edition, with its value or without; and nothing else does."""
    names = ("linux-6.1", "linux-6.10", "linux-rhel-9.5")
    for text, name in (
        ("platform-abi.node.kubevirt.io/linux-6.1", "linux-6.1"),
        ("platform-abi.node.kubevirt.io/linux-6.10=true", "linux-6.10"),
        ("platform-abi.node.kubevirt.io/linux-6.1_2026.2=true", "linux-6.1"),
        ("CUSTOM_PLATFORM_ABI_LINUX_RHEL_9_5", "linux-rhel-9.5"),
        ("platform-abi.node.kubevirt.io/linux-6.1_next", None),
        ("CUSTOM_PLATFORM_ABI_LINUX_7_0", None),
        ("linux-6.1", None),
    ):
        assert selected(names, text) == name
