"""Namespaces of a throw-away process: nobody sees what it makes, and what there is stays as it is.

Through the C library, because os.unshare came with Python 3.12 and mount never did. To be called
in a process with one thread that was forked for it, and never in the caller's.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct

# include/uapi/linux/sched.h
NEW_MOUNTS = 0x0002_0000
NEW_USERS = 0x1000_0000
NEW_PROCESSES = 0x2000_0000
NEW_NETWORK = 0x4000_0000

# include/uapi/linux/mount.h
_MS_NOSUID_NODEV = 0x2 | 0x4
_MS_BIND = 0x1000
_MS_PRIVATE = 0x4_0000
_MS_REC_PRIVATE = 0x4000 | _MS_PRIVATE
_MOUNT_ATTR_RDONLY = 0x1

#: mount_setattr(2), since Linux 5.12; one number on every architecture but alpha.
_MOUNT_SETATTR = 442
#: include/uapi/linux/fcntl.h
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000

# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def _c() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


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
    if _c().unshare(ctypes.c_int(flags)):
        raise OSError(ctypes.get_errno(), "unshare")


def as_root(user: int, group: int) -> None:
    """Be root in the user namespace that was just made: *user* and *group* outside of it."""
    for file, text in (
        ("setgroups", "deny"),  # without it no group may be mapped (user_namespaces(7))
        ("uid_map", f"0 {user} 1"),
        ("gid_map", f"0 {group} 1"),
    ):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as stream:  # noqa: PTH123 - start-up time
            stream.write(text)


def private_mounts() -> None:
    """Keep what is mounted from now on from every other mount namespace, or raise OSError."""
    _mount(None, "/", None, _MS_REC_PRIVATE)


def read_only(writable: str = "") -> None:
    """Let nothing that is mounted be written to but what is below *writable*, or raise OSError.

    Device nodes can still be opened, and sockets connected to: a mount has no say in that.
    """
    if writable:
        _mount(writable, writable, None, _MS_BIND)
    _set_attributes("/", _AT_RECURSIVE, on=_MOUNT_ATTR_RDONLY)
    if writable:
        _set_attributes(writable, 0, off=_MOUNT_ATTR_RDONLY)


def _set_attributes(target: str, flags: int, *, on: int = 0, off: int = 0) -> None:
    # struct mount_attr: what to set, what to clear, propagation, a user namespace.
    wanted = struct.pack("=QQQQ", on, off, _MS_PRIVATE, 0)
    place, size = ctypes.c_char_p(os.fsencode(target)), ctypes.c_long(len(wanted))
    numbers = [ctypes.c_long(number) for number in (_MOUNT_SETATTR, _AT_FDCWD, flags)]
    if _c().syscall(*numbers[:2], place, numbers[2], ctypes.c_char_p(wanted), size):
        raise OSError(ctypes.get_errno(), "mount_setattr")


def mount(kind: str, target: str, options: str = "") -> None:
    """Mount a fresh file system of *kind*, or raise OSError."""
    _mount(kind, target, kind, 0, options)


def scratch(target: str, options: str) -> None:
    """Mount a fresh tmpfs that holds files only, or raise OSError."""
    _mount("tmpfs", target, "tmpfs", _MS_NOSUID_NODEV, options)


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str = ""
) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    if _c().mount(*words, ctypes.c_ulong(flags), os.fsencode(options) or None):
        raise OSError(ctypes.get_errno(), f"mount {kind or target}")


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it dies.

    Nothing is said of one that is dead already: whoever calls this has to look afterwards.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def gain_nothing() -> None:
    """Let no program that is executed from now on have more privileges than this process."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, value: int) -> None:
    prctl = getattr(_c(), "prctl", None)
    if prctl is not None:  # Linux has it
        prctl(ctypes.c_int(option), *map(ctypes.c_ulong, (value, 0, 0, 0)))
