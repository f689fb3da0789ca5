"""Values as QEMU reads them back."""

from __future__ import annotations

import pytest

from platform_abi.resolver.spelling import spelled


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("bool", "yes", "on"),
        ("bool", "n", "off"),
        ("OnOffAuto", "auto", "auto"),
        ("uint32", "0xFFFFFFFF", "4294967295"),
        ("uint16", "-1", "65535"),
        ("int32", "-1", "-1"),
        ("uint8", "many", "many"),
        ("size", "4k", "4096"),
        ("size", "0x10", "16"),
        ("str", "0x10", "0x10"),
    ],
)
def test_values_are_spelled_as_qemu_reads_them_back(kind: str, text: str, expected: str) -> None:
    """A value has one spelling, by QEMU's type of its property."""
    assert spelled(kind, text) == expected
    assert spelled(kind, expected) == expected
