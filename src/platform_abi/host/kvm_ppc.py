"""What KVM shows on POWER: HV or PR, how speculation is contained, pages, and the decrementer.

Requests, sizes and names are those of include/uapi/linux/kvm.h and of the same file of POWER,
arch/powerpc/include/uapi/asm/kvm.h. What a level of a capability takes is QEMU's own reading
(target/ppc/kvm.c, parse_cap_ppc_*, and hw/ppc/spapr_caps.c). No vCPU is made.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Sequence

from platform_abi.host.power import decrementer_bits, level
from platform_abi.host.reply import Question, all_unknown, say
from platform_abi.host.requests import request

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    #: Bits that are there, and bits that are known not to be.
    Bits = tuple[int, int]

_CREATE_VM = request(0xAE01)
_CHECK_EXTENSION = request(0xAE03)
_GET_RMMU_INFO = request(0x4060AEB0)

_CAP_GET_CPU_CHAR = 151

# Of struct kvm_ppc_cpu_char: what the processor is like, and how software should behave.
_BARRIER_ORI31 = 1 << 63
_BRANCH_SERIALISED = 1 << 62
_FLUSH_ORI30 = 1 << 61
_FLUSH_TRIG2 = 1 << 60
_THREAD_PRIVATE = 1 << 59
_CACHE_DISABLED = 1 << 56
_FLUSH_ASSIST = 1 << 54
_WANTS_FLUSH = 1 << 62
_WANTS_BARRIER = 1 << 61
_WANTS_CACHE_FLUSH = 1 << 58

# struct kvm_ppc_smmu_info: a guest's pages are real ones of the host.
_PAGE_SIZES_REAL = 1

#: The fourth level of indirect branches, with which the assist does no harm where there is none.
_FIXED_CCD = 3

_POWER8 = 8

#: struct kvm_ppc_rmmu_info: eight geometries, then eight words with a page's shift in them.
_RMMU = "=64x8I"
_SHIFT = 0x1FFF_FFFF


class PowerVm:
    """A virtual machine for asking, and the /dev/kvm that it is of."""

    def __init__(self, system: int, machine: int) -> None:
        self._system = system
        self._machine = machine

    def answer(self, questions: Sequence[Question]) -> None:
        """Answer *questions*, each by its method."""
        for question in questions:
            try:
                _METHODS[question.method](self, question)
            except OSError as error:
                question.refused(error, question.symbol)

    def kind(self, question: Question) -> None:
        """Answer whether there are virtual machines of a type: 1 is HV, 2 is PR."""
        name = f"KVM_CREATE_VM of type {question.argument}"
        try:
            os.close(fcntl.ioctl(self._system, question.request, question.argument))
        except OSError as error:
            question.refused(error, name)
        else:
            question.ioctl(True, name)

    def characteristics(self, question: Question) -> None:
        """Answer whether a capability, bits 8 and up of the argument, reaches the level below."""
        if not self._extension(_CAP_GET_CPU_CHAR):
            question.ioctl(False, f"KVM_CAP {_CAP_GET_CPU_CHAR}")
            return
        words = fcntl.ioctl(self._machine, question.request, bytes(32))
        character, behaviour, known, meant = struct.unpack("=QQQQ", words)
        say("value", "kvm.ppc.character", f"{character & known:#x}")
        say("value", "kvm.ppc.behaviour", f"{behaviour & meant:#x}")
        here = _LEVELS[question.argument >> 8](
            (character & known, ~character & known), (behaviour & meant, ~behaviour & meant)
        )
        wanted = question.argument & 0xFF
        question.ioctl(here >= wanted, f"{question.symbol}: level {here}, asked for {wanted}")

    def hash_page(self, question: Question) -> None:
        """Answer whether a guest with a hashed page table can have pages of so many bytes.

        HV has them be real pages of the host (spapr_check_pagesize); memory that is made of huge
        ones has these.
        """
        words = fcntl.ioctl(self._machine, question.request, bytes(592))
        flags: int = struct.unpack_from("=Q", words)[0]
        own = os.sysconf("SC_PAGE_SIZE")
        free = not flags & _PAGE_SIZES_REAL
        detail = f"{question.symbol}: flags {flags:#x}, pages of {own} bytes"
        question.ioctl(free or own >= question.argument, detail)

    def decrementer(self, question: Question) -> None:
        """Answer whether the decrementer has so many bits; with an upper half, of such a POWER."""
        if self._spared(question):
            return
        bits = decrementer_bits()
        state = "present" if bits == question.argument & 0xFFFF else "absent"
        question.answer(state, "file", f"ibm,dec-bits {bits}")

    def since_level(self, question: Question) -> None:
        """Answer whether there is an extension, of a POWER from the argument's upper half on."""
        if not self._spared(question):
            number = question.argument & 0xFFFF
            question.ioctl(self._extension(number) > 0, f"KVM_CAP {number}")

    def _spared(self, question: Question) -> bool:
        """Answer where the processor is older than what is asked for, or not known."""
        since = question.argument >> 16
        here = level() if since else 0
        if here is None:
            question.unknown("/proc/cpuinfo: no PVR that is known")
        elif here < since:
            question.answer("present", "file", f"a POWER{here} is not asked for it")
        else:
            return False
        return True

    def radix(self, question: Question) -> None:
        """Answer whether guests have radix trees, and say of which pages, as powers of 2."""
        number = question.argument
        there = self._extension(number) > 0
        shifts = []
        if there:
            words = fcntl.ioctl(self._machine, _GET_RMMU_INFO, bytes(struct.calcsize(_RMMU)))
            shifts = sorted({word & _SHIFT for word in struct.unpack(_RMMU, words) if word})
        say("value", "kvm.ppc.radix-pages", " ".join(map(str, shifts)) or "none")
        question.ioctl(there, f"KVM_CAP {number}")

    def _extension(self, number: int) -> int:
        return fcntl.ioctl(self._machine, _CHECK_EXTENSION, number)


def _cache(character: Bits, behaviour: Bits) -> int:
    """Return the level of cap-cfpc: 2 fixed, 1 workaround, 0 broken (SPAPR_CAP_*)."""
    if behaviour[1] & _WANTS_FLUSH:
        return 2
    private = level() == _POWER8 or character[0] & _THREAD_PRIVATE
    return int(bool(private and character[0] & (_FLUSH_ORI30 | _FLUSH_TRIG2)))


def _bounds(character: Bits, behaviour: Bits) -> int:
    """Return the level of cap-sbbc: 2 fixed, 1 workaround, 0 broken."""
    if behaviour[1] & _WANTS_BARRIER:
        return 2
    return int(bool(character[0] & _BARRIER_ORI31))


def _branches(character: Bits, behaviour: Bits) -> int:
    """Return the level of cap-ibs: 4 fixed-na, 3 fixed-ccd, 2 fixed-ibs, 1 workaround, 0 broken."""
    if behaviour[0] & _WANTS_CACHE_FLUSH:
        return 1
    if character[0] & _CACHE_DISABLED:
        return _FIXED_CCD
    if character[0] & _BRANCH_SERIALISED:
        return 2
    # Not applicable is only what firmware knows to be so, in all three.
    without = _CACHE_DISABLED | _BRANCH_SERIALISED
    return 4 if behaviour[1] & _WANTS_CACHE_FLUSH and character[1] & without == without else 0


def _assist(character: Bits, behaviour: Bits) -> int:
    """Return the level of cap-ccf-assist, which a host without a count cache takes all the same."""
    there = bool(character[0] & _FLUSH_ASSIST)
    return int(there or _branches(character, behaviour) == _FIXED_CCD)


_LEVELS = {1: _cache, 2: _bounds, 3: _branches, 4: _assist}

_METHODS = {
    "kvm-ppc-type": PowerVm.kind,
    "kvm-ppc-characteristics": PowerVm.characteristics,
    "kvm-ppc-hash-page": PowerVm.hash_page,
    "kvm-ppc-decrementer": PowerVm.decrementer,
    "kvm-ppc-since-level": PowerVm.since_level,
    "kvm-ppc-radix": PowerVm.radix,
}


def answer(system: int, machine: int, refusal: str, questions: Sequence[Question]) -> None:
    """Answer *questions* of a *machine*, or with why there is none."""
    if refusal:
        all_unknown(questions, refusal)
    else:
        PowerVm(system, machine).answer(questions)
