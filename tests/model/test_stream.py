"""What was found out by moving guests, by the pair of builds."""

from __future__ import annotations

from platform_abi.model.stream import StreamPair, StreamTable


def test_a_pair_is_of_one_direction() -> None:
    """What was tried one way says nothing of the other, nor of what was never tried."""
    there = StreamPair(source="a", destination="b", machines=("m",))
    itself = StreamPair(source="a", destination="a")
    table = StreamTable(pair=(itself, there))
    assert table.between("a", "b") is there
    assert table.between("a", "a") is itself
    assert table.between("b", "a") is None
