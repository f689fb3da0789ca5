"""Device nodes of their own, vhost's above all: opened, and asked what they offer.

Opening a node may make the kernel load its driver, as QEMU's opening it would. A descriptor of
vhost is fresh and never gets an owner: no thread is made and nothing is set up.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Sequence

from platform_abi.host.modules import node_hint
from platform_abi.host.reply import Question, all_unknown, errno_name, number, read
from platform_abi.host.requests import request

# include/uapi/linux/vhost.h
_VHOST_GET_FEATURES = request(0x8008AF00)

_GROUP_MAY = stat.S_IRGRP | stat.S_IWGRP


def answer(questions: Sequence[Question]) -> None:
    """Answer *questions*, which are all about one node."""
    descriptor = opened(questions)
    if descriptor is None:
        return
    for question in questions:
        _METHODS[question.method](descriptor, question)


def opened(questions: Sequence[Question]) -> int | None:
    """Return a descriptor of the node that *questions* are about, or answer all and return None."""
    node = questions[0].node
    try:
        descriptor = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        _refused(questions, node, error)
        return None
    if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
        all_unknown(questions, f"{node}: no character device")
        os.close(descriptor)
        return None
    return descriptor


def _refused(questions: Sequence[Question], node: str, error: OSError) -> None:
    detail = f"{node}: {errno_name(error)}"
    if error.errno in {errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR}:
        detail += node_hint(node)
        for question in questions:
            question.answer("absent", "file", detail)
        return
    if error.errno in {errno.EACCES, errno.EPERM}:
        detail += _group_hint(node)
    elif error.errno == errno.EBUSY:
        detail += ", in use"
    all_unknown(questions, detail)


def _group_hint(node: str) -> str:
    """Return the name of the group that may open *node*, if there is one."""
    try:
        found = os.stat(node)  # noqa: PTH116 - see reply.read
        if found.st_gid == 0 or found.st_mode & _GROUP_MAY != _GROUP_MAY:
            return ""
        # Not the grp module: a name service may ask the network.
        for line in read("/etc/group", 1 << 20).splitlines():
            words = line.split(":")
            if len(words) > 2 and words[2] == str(found.st_gid):  # noqa: PLR2004 - group(5)
                return f", group {words[0]} may"
    except OSError:
        pass
    return ""


def _device_node(_descriptor: int, question: Question) -> None:
    question.answer("present", "file", f"{question.node} opened")


def _ioctl(descriptor: int, question: Question) -> None:
    name = f"{question.symbol} {number(question.argument)}"
    try:
        fcntl.ioctl(descriptor, question.request, question.argument)
    except OSError as error:
        detail = f"{errno_name(error)} from {name}"
        if error.errno in {errno.EPERM, errno.EACCES}:
            question.unknown(detail)
        else:
            question.ioctl(error.errno != errno.ENOTTY, detail)
    else:
        question.ioctl(True, name)


def _vhost_ioctl(descriptor: int, question: Question) -> None:
    name = f"{question.symbol} {number(question.argument)}"
    argument = struct.pack("=q", question.argument)
    try:
        fcntl.ioctl(descriptor, question.request, argument)
    except OSError as error:
        detail = f"{errno_name(error)} from {name}"
        if not _lacks(error):
            question.ioctl(True, detail)
        elif _reachable(descriptor):
            question.ioctl(False, detail)
        else:
            question.unknown(detail)
    else:
        question.ioctl(True, name)


def _features(descriptor: int, question: Question) -> None:
    _words(descriptor, question, "VHOST_GET_FEATURES")


def _backend_features(descriptor: int, question: Question) -> None:
    _words(descriptor, question, "VHOST_GET_BACKEND_FEATURES")


def _features_array(descriptor: int, question: Question) -> None:
    _words(descriptor, question, "VHOST_GET_FEATURES_ARRAY", 2)


def _words(descriptor: int, question: Question, name: str, count: int = 0) -> None:
    """Answer whether all bits are in the last word that a request fills in.

    With *count*, that many words follow a first one that says how many they are: struct
    vhost_features_array.
    """
    words = struct.pack("=Q", count) + bytes(8 * count) if count else bytes(8)
    detail = f"{name} {number(question.argument)}"
    try:
        words = fcntl.ioctl(descriptor, question.request, words)
    except OSError as error:
        detail = f"{errno_name(error)} from {name}"
        if question.request != _VHOST_GET_FEATURES and _reachable(descriptor):
            question.ioctl(False, detail)
        else:
            question.unknown(detail)
        return
    found: int = struct.unpack_from("=Q", words, len(words) - 8)[0]
    question.ioctl(found & question.argument == question.argument, detail)


def _lacks(error: OSError) -> bool:
    """Return whether *error* is what vhost says to a request that it does not know.

    Without an owner that is EPERM: what no driver took by then is for owners
    (drivers/vhost/vhost.c, vhost_dev_ioctl, "You must be the owner to do anything else").
    """
    return error.errno in {errno.ENOTTY, errno.EPERM}


def _reachable(descriptor: int) -> bool:
    """Return whether vhost answers this process at all: a filter's EPERM says nothing of vhost."""
    try:
        fcntl.ioctl(descriptor, _VHOST_GET_FEATURES, bytes(8))
    except OSError:
        return False
    return True


_METHODS = {
    "device-node": _device_node,
    "ioctl": _ioctl,
    "vhost-ioctl": _vhost_ioctl,
    "vhost-features": _features,
    "vhost-features-array": _features_array,
    "vhost-backend-features": _backend_features,
}
