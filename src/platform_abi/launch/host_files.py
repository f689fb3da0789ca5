"""Files of this host that a virtual machine is made of: how large they are to a guest."""

from __future__ import annotations

import os
import stat
import sys

#: What a qcow2 image begins with, and where in it the size of its content is (docs/interop/qcow2).
_QCOW2 = b"QFI\xfb"
_SIZE = slice(24, 32)

#: Huge pages' file system (linux/magic.h, HUGETLBFS_MAGIC; its block size is the page's).
_HUGE = "hugetlbfs"

_MOUNTS = "/proc/self/mountinfo"


#: include/uapi/linux/if_tun.h: TUNGETIFF, and of what it answers the flag behind each option; where
#: in struct ifreq these are (linux/if.h).
_TUNGETIFF = 0x800454D2
_FLAGS = {"vnet_hdr": 0x4000}
_IFREQ, _AT = 40, slice(16, 18)
#: The device of /dev/net/tun (include/linux/miscdevice.h, MISC_MAJOR and TUN_MINOR).
_TUN = os.makedev(10, 200)


class ThisHostFiles:
    """What stat and the first bytes of an image say; None is what this process may not see.

    With *handed_on* the descriptors of this process are those that QEMU will have.
    """

    def __init__(self, *, handed_on: bool = False) -> None:
        self._handed_on = handed_on

    def size(self, name: str) -> int | None:
        """Return how many bytes a guest sees of the image called *name*."""
        try:
            # A pipe must not make this wait, nor a terminal become this process' own.
            opened = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except (OSError, ValueError):  # ValueError: a name that no file can have
            return None
        try:
            found = os.fstat(opened)
            head = os.read(opened, _SIZE.stop) if stat.S_ISREG(found.st_mode) else None
        except OSError:
            return None
        finally:
            os.close(opened)
        if head is None:
            return None
        return int.from_bytes(head[_SIZE]) if head.startswith(_QCOW2) else found.st_size

    def page_size(self, name: str) -> int | None:
        """Return the size of the huge pages that *name* is made of, 0 where it is of none."""
        folder = name
        try:
            while not os.path.exists(folder):  # noqa: PTH110 - QEMU makes a file that is not there
                folder = os.path.dirname(folder) or os.curdir  # noqa: PTH120
            device = os.stat(folder).st_dev  # noqa: PTH116
            with open(_MOUNTS, encoding="utf-8", errors="replace") as stream:  # noqa: PTH123 - start-up time
                kinds = {row[2]: row[row.index("-") + 1] for row in map(str.split, stream)}
            wanted = f"{os.major(device)}:{os.minor(device)}"
            return os.statvfs(folder).f_bsize if kinds.get(wanted) == _HUGE else 0
        except (OSError, ValueError, IndexError):
            return None

    def tap_option(self, option: str, descriptor: str) -> bool | None:
        """Return whether the tap behind *descriptor* has *option*, as QEMU asks it.

        That is tap_probe_vnet_hdr of QEMU's net/tap-linux.c. None where this process does not have
        it, where it is called by a name that a monitor gave it, and for what is no tap.
        """
        flag, answer = _FLAGS.get(option), self._asked(descriptor)
        if flag is None or answer is None:
            return None
        return bool(int.from_bytes(answer[_AT], sys.byteorder) & flag)

    def is_tun(self, descriptor: str) -> bool | None:
        """Return whether the tap behind *descriptor* is one of /dev/net/tun.

        A macvtap or an ipvtap answers the same, and is a device of its own (drivers/net/tap.c).
        None as for ``tap_option``.
        """
        if self._asked(descriptor) is None:
            return None
        return os.fstat(int(descriptor)).st_rdev == _TUN

    def _asked(self, descriptor: str) -> bytes | None:
        """Return what the tap behind *descriptor* says of itself, None where nobody can ask it."""
        if not self._handed_on or not descriptor.isdecimal():
            return None
        import fcntl

        from platform_abi.host.requests import request

        try:
            return fcntl.ioctl(int(descriptor), request(_TUNGETIFF), bytes(_IFREQ))
        except (OSError, ValueError, OverflowError):
            return None
