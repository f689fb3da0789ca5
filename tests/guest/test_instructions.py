"""A processor is given instructions, and says what became of each."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest.instructions import MOST, Code, Instruction, Processor
from platform_abi.qemu.qtest import Accesses, QtestError
from tests.guest.mainframe import Device, Mainframe


def device(number: int = 1) -> Device:
    """Return a device of which nothing matters."""
    return Device(number=number, model=4, features=0, queues=(), config=b"")


@given(
    asked=st.lists(
        st.tuples(st.sampled_from([Code.STORE, Code.TEST]), st.integers(0, 5)), max_size=9
    )
)
def test_each_is_carried_out_in_order_and_its_condition_told(
    asked: list[tuple[Code, int]],
) -> None:
    """Of a subchannel that is not there the condition is 3, of one without a word it is 1."""
    machine = Mainframe([device(number) for number in range(3)])
    processor = Processor(cast(Accesses, machine), machine, timeout=1)
    instructions = [
        Instruction(code=code, subchannel=0x10000 + index, place=0x300000) for code, index in asked
    ]
    absent = {Code.STORE: 0, Code.TEST: 1}
    expected = [3 if index >= 3 else absent[code] for code, index in asked]
    assert processor.run(instructions) == expected
    assert machine.steps == [(code, 0x10000 + index) for code, index in asked]


def test_as_many_as_are_allowed_have_room() -> None:
    """None writes over what another one needs."""
    machine = Mainframe([device()])
    store = Instruction(code=Code.STORE, subchannel=0x10000, place=0x300000)
    assert Processor(cast(Accesses, machine), machine, timeout=1).run([store] * MOST) == [0] * MOST


def test_a_processor_that_does_not_go_on_is_an_error() -> None:
    """It is waited for no longer than was said."""
    machine = Mainframe([])
    machine.execute = lambda _command, **_: None  # type: ignore[method-assign]
    processor = Processor(cast(Accesses, machine), machine, timeout=0.01)
    with pytest.raises(QtestError, match="did not carry out 0 instructions") as caught:
        processor.run([])
    assert caught.value.code == "qemu-timeout"
