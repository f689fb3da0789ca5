"""Which CPU flags a host has, by the registers of its report."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.compat.cpu_flags import flag_fact, lacking_flags
from tests.compat.cpu_hosts import EVERY, TABLE, flags, host, without


def test_older_names_of_a_flag_mean_the_same() -> None:
    """What users write is looked up by any of QEMU's names, with dashes or underscores."""
    assert {"pni"} == {TABLE.flag(name) for name in ("pni", "sse3")}
    assert {"sse4.1"} == {TABLE.flag(name) for name in ("sse4.1", "sse4-1", "sse4_1")}


@given(st.dictionaries(st.sampled_from(sorted(EVERY)), st.integers(0, 2**64 - 1)), flags)
def test_more_bits_never_take_a_flag_away(registers: dict[str, int], flag: str) -> None:
    """A host that gains bits is never judged worse, and a register that is read settles more."""
    order = ["absent", "unknown", "present"]
    less = {**dict.fromkeys(EVERY, 0), **registers}
    more = {name: less[name] | (EVERY[name] if name not in TABLE.controls else 0) for name in less}
    before, after = (flag_fact(TABLE, host(each), flag).state for each in (less, more))
    if not any(register in TABLE.controls for register, _ in TABLE.bits[flag]):
        assert order.index(before) <= order.index(after)


def test_a_control_that_has_to_be_1_cannot_be_chosen() -> None:
    """QEMU counts a VMX control only where it may be 0 as well as 1."""
    register = "kvm.msr.0000048d"
    flag = next(f for f, places in TABLE.bits.items() if places[0][0] == register)
    bit = TABLE.bits[flag][0][1]
    for word, state in (
        (1 << (bit + 32), "present"),
        (1 << (bit + 32) | 1 << bit, "absent"),
        (0, "absent"),
    ):
        fact = flag_fact(TABLE, host({**EVERY, register: word}), flag)
        assert (state, "ioctl") == (fact.state, fact.source)
        assert "not in this report" not in fact.detail


@pytest.mark.parametrize(
    ("flag", "said", "state"),
    [
        ("hypervisor", {}, "present"),
        ("tsc-deadline", {"kvm.extensions": ("72",)}, "present"),
        ("tsc-deadline", {"kvm.extensions": ()}, "absent"),
        ("tsc-deadline", {}, "unknown"),
        ("erms", {}, "unknown"),
        ("fb-clear", {}, "absent"),
    ],
)
def test_what_qemu_grants_beside_the_bits_counts(
    flag: str, said: dict[str, tuple[str, ...]], state: str
) -> None:
    """Some flags QEMU always gives, some by an extension of KVM; some it asks the processor for."""
    features = {"kvm.msr-features": ("0x10a",)}
    bare = host(dict.fromkeys(EVERY, 0), sets={**features, **said})
    assert state == flag_fact(TABLE, bare, flag).state


def test_a_host_without_the_weakness_can_show_that_it_clears_buffers() -> None:
    """fb-clear follows from five other bits of IA32_ARCH_CAPABILITIES."""
    assert "present" == flag_fact(TABLE, host(without("fb-clear")), "fb-clear").state
    assert (
        "absent"
        == flag_fact(
            TABLE,
            host(
                without("mds-no")
                | {
                    "kvm.msr.0000010a": EVERY["kvm.msr.0000010a"]
                    & ~(1 << TABLE.bits["mds-no"][0][1])
                    & ~(1 << TABLE.bits["fb-clear"][0][1])
                }
            ),
            "fb-clear",
        ).state
    )


def test_an_msr_that_kvm_does_not_list_offers_nothing() -> None:
    """And one that it lists without a value in the report is unknown."""
    flag = "rdctl-no"
    assert "absent" == flag_fact(TABLE, host(EVERY, sets={"kvm.msr-features": ()}), flag).state
    assert "unknown" == flag_fact(TABLE, host(EVERY, values={}), flag).state


def test_a_bit_that_is_absent_settles_it_whatever_is_not_known() -> None:
    """A flag of two registers, one of which no report has: absent wins, in either order."""
    flag, other = "avx2", "3dnow"
    assert not [*TABLE.grants_of(flag)]
    table = evolve(TABLE, bits={**TABLE.bits, flag: TABLE.bits[flag] + TABLE.bits[other]})
    places = table.bits[flag]
    registers = [*dict.fromkeys(register for register, _ in places)]
    for lost in registers:
        zero = next(register for register in registers if register != lost)
        known = {name: word for name, word in EVERY.items() if name != lost} | {zero: 0}
        assert "absent" == flag_fact(table, host(known), flag).state
        fact = flag_fact(table, host({n: w for n, w in EVERY.items() if n != lost}), flag)
        assert ("unknown", True) == (fact.state, fact.detail.endswith(": not in this report"))


@given(st.dictionaries(st.sampled_from(sorted(EVERY)), st.none() | st.integers(0, 2**64 - 1)))
def test_flags_are_told_apart_by_what_is_known_of_each(words: dict[str, int | None]) -> None:
    """All at once they are what each is by itself."""
    registers = {name: word for name, word in {**EVERY, **words}.items() if word is not None}
    report = host(registers)
    absent, unknown = lacking_flags(TABLE, report, TABLE.bits)
    states = {flag: flag_fact(TABLE, report, flag).state for flag in TABLE.bits}
    assert absent == {flag for flag, state in states.items() if state == "absent"}
    assert unknown == {flag for flag, state in states.items() if state == "unknown"}
