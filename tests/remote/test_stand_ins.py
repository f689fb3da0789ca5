"""What a script stands on does what it stands for, as far as the modules in it ask for that."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from platform_abi.model import host, reported
from platform_abi.model.value import evolve, field, frozen
from platform_abi.remote import stand_ins

Maker = Callable[..., Any]


def _made(make: Maker, field: Maker) -> Any:
    """Return a class of values as the modules of a script declare one."""

    class Point:
        x: int
        y: int = 0
        more: Mapping[str, int] = field(factory=dict)

        def moved(self) -> int:
            return self.x + self.y

    return make(kw_only=True)(Point)


@pytest.fixture(params=["real", "stand-in"])
def point(request: pytest.FixtureRequest) -> tuple[Any, Callable[..., Any]]:
    """Return a class, and the function that changes its values, of either kind."""
    if request.param == "real":
        return _made(frozen, field), evolve
    return _made(stand_ins._frozen, stand_ins._Field), stand_ins._evolve


def test_a_value_is_made_compared_and_changed_alike(point: tuple[Any, Callable[..., Any]]) -> None:
    """Fields by name, with their defaults, equal by content; one changed is another value."""
    kind, evolve = point
    one = kind(x=1)
    assert (1, 0, {}, 1) == (one.x, one.y, dict(one.more), one.moved())
    assert one == kind(x=1, y=0)
    assert one != kind(x=2)
    assert one != (1, 0)
    changed = evolve(one, y=5)
    assert (1, 5, 0) == (changed.x, changed.y, one.y)
    for wrong in ({}, {"x": 1, "z": 2}):
        with pytest.raises(TypeError):
            kind(**wrong)


def test_a_default_is_made_anew_for_each_value() -> None:
    """Two hosts do not share a mapping that one of them was only to have by default."""
    kind = _made(stand_ins._frozen, stand_ins._Field)
    assert kind(x=1).more is not kind(x=1).more


@pytest.mark.parametrize("real", [host.Fact, host.HostReport, reported.ReportedQemu])
def test_values_of_a_report_declare_nothing_that_the_stand_in_lacks(real: Any) -> None:
    """Each field has no default, a plain one, or one made by a factory that takes nothing."""
    for each in attrs.fields(real):
        assert not getattr(each.default, "takes_self", False)
        assert each.validator is None
        assert each.init


def test_descriptors_are_handed_on_alike() -> None:
    """What one of the two sends, the other receives."""
    for send, receive in (
        (stand_ins._send_fds, socket.recv_fds),
        (socket.send_fds, stand_ins._recv_fds),
    ):
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        with ours, theirs:
            assert 1 == send(ours, [b"+"], [writing])
            data, (passed,), _, _ = receive(theirs, 8, 2)
        os.write(passed, b"through it")
        assert (b"+", b"through it") == (data, os.read(reading, 16))
        for descriptor in (reading, writing, passed):
            os.close(descriptor)


@pytest.mark.parametrize("status", [0, 3 << 8, 255 << 8, 9, 11])
def test_the_end_of_a_process_is_told_alike(status: int) -> None:
    """Its exit status, or its signal as a negative number."""
    assert os.waitstatus_to_exitcode(status) == stand_ins._exit_code(status)
