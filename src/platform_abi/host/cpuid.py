"""Registers of CPUID of which each bit is an offer, so that two hosts can be compared bit by bit.

Those are the feature words of QEMU (target/i386/cpu.c, feature_word_info). Left out is what counts
or identifies instead of offering: APIC ids and topology (1.EBX, 4, 0xB, 0x1F, 0x8000001E), the
signature (1.EAX), serial and brand, sizes (0x80000008.EAX), versions, positions and numbers of
counters. A register that a capability asks for is added to these by whoever asks.
"""

from __future__ import annotations

REGISTERS = ("eax", "ebx", "ecx", "edx")

# Type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    #: (leaf, subleaf, register: 0 to 3 for EAX, EBX, ECX, EDX)
    Register = tuple[int, int, int]

FEATURE_REGISTERS: frozenset[Register] = frozenset(
    {
        *((0x1, 0, 2), (0x1, 0, 3)),
        (0x6, 0, 0),
        *((0x7, 0, 1), (0x7, 0, 2), (0x7, 0, 3)),
        *((0x7, 1, 0), (0x7, 1, 2), (0x7, 1, 3), (0x7, 2, 3)),
        *((0xD, 0, 0), (0xD, 0, 3), (0xD, 1, 0), (0xD, 1, 2), (0xD, 1, 3)),  # XCR0 and IA32_XSS
        *((0x12, 0, 0), (0x12, 0, 1), (0x12, 1, 0)),  # SGX
        *((0x14, 0, 1), (0x14, 0, 2)),  # Intel PT
        (0x1E, 1, 0),  # AMX
        *((0x24, 0, 1), (0x24, 1, 2)),  # AVX10, whose version stands in the low byte of EBX
        (0x29, 0, 1),  # APX
        *((0x4000_0001, 0, 0), (0x4000_0001, 0, 3)),  # KVM's own
        *((0x8000_0001, 0, 2), (0x8000_0001, 0, 3)),
        *((0x8000_0007, 0, 1), (0x8000_0007, 0, 3)),
        (0x8000_0008, 0, 1),
        (0x8000_000A, 0, 3),  # SVM
        (0x8000_001F, 0, 0),  # SEV
        *((0x8000_0021, 0, 0), (0x8000_0021, 0, 2)),
        (0x8000_0022, 0, 0),
        (0xC000_0001, 0, 3),  # VIA
    }
)

#: Registers that capabilities ask for a bit of, although they are numbers: widths of addresses.
NUMBERS: frozenset[Register] = frozenset({(0x8000_0008, 0, 0)})


def mask_name(register: Register) -> str:
    """Return what a report calls *register*."""
    leaf, subleaf, number = register
    return f"kvm.cpuid.{leaf:08x}.{subleaf:02x}.{REGISTERS[number]}"


def msr_name(number: int) -> str:
    """Return what a report calls the value of the feature MSR *number*."""
    return f"kvm.msr.{number:08x}"


def bit_of(argument: int) -> tuple[Register, int]:
    """Return the register and the bit that a probe's argument spells.

    It is leaf_subleaf_register_bit in hexadecimal, of 8, 2, 1 and 2 digits.
    """
    return (argument >> 20, argument >> 12 & 0xFF, argument >> 8 & 0x3), argument & 0x1F


def bit_name(register: Register, bit: int) -> str:
    """Return a bit as manuals write it: ``CPUID 7.1.edx[4]``."""
    leaf, subleaf, number = register
    return f"CPUID {leaf:x}.{subleaf:x}.{REGISTERS[number]}[{bit}]"
