"""What the tun driver offers behind a tap: asked of a tap that lives as long as the question.

The tap is made in a network namespace of its own wherever the kernel allows one, so that nothing
on the host sees it come and go. Only where that is refused it is made in the host's, and the
details say so.
"""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Sequence

from platform_abi.host.nodes import opened
from platform_abi.host.reply import Question, all_unknown, errno_name, number
from platform_abi.host.requests import request
from platform_abi.qemu.namespace import private_network

# include/uapi/linux/if_tun.h
_TUNSETIFF = request(0x400454CA)
_IFF_TAP_NO_PI_VNET_HDR = 0x0002 | 0x1000 | 0x4000

#: The questions that a node answers without an interface.
_WITHOUT_INTERFACE = "tun-features"


def answer(questions: Sequence[Question]) -> None:
    """Answer *questions*, which are all about one node."""
    # Before opening: a descriptor belongs to the namespace that it was opened in (tun_chr_open).
    place = "" if private_network() else ", in the host's network namespace"
    descriptor = opened(questions)
    if descriptor is None:
        return
    ask(descriptor, [q for q in questions if q.method == _WITHOUT_INTERFACE])
    rest = [q for q in questions if q.method != _WITHOUT_INTERFACE]
    try:
        make_tap(descriptor)
    except OSError as error:
        all_unknown(rest, f"{errno_name(error)} from TUNSETIFF{place}")
        return
    ask(descriptor, rest, place)


def make_tap(descriptor: int) -> str:
    """Make a tap with a vnet header that goes when *descriptor* does, and return its name.

    The kernel chooses the number that stands for %d, so it is nobody else's.
    """
    request = struct.pack("16sH22x", b"abiprobe%d", _IFF_TAP_NO_PI_VNET_HDR)
    name: bytes = fcntl.ioctl(descriptor, _TUNSETIFF, request)[:16]
    return name.rstrip(b"\0").decode()


def ask(descriptor: int, questions: Sequence[Question], place: str = "") -> None:
    """Answer *questions* about the tap or macvtap behind *descriptor*; *place* ends each detail."""
    for question in questions:
        name = _NAMES.get(question.method, question.symbol) + f" {number(question.argument)}"
        try:
            found = _METHODS[question.method](descriptor, question)
        except OSError as error:
            question.refused(error, f"{name}{place}")
        else:
            question.ioctl(found, f"{name}{place}")


def _features(descriptor: int, question: Question) -> bool:
    word = fcntl.ioctl(descriptor, question.request, bytes(4))
    found: int = struct.unpack("=I", word)[0]
    return found & question.argument == question.argument


def _offload(descriptor: int, question: Question) -> bool:
    # The bits are the argument itself, not what it points to.
    fcntl.ioctl(descriptor, question.request, question.argument)
    return True


def _integer(descriptor: int, question: Question) -> bool:
    fcntl.ioctl(descriptor, question.request, struct.pack("=i", question.argument))
    return True


_METHODS = {"tun-features": _features, "tun-offload": _offload, "tun-ioctl": _integer}
_NAMES = {"tun-features": "TUNGETFEATURES", "tun-offload": "TUNSETOFFLOAD"}
