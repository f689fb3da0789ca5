"""Whether one KVM takes the registers of another: by list, by value, by what can be written."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.registers import taken
from platform_abi.model.feature import Registers
from platform_abi.model.host import Fact, HostReport
from tests.definitions.site import DEFINITIONS, catalogue

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


# --- two hosts of Arm, and a guest with -cpu host -------------------------------------------------

_SHIPPED = catalogue(DEFINITIONS)
_MIDR, _PFR0 = "603000000013c000", "603000000013c020"
_PRESENT = Fact(state="present", source="ioctl")


def _guest() -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), "virt-10.0", arch="aarch64", cpu="host,sve=off,pmu=off"
    )
    return pa.resolve(_SHIPPED, vm, "linux-6.13@2026.3")


def _arm(name: str, *, pfr0: int = 0x12, writable: int = 0, midr: int = 1) -> HostReport:
    words = {_MIDR: midr, _PFR0: pfr0}
    values = {f"kvm.arm64.register.{key}": f"{word:#x}" for key, word in words.items()}
    return HostReport(
        name=name,
        system="linux",
        arch="aarch64",
        facts=dict.fromkeys((p.capability for p in _guest().preconditions), _PRESENT),
        numbers={"cpu.cntfrq": 25_000_000, "kvm.ipa-bits": 48},
        sets={"kvm.arm64.registers": tuple(sorted(words))},
        values=values | {f"kvm.arm64.writable.{_PFR0}": f"{writable:#x}"},
    )


def _verdict(one: HostReport, two: HostReport) -> pa.MigrationVerdict:
    return pa.check_migration(_SHIPPED, _guest(), one, two, of_qemus=((), ()))


def test_a_guest_moves_between_hosts_of_the_same_registers() -> None:
    """Nothing but the names of two such hosts differs."""
    verdict = _verdict(_arm("a"), _arm("b"))
    assert verdict.status == "ok"
    said = {f.feature: f.severity for f in verdict.forward.findings if f.code == "unpinned"}
    assert said == {"arm-cpu.host-model": "info", "arm-cpu.counter-frequency": "info"}


def test_a_guest_moves_to_a_host_that_can_be_lowered_and_comes_back() -> None:
    """And does not move the other way first."""
    small, large = _arm("small", pfr0=0x11), _arm("large", pfr0=0x12, writable=0xFF)
    assert _verdict(small, large).status == "ok"
    blocked = _verdict(large, small)
    assert (blocked.forward.status, blocked.status) == ("blocked", "blocked")
    (finding,) = [f for f in blocked.forward.findings if f.severity == "blocked"]
    assert f"kvm.arm64.register.{_PFR0} (0x12 and 0x11)" in finding.message


def test_a_guest_stays_where_its_processor_is() -> None:
    """MIDR_EL1 is no field that a KVM lowers for QEMU; and of silence nothing follows."""
    assert _verdict(_arm("a"), _arm("b", midr=2)).status == "blocked"
    silent = evolve(_arm("b"), sets={}, values={})
    assert _verdict(_arm("a"), silent).status == "blocked"


def test_a_guest_without_what_its_board_needs_does_not_start() -> None:
    """A host with a GIC-400 only: it is named, with the option that would do instead."""
    lacking = Fact(state="absent", source="ioctl", detail="ENODEV from KVM_CREATE_DEVICE 7")
    host = _arm("board")
    host = evolve(host, facts={**host.facts, "kvm.arm64.vgic-v3": lacking})
    verdict = pa.check(_SHIPPED, _guest(), host, of_qemu=())
    assert verdict.status == "blocked"
    (finding,) = [f for f in verdict.findings if f.severity == "blocked"]
    assert finding.capability == "kvm.arm64.vgic-v3"
    assert "ENODEV from KVM_CREATE_DEVICE 7" in finding.message
