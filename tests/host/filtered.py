"""A Python that may not make one system call: ``filtered.py NUMBER REQUEST ACTION ARGUMENT...``.

It installs a seccomp filter, as container runtimes do, and becomes the interpreter with ARGUMENTs.
NUMBER is the system call's on x86_64. Where REQUEST is not 0, only calls with that second argument
are meant. ACTION is what becomes of the caller: see seccomp(2) and linux/bpf_common.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

_LOAD, _UNLESS, _RETURN = 0x20, 0x15, 0x06
_SECOND_ARGUMENT = 24  # in struct seccomp_data, of a little-endian machine
_ALLOW = 0x7FFF0000

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def _code(number: int, request: int, action: int) -> bytes:
    steps = [(_LOAD, 0, 0), (_UNLESS, 3 if request else 1, number)]
    if request:
        steps += [(_LOAD, 0, _SECOND_ARGUMENT), (_UNLESS, 1, request)]
    steps += [(_RETURN, 0, action), (_RETURN, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", step, 0, skip, value) for step, skip, value in steps)


def main() -> None:
    """Install the filter and become the interpreter."""
    code = _code(*(int(word, 0) for word in sys.argv[1:4]))
    kept = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0
    os.execv(sys.executable, [sys.executable, *sys.argv[4:]])


if __name__ == "__main__":
    main()
