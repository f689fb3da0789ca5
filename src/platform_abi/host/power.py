"""What a POWER host says of its processor without KVM: its version, its clock, what it can do.

Facts are those that QEMU goes by (target/ppc/kvm.c): the processor version register, PVR, that
/proc/cpuinfo shows, AT_HWCAP of the auxiliary vector, and firmware's device tree, whose numbers
have their highest byte first on every machine.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable

from platform_abi.host.reply import Question, read, say

_CPUINFO = "/proc/cpuinfo"
_CPUS = "/proc/device-tree/cpus"
_AUXV = "/proc/self/auxv"

#: What it says of all processors stands behind hundreds of them.
_LONGEST = 1 << 20

#: By the upper half of the PVR, which POWER it is (arch/powerpc/include/asm/reg.h, PVR_POWER8E).
_LEVELS = {
    0x003F: 7,
    0x004A: 7,  # POWER7+
    0x004B: 8,  # POWER8E
    0x004C: 8,  # POWER8NVL
    0x004D: 8,
    0x004E: 9,
    0x0080: 10,
    0x0082: 11,
}

_AT_HWCAP = 16


def say_processor() -> None:
    """Say the PVR and the frequency of the timebase, in Hz."""
    text = read(_CPUINFO, _LONGEST)
    found = _pvr(text)
    if found is not None:
        say("value", "cpu.pvr", f"{found:08x}")
        if found >> 16 in _LEVELS:
            say("number", "cpu.power", _LEVELS[found >> 16])
    timebase = re.search(r"^timebase\s*: ([0-9]+)$", text, re.MULTILINE)
    if timebase:
        say("number", "cpu.timebase", int(timebase[1]))


def level() -> int | None:
    """Return which POWER the processor is, 9 for POWER9; None where nobody knows it."""
    found = _pvr(read(_CPUINFO, 4096))
    return None if found is None else _LEVELS.get(found >> 16)


def _pvr(text: str) -> int | None:
    said = re.search(r"\(pvr ([0-9a-f]{4}) ([0-9a-f]{4})\)", text)
    return int(said[1] + said[2], 16) if said else None


def decrementer_bits() -> int:
    """Return how many bits firmware says that the decrementer has, 0 where it does not.

    QEMU takes the first processor that it comes to (kvmppc_read_int_cpu_dt).
    """
    for name in sorted(os.listdir(_CPUS)):  # noqa: PTH208 - see reply.read
        if name.startswith("PowerPC"):
            try:
                with open(f"{_CPUS}/{name}/ibm,dec-bits", "rb") as file:  # noqa: PTH123 - as above
                    return int.from_bytes(file.read(8), "big")
            except OSError:
                return 0
    return 0


def answer_level(question: Question) -> None:
    """Answer whether the processor is such a POWER, or a later one that can be as one of these."""
    _by_level(question, lambda here: here >= question.argument)


def answer_processor(question: Question) -> None:
    """Answer whether the processor is just such a POWER."""
    _by_level(question, lambda here: here == question.argument)


def _by_level(question: Question, fits: Callable[[int], bool]) -> None:
    here = level()
    if here is None:
        question.unknown(f"{question.node}: no PVR that is known")
    else:
        state = "present" if fits(here) else "absent"
        question.answer(state, "file", f"{question.node}: POWER{here}")


def answer_hwcap(question: Question) -> None:
    """Answer whether AT_HWCAP has all bits of the argument."""
    # Pairs of words of this process' own width and order, until one of type 0.
    with open(_AUXV, "rb") as file:  # noqa: PTH123 - see reply.read
        words = file.read(4096)
    size = struct.calcsize("@LL")
    pairs = dict(struct.iter_unpack("@LL", words[: len(words) // size * size]))
    if _AT_HWCAP not in pairs:
        question.unknown(f"{_AUXV}: no AT_HWCAP")
        return
    found: int = pairs[_AT_HWCAP]
    state = "present" if found & question.argument == question.argument else "absent"
    question.answer(state, "process", f"AT_HWCAP {found:#x}")


METHODS = {
    "ppc-level": answer_level,
    "ppc-processor": answer_processor,
    "ppc-hwcap": answer_hwcap,
}
