"""Numbers of ioctl requests, as the kernel of a machine has them.

Definitions and this package write them as x86 has them, and almost every other architecture:
direction, size, type and number of include/uapi/asm-generic/ioctl.h. POWER has three bits for the
direction and thirteen for the size (arch/powerpc/include/uapi/asm/ioctl.h).
"""

from __future__ import annotations

import os

#: By the generic direction (none, write, read, both), the one of POWER.
_WAYS_OF_POWER = (1, 4, 2, 6)

#: What uname(2) calls the machines of POWER, in either order of bytes, begins so.
_POWER = "ppc"


def request_of(machine: str, request: int) -> int:
    """Return the number that *machine*, as uname(2) says it, has for what x86 calls *request*."""
    if not machine.startswith(_POWER):
        return request
    return _WAYS_OF_POWER[request >> 30 & 3] << 29 | request & 0x1FFF_FFFF


def request(number: int) -> int:
    """Return the number that this machine has for what x86 calls *number*."""
    return request_of(_HERE, number)


_HERE = os.uname().machine if hasattr(os, "uname") else ""
