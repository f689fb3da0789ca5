"""The processor of a paused mainframe, which carries out a few instructions and stops again.

Its channels are reached by instructions and by nothing else, no memory and no port, so what a guest
would find is only found by a processor. It gets a few straight-line instructions, by a restart
(z/Architecture Principles of Operation, "Restart"), and no loop: QEMU carries a channel program out
before the instruction ends that starts it (hw/s390x/css.c, do_subchannel_work_virtual).
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Protocol

from platform_abi.model.value import frozen
from platform_abi.qemu.qtest import Accesses, QtestError


class Monitor(Protocol):
    """The monitor of a QEMU, which lets its processors go on."""

    def execute(self, command: str, **arguments: object) -> Any:
        """Return the answer to a command, and raise HostError for none."""
        ...


class Code(IntEnum):
    """Instructions that name a subchannel in register 1 and a place in memory by register 2."""

    MODIFY = 0xB232
    START = 0xB233
    STORE = 0xB234
    TEST = 0xB235


@frozen(kw_only=True)
class Instruction:
    """One instruction for a *subchannel*; its words are in memory at *place*."""

    code: Code
    subchannel: int
    place: int


#: Where in RAM all that is: above what a restart and interrupts take, below every ring.
_CODE = 0x100000
_CONDITIONS = 0xF0000
_DONE, _WAIT = 0xEFFF0, 0xEFFE0
#: Room for so many condition codes, and four times as much code as all of them take.
MOST = 1024

#: Where a restart takes the program status from.
_RESTART_NEW = 0x1A0
#: A program status: 64-bit addresses, no interrupts; and waiting for one that never comes.
_RUNNING, _WAITING = 0x0000_0001_8000_0000, 0x0102_0001_8000_0000

# load logical immediate of a register; insert program mask; store; load halfword immediate; load
# program status extended.
_LLILF, _IPM, _ST, _LHI, _LPSWE = 0xC00F, 0xB222, 0x50, 0xA708, 0xB2B2
_SUBCHANNEL, _PLACE, _CONDITION, _STORED = 1, 2, 5, 6


class Processor:
    """The first processor of a paused machine with a *guest*'s memory, and who lets it go on.

    *timeout* in seconds bounds each batch.
    """

    def __init__(self, guest: Accesses, monitor: Monitor, *, timeout: float) -> None:
        self.guest = guest
        self._monitor = monitor
        self._timeout = timeout

    def run(self, instructions: Sequence[Instruction]) -> list[int]:
        """Carry *instructions* out, at most ``MOST``, and return the condition code of each.

        The machine is paused again afterwards. Raises QtestError where it does not get that far.
        """
        guest = self.guest
        code = b"".join(_made(each, index) for index, each in enumerate(instructions))
        guest.write(_CODE, code + _end())
        guest.write(_DONE, bytes(4))
        guest.write(_WAIT, struct.pack(">QQ", _WAITING, 0))
        guest.write(_RESTART_NEW, struct.pack(">QQ", _RUNNING, _CODE))
        self._monitor.execute("inject-nmi")
        self._monitor.execute("cont")
        self._await(len(instructions))
        self._monitor.execute("stop")
        # The program mask's byte of a register has the code in its third and fourth bit.
        stored = guest.read(_CONDITIONS, 4 * len(instructions))
        return [byte >> 4 & 3 for byte in stored[::4]]

    def _await(self, number: int) -> None:
        deadline = time.monotonic() + self._timeout
        while not any(self.guest.read(_DONE, 4)):
            if time.monotonic() > deadline:
                raise QtestError(
                    f"the processor did not carry out {number} instructions in {self._timeout:g} s",
                    code="qemu-timeout",
                    help="the host may be busy: allow it more time",
                )


def _made(instruction: Instruction, index: int) -> bytes:
    """Return the code of one instruction that keeps its condition code."""
    return b"".join(
        [
            _loaded(_SUBCHANNEL, instruction.subchannel),
            _loaded(_PLACE, instruction.place),
            struct.pack(">HH", instruction.code, _PLACE << 12),
            struct.pack(">HH", _IPM, _CONDITION << 4),
            _store(_CONDITIONS + 4 * index),
        ]
    )


def _end() -> bytes:
    """Return the code that says that all is done, and waits."""
    done = struct.pack(">Hh", _LHI | _CONDITION << 4, 1)
    wait = struct.pack(">HH", _LPSWE, _PLACE << 12)
    return done + _store(_DONE) + _loaded(_PLACE, _WAIT) + wait


def _loaded(register: int, value: int) -> bytes:
    return struct.pack(">HI", _LLILF | register << 4, value)


def _store(place: int) -> bytes:
    store = struct.pack(">BBH", _ST, _CONDITION << 4, _STORED << 12)
    return _loaded(_STORED, place) + store
