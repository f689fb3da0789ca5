"""How probes spell a bit of CPUID, and which registers are offers bit by bit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.host.cpuid import (
    FEATURE_REGISTERS,
    NUMBERS,
    bit_name,
    bit_of,
    mask_name,
    msr_name,
)
from platform_abi.model.cpu import is_msr

leaves = st.integers(0, 0xFFFF_FFFF)
bytes_ = st.integers(0, 0xFF)


@given(leaves, bytes_, st.integers(0, 3), st.integers(0, 31))
def test_an_argument_spells_one_bit(leaf: int, subleaf: int, register: int, bit: int) -> None:
    """Digits 8, 2, 1 and 2 of a probe's argument are leaf, subleaf, register and bit."""
    argument = int(f"{leaf:08x}{subleaf:02x}{register:x}{bit:02x}", 16)
    assert bit_of(argument) == ((leaf, subleaf, register), bit)


def test_names_are_those_of_reports_and_manuals() -> None:
    """A mask is named by leaf, subleaf and register; a bit is written as manuals do."""
    assert mask_name((0x7, 0, 1)) == "kvm.cpuid.00000007.00.ebx"
    assert bit_name(*bit_of(0x4000_0001_00_0_0E)) == "CPUID 40000001.0.eax[14]"


def test_what_capabilities_ask_for_is_an_offer_or_known_as_a_number(
    catalogue: pa.FileCatalogue,
) -> None:
    """Every register that a KVM capability asks for is compared bit by bit, or known not to be."""
    asked = {
        bit_of(c.probe.argument)[0]
        for c in catalogue.capabilities().values()
        if c.probe is not None and c.probe.method == "kvm-cpuid"
    }
    assert asked <= FEATURE_REGISTERS | NUMBERS
    assert not FEATURE_REGISTERS & NUMBERS


def test_every_register_that_has_a_cpu_flag_is_in_reports(catalogue: pa.FileCatalogue) -> None:
    """What a flag is looked up in, a probe has to write down."""
    registers = {
        register for places in catalogue.cpus()["x86_64"].bits.values() for register, _ in places
    }
    asked = {mask_name(register) for register in FEATURE_REGISTERS}
    assert {name for name in registers if not is_msr(name)} <= asked
    assert msr_name(0x48B) in registers
