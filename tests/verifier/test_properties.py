"""A value is the same however it is written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.verifier.properties import same


@given(value=st.sampled_from(["on", "yes", "true", "y"]))
def test_booleans_are_equal_however_they_are_spelled(value: str) -> None:
    """What QEMU reads as true is what it reads back as on."""
    assert same(value, "on")
    assert not same(value, "off")


@given(number=st.integers(0, 2**40))
def test_numbers_are_equal_however_they_are_spelled(number: int) -> None:
    """A hexadecimal number, or one with a suffix, is what QEMU reads back in digits."""
    assert same(hex(number), str(number))
    assert same(f"{number}K", str(number << 10))
    assert not same(hex(number), str(number + 1))
