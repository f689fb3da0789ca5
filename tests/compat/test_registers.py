"""Whether one KVM takes the registers of another: by list, by value, by what can be written."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.compat.registers import taken
from platform_abi.model.feature import Registers
from platform_abi.model.host import HostReport

#: Of one letter: f has fields, n is a number, b bits, x whatever it is; t and z may be missing.
RULES = Registers(
    listed="list",
    values="is.",
    writable="may.",
    fields=("f?",),
    numbers=("n",),
    bits=("b",),
    tolerated=("t",),
    tolerated_zero=("z",),
    tolerant_since="11.0",
)

WORDS = st.integers(0, 2**64 - 1)


def _host(values: Mapping[str, int], *others: str, **writable: int) -> HostReport:
    words = {f"is.{name}": f"{value:#x}" for name, value in values.items()}
    words |= {f"may.{name}": f"{value:#x}" for name, value in writable.items()}
    return HostReport(sets={"list": tuple(sorted((*values, *others)))}, values=words)


@given(st.dictionaries(st.sampled_from(["f0", "n", "b", "x"]), WORDS, min_size=1))
def test_a_host_takes_its_own_registers(values: dict[str, int]) -> None:
    """Whatever is in them, and without one bit that can be written."""
    assert taken(RULES, _host(values), _host(values)) == (True, ())


@given(WORDS, WORDS)
def test_what_no_rule_is_about_has_to_be_the_same(one: int, two: int) -> None:
    """As MIDR_EL1 has to be: there is another processor behind another value."""
    known, differ = taken(RULES, _host({"x": one}), _host({"x": two}))
    assert known
    assert bool(differ) == (one != two)


@given(WORDS, WORDS)
def test_numbers_and_bits_are_taken_up_to_what_a_host_has(sent: int, own: int) -> None:
    """A version of firmware up to its own, and services that it has."""
    _, differ = taken(RULES, _host({"n": sent}), _host({"n": own}))
    assert bool(differ) == (sent > own)
    _, differ = taken(RULES, _host({"b": sent}), _host({"b": own}))
    assert bool(differ) == (sent | own != own)


@given(WORDS, WORDS, WORDS)
def test_fields_are_only_lowered_and_only_where_they_can_be_written(
    sent: int, own: int, writable: int
) -> None:
    """Field by field; and a guest that needs less may not be given more."""
    _, differ = taken(RULES, _host({"f0": sent}), _host({"f0": own}, f0=writable))
    fields = [(sent >> at & 0xF, own >> at & 0xF) for at in range(0, 64, 4)]
    lowered = all(a == b or (a < b and b != 0xF) for a, b in fields)
    assert (not differ) == (sent == own or (lowered and (sent ^ own) & ~writable == 0))


@pytest.mark.parametrize(
    ("sent", "own", "writable", "there"),
    [
        (0x1, 0x2, 0xF, True),  # one less, and it can be written
        (0x1, 0x2, 0x0, False),  # a kernel before 6.7
        (0x2, 0x1, 0xF, False),  # more than there is
        (0xF, 0x0, 0xF, False),  # none at all, which is no number
        (0x0, 0xF, 0xF, False),
        (0x10, 0x20, 0x0F, False),  # another field can be
    ],
)
def test_a_field_of_four_bits(sent: int, own: int, writable: int, there: bool) -> None:
    """Each as the KVM of Linux 6.18 has it (arch/arm64/kvm/sys_regs.c)."""
    _, differ = taken(RULES, _host({"f0": sent}), _host({"f0": own}, f0=writable))
    assert (not differ) == there


def test_a_register_that_only_the_source_has_is_refused() -> None:
    """One that only the destination has is not: the stream does not carry it."""
    few, more = _host({"x": 1}), _host({"x": 1}, "y")
    assert taken(RULES, more, few) == (True, ("y (there and not there)",))
    assert taken(RULES, few, more) == (True, ())


@pytest.mark.parametrize(("qemu", "fine"), [("10.2.2", False), ("11.0.0", True), (None, False)])
def test_a_newer_qemu_does_without_some(qemu: str | None, fine: bool) -> None:
    """Since 11.0, and only of those that it is known for; nobody knows which one is no such."""
    _, differ = taken(RULES, _host({"x": 1, "z": 0}, "t"), _host({"x": 1}), qemu=qemu)
    assert (not differ) == fine
    _, differ = taken(RULES, _host({"x": 1, "z": 2}), _host({"x": 1}), qemu=qemu)
    assert differ == ("z (there and not there)",)


def test_a_guest_that_comes_back_brings_what_it_took_along() -> None:
    """Its values are those of where it was started; the list is that of where it was."""
    start, end = _host({"x": 1, "f0": 1}), _host({"x": 1, "f0": 2}, f0=0xF)
    assert taken(RULES, start, end) == (True, ())
    assert taken(RULES, end, start)[1] != ()
    assert taken(RULES, end, start, returns=True) == (True, ())
    known, differ = taken(RULES, _host({"x": 1}, "y"), start, returns=True)
    assert (known, differ) == (True, ("y (there and not there)",))


def test_what_a_report_does_not_say_is_not_known() -> None:
    """A report of before registers were read, or one of a host whose vCPU could not be made."""
    told, silent = _host({"x": 1}), HostReport()
    assert taken(RULES, told, silent) == (False, ())
    assert taken(RULES, silent, told) == (False, ())
    assert taken(RULES, told, _host({}, "x")) == (False, ())
