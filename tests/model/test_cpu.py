"""CPU flags as values: names of registers, bits as manuals write them, names of flags."""

from __future__ import annotations

import pytest

from platform_abi.model.cpu import CpuTable, Grant, is_msr, is_register, spell_bit


@pytest.mark.parametrize(
    ("register", "bit", "spelled"),
    [
        ("kvm.cpuid.00000007.01.eax", 4, "CPUID 7.1.eax[4]"),
        ("kvm.cpuid.80000008.00.ebx", 9, "CPUID 80000008.0.ebx[9]"),
        ("kvm.msr.0000048b", 1, "MSR 48b[1]"),
    ],
)
def test_a_bit_is_written_as_manuals_do(register: str, bit: int, spelled: str) -> None:
    """Leaf, subleaf and register of CPUID, or the number of a model-specific register."""
    assert spelled == spell_bit((register, bit))
    assert is_register(register)
    assert is_msr(register) == spelled.startswith("MSR")


@pytest.mark.parametrize("name", ["", "kvm.cpuid.7.0.eax", "kvm.msr.48b", "kvm.msr-features"])
def test_what_is_no_register_is_told(name: str) -> None:
    """A name of another length or kind is none, and is spelled as it is."""
    assert not is_register(name)
    assert not is_msr(name)
    assert f"{name}[0]" == spell_bit((name, 0))


def test_a_table_knows_flags_by_every_name_and_what_is_granted() -> None:
    """An underscore is a dash; what is no flag has no name."""
    grant = Grant(flags=("pni",), reason="always", source="here")
    table = CpuTable(arch="x86_64", names={"pni": "pni", "sse-3": "pni"}, grants=(grant,))
    assert ["pni", "pni", ""] == [table.flag(name) for name in ("pni", "sse_3", "sse4")]
    assert [grant] == [*table.grants_of("pni")]
    assert [] == [*table.grants_of("avx")]


def test_flags_of_msrs_are_those_that_no_cpuid_register_has() -> None:
    """Each once, whatever else of it is in CPUID."""
    bits = {
        "aes": (("kvm.cpuid.00000001.00.ecx", 25),),
        "its-no": (("kvm.msr.0000010a", 62),),
        "both": (
            ("kvm.msr.0000048b", 1),
            ("kvm.msr.0000048d", 2),
            ("kvm.cpuid.00000007.00.ebx", 5),
        ),
    }
    assert CpuTable(arch="x86_64", bits=bits).of_msrs == ("its-no", "both")
