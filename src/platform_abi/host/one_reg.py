"""Registers of a vCPU by their numbers, as every KVM but x86's shows them.

struct kvm_one_reg and struct kvm_reg_list of include/uapi/linux/kvm.h.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from array import array

_GET_ONE_REG = 0x4010AEAB
_SET_ONE_REG = 0x4010AEAC
_GET_REG_LIST = 0xC008AEB0

#: Sizes of registers, by bits 52 to 55 of their number (KVM_REG_SIZE_MASK).
_SIZE_SHIFT = 52
_SIZE_MASK = 0xF

#: A KVM has some hundreds.
_MOST_REGISTERS = 1 << 16


class NoAnswerError(Exception):
    """KVM did not do something that others depend on; the text says what."""


def listed(descriptor: int) -> list[int]:
    """Return the numbers of the registers of a vCPU, sorted.

    Raises OSError where KVM refuses to say, and NoAnswerError where what it says makes no sense.
    """
    count = array("Q", [0])
    try:
        fcntl.ioctl(descriptor, _GET_REG_LIST, count)
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
    if count[0] > _MOST_REGISTERS:
        raise NoAnswerError(f"KVM_GET_REG_LIST: {count[0]} registers")
    found = array("Q", [count[0], *([0] * count[0])])
    fcntl.ioctl(descriptor, _GET_REG_LIST, found)
    return sorted(found[1 : 1 + found[0]])


def read(descriptor: int, name: int) -> int:
    """Return what register *name* of a vCPU holds; raises OSError."""
    words = array("Q", bytes(8 * max(1, (1 << (name >> _SIZE_SHIFT & _SIZE_MASK)) // 8)))
    fcntl.ioctl(descriptor, _GET_ONE_REG, struct.pack("=QQ", name, words.buffer_info()[0]))
    return int.from_bytes(words.tobytes(), "little")


def write(descriptor: int, name: int, value: int) -> None:
    """Write *value* into register *name* of a vCPU, which has 64 bits; raises OSError."""
    words = array("Q", [value])
    fcntl.ioctl(descriptor, _SET_ONE_REG, struct.pack("=QQ", name, words.buffer_info()[0]))
