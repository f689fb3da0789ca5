"""How the words of a guest are read: nothing is lost of them but what a migration has cut."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.live.migration.guest import Cpuid, Guest, Linux

_LINUX = Linux(kernel=Path("vmlinuz"), initramfs=Path("initramfs"))
_CPUID = Cpuid(image=Path("cpuid.elf"))
_BOOT = "8a9c5bd4-1b1c-4a7e-9d53-0e4f5d1c2b3a"

#: Of a 16550A; what was in it when the guest was stopped is sent by both ends.
_FIFO = 16


def _linux_line(number: int) -> str:
    return f"heartbeat {_BOOT} {number} {number}\n"


def _cpuid_line(number: int) -> str:
    return f"cpuid {number:08x} 0100007b {number:08x}\n"


@given(
    kind=st.sampled_from([(_LINUX, _linux_line), (_CPUID, _cpuid_line)]),
    first=st.integers(1, 100_000),
    count=st.integers(1, 12),
    data=st.data(),
)
def test_a_migration_costs_one_heartbeat_at_most_and_invents_none(
    kind: tuple[Guest, object], first: int, count: int, data: st.DataObject
) -> None:
    """Wherever the last characters of one end are the first of the other again."""
    guest, line_of = kind
    assert callable(line_of)
    numbers = list(range(first, first + count))
    text = "".join(map(line_of, numbers))
    cut = data.draw(st.integers(0, len(text)))
    again = data.draw(st.integers(0, min(cut, _FIFO)))
    read = [beat.number for beat in guest.heartbeats(text[:cut] + text[cut - again :])]
    assert sorted(set(read)) == read
    assert set(read) <= set(numbers)
    assert len(read) >= count - 1


@given(data=st.data())
def test_a_line_that_has_not_ended_is_not_read(data: st.DataObject) -> None:
    """Half a number is another number."""
    text = _linux_line(7) + _linux_line(123)
    cut = data.draw(st.integers(len(_linux_line(7)), len(text) - 1))
    assert [7] == [beat.number for beat in _LINUX.heartbeats(text[:cut])]
