"""Namespaces of a throw-away process, in which a probe can make what nobody else sees.

Through the C library, because os.unshare came with Python 3.12 and mount never did. To be called
in a process with one thread that was forked for it, and never in the caller's.
"""

from __future__ import annotations

import ctypes
import os

# include/uapi/linux/sched.h
NEW_MOUNTS = 0x0002_0000
NEW_USERS = 0x1000_0000
NEW_NETWORK = 0x4000_0000

# include/uapi/linux/mount.h
_MS_REC_PRIVATE = 0x4000 | 0x4_0000


def private_network() -> bool:
    """Move this process into a network namespace of its own, and return whether that went well.

    Without the privilege, a user namespace comes with it, in which the process has it.
    """
    for flags in (NEW_NETWORK, NEW_USERS | NEW_NETWORK):
        try:
            unshare(flags)
        except OSError:
            continue
        return True
    return False


def unshare(flags: int) -> None:
    """Move this process into new namespaces, or raise OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(ctypes.c_int(flags)):
        raise OSError(ctypes.get_errno(), "unshare")


def private_mounts() -> None:
    """Keep what is mounted from now on from every other mount namespace, or raise OSError."""
    _mount(None, "/", None, _MS_REC_PRIVATE)


def mount(kind: str, target: str) -> None:
    """Mount a fresh file system of *kind*, or raise OSError."""
    _mount(kind, target, kind, 0)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), None):
        raise OSError(ctypes.get_errno(), f"mount {kind or target}")
