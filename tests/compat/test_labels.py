"""Supported platforms as words that schedulers select nodes by."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.compat.labels import labels, traits
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
    assert "2026.2" == said["platform-abi/platform.linux-6.1"]
    assert "linux-6.1" == said["platform-abi/newest"]
    assert "platform-abi/platform.linux-6.2" not in said
    assert "CUSTOM_PLATFORM_ABI_LINUX_6_1" in traits(found)
    assert "CUSTOM_PLATFORM_ABI_LINUX_6_2" not in traits(found)
    for trait in traits(found):
        assert trait.replace("_", "").isalnum()
        assert trait == trait.upper()


def test_two_platforms_never_share_a_trait(catalogue: pa.FileCatalogue) -> None:
    """Names that differ in punctuation only are refused rather than confused."""
    every = query_platforms(catalogue, full_report(catalogue))
    verdict = next(each for each in every if each.name == "linux-6.9")
    with pytest.raises(pa.UsageError, match="no trait of its own"):
        traits([verdict, evolve(verdict, name="linux_6.9")])
    with pytest.raises(pa.UsageError, match="too long"):
        labels([evolve(verdict, name="x" * 60)], None)
