"""The two messages of rtnetlink(7) that make a macvtap and take it away again."""

from __future__ import annotations

import os
import socket
import struct

# include/uapi/linux/netlink.h, rtnetlink.h, if_link.h
_REQUEST_ACK = 0x01 | 0x04
_CREATE_EXCLUSIVE = 0x200 | 0x400
_NLMSG_ERROR = 2
_NEWLINK, _DELLINK = 16, 17
_IFLA_IFNAME, _IFLA_LINK, _IFLA_LINKINFO, _IFLA_INFO_KIND = 3, 5, 18, 1

_HEADER = struct.Struct("=IHHII")
_IFINFO = struct.Struct("=BxHiII")


def make_macvtap(name: str, index: int, lower: int) -> None:
    """Make macvtap *name*, with interface number *index*, on interface number *lower*.

    Raises OSError with the kernel's answer; EOPNOTSUPP is that it has no such kind of interface
    and could not load one (net/core/rtnetlink.c, __rtnl_newlink).
    """
    kind = _attribute(_IFLA_INFO_KIND, b"macvtap")
    attributes = (
        _attribute(_IFLA_IFNAME, name.encode() + b"\0")
        + _attribute(_IFLA_LINK, struct.pack("=I", lower))
        + _attribute(_IFLA_LINKINFO, kind)
    )
    _transact(_NEWLINK, _CREATE_EXCLUSIVE, _IFINFO.pack(0, 0, index, 0, 0) + attributes)


def delete_link(index: int) -> None:
    """Take interface number *index* away, or raise OSError."""
    _transact(_DELLINK, 0, _IFINFO.pack(0, 0, index, 0, 0))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _transact(kind: int, flags: int, body: bytes) -> None:
    """Send one message and wait for its acknowledgement."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as route:
        route.sendto(
            _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_ACK | flags, 1, 0) + body, (0, 0)
        )
        answer = route.recv(65536)
    _, answered, _, _, _ = _HEADER.unpack_from(answer)
    if answered != _NLMSG_ERROR:
        raise OSError(0, "rtnetlink")
    code: int = struct.unpack_from("=i", answer, _HEADER.size)[0]
    if code:
        raise OSError(-code, os.strerror(-code))
