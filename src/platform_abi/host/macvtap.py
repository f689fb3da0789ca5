"""What the tap driver offers behind a macvtap: asked of one that is made for it.

An existing /dev/tapN is never touched. It is the NIC of a running guest, and TUNSETOFFLOAD would
change it under the guest's hands.

The macvtap is made on a tap, in a network namespace of its own. Its character device is found in a
fresh sysfs and opened in a tmpfs that no other mount namespace sees. That takes root's privileges:
a user namespace may neither make device nodes nor open those that root owns.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from socket import if_nametoindex

from platform_abi.host import tun
from platform_abi.host.modules import listed
from platform_abi.host.reply import Question, all_unknown, errno_name, read
from platform_abi.host.rtnetlink import delete_link, make_macvtap
from platform_abi.qemu import namespace

_TUN_NODE = "/dev/net/tun"
_NAME = "abiprobe"

#: A device gets a node in the host's devtmpfs, in whatever network namespace it is, called tapN
#: for interface number N (drivers/net/macvtap.c, macvtap_device_event). Nobody counts up to here,
#: so that it never takes the name from the macvtap of a guest that is starting.
_INDEX = 0x7000_0000


def answer(questions: Sequence[Question]) -> None:
    """Answer *questions*."""
    step = "unshare"
    try:
        namespace.unshare(namespace.NEW_NETWORK | namespace.NEW_MOUNTS)
        step = "mount"
        namespace.private_mounts()
        step = f"opening {_TUN_NODE}"
        lower = os.open(_TUN_NODE, os.O_RDWR | os.O_CLOEXEC)
        step = "TUNSETIFF"
        lower_index = if_nametoindex(tun.make_tap(lower))
    except OSError as error:
        hint = ": a macvtap can be made by root only" if step == "unshare" else ""
        all_unknown(questions, f"{errno_name(error)} from {step}{hint}")
        return
    index = _INDEX + os.getpid()
    try:
        make_macvtap(_NAME, index, lower_index)
    except OSError as error:
        _not_made(questions, error)
        return
    try:
        tun.ask(_open(index), questions)
    except OSError as error:
        all_unknown(questions, f"{errno_name(error)} from opening a macvtap's node")
    finally:
        delete_link(index)


def _not_made(questions: Sequence[Question], error: OSError) -> None:
    """Answer for a kernel that makes no macvtap.

    EOPNOTSUPP alone proves little: the module may be kept from being loaded. It is absent where
    the index of modules has none; what the kernel's configuration says is for others to judge.
    """
    detail = f"{errno_name(error)} from RTM_NEWLINK macvtap"
    if error.errno == errno.EOPNOTSUPP and listed("macvtap") is False:
        for question in questions:
            question.ioctl(False, f"{detail}, no such module")
        return
    all_unknown(questions, detail)


def _open(index: int) -> int:
    """Return a descriptor of the macvtap with interface number *index*, or raise OSError."""
    # Over /dev, which is there everywhere. Nothing but this process sees it.
    namespace.mount("tmpfs", "/dev")
    os.mkdir("/dev/sys")  # noqa: PTH102 - see reply.read
    namespace.mount("sysfs", "/dev/sys")
    major, _, minor = read(f"/dev/sys/class/net/{_NAME}/macvtap/tap{index}/dev").partition(":")
    device = os.makedev(int(major), int(minor))
    os.mknod("/dev/tap", stat.S_IFCHR | 0o600, device)
    return os.open("/dev/tap", os.O_RDWR | os.O_CLOEXEC)
