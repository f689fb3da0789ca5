"""What a function of PCI says of its sizes and queues: exactly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest import pci_function

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@given(st.integers(0, 1 << 40))
def test_a_size_is_said_exactly(number: int) -> None:
    """Read back it is the same number of bytes."""
    text = pci_function._size(number)
    unit = UNITS.get(text[-1], 1)
    assert int(text.rstrip("KMG")) * unit == number


@given(st.lists(st.integers(0, 3)))
def test_queue_sizes_are_said_exactly(sizes: list[int]) -> None:
    """Read back they are the same sizes in the same order."""
    text = pci_function.queue_sizes(tuple(sizes))
    read = [
        int(size) for word in text.split() for size, _, n in [word.partition("*")]
        for _ in range(int(n or 1))
    ]  # fmt: skip
    assert read == sizes
