"""What files of /proc and /sys, and the process itself, say of a capability."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence

from platform_abi.host.reply import Question, errno_name, read

_STATUS = "/proc/self/status"

# include/uapi/linux/capability.h. What was carved out of CAP_SYS_ADMIN, from CAP_PERFMON on, is
# still granted to whoever has that (include/linux/capability.h, bpf_capable).
_CAP_SYS_ADMIN = 21
_CAP_PERFMON = 38


def answer(questions: Sequence[Question]) -> None:
    """Answer *questions*, one by one."""
    for question in questions:
        try:
            _METHODS[question.method](question)
        except OSError as error:
            question.unknown(f"{question.node}: {errno_name(error)}")


def _file(question: Question) -> None:
    """Answer whether it says Y, or a number that is large enough."""
    text = read(question.node)
    if text in {"Y", "N"}:
        found = text == "Y"
    elif re.fullmatch(r"-?[0-9]{1,20}", text):
        found = int(text) >= (question.argument or 1)
    else:
        question.unknown(f"{question.node}: neither Y, N nor a number")
        return
    question.answer("present" if found else "absent", "file", f"{question.node}: {text}")


def _process_capability(question: Question) -> None:
    """Answer whether the effective set has it, or a switch says 0 and nobody needs it."""
    if question.node != _STATUS and _says_zero(question.node):
        question.answer("present", "file", f"{question.node}: 0")
        return
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", read(_STATUS), re.MULTILINE)
    if found is None:
        question.unknown(f"{_STATUS}: no CapEff")
        return
    held = int(found[1], 16)
    wanted = {question.argument} | (
        {_CAP_SYS_ADMIN} if question.argument >= _CAP_PERFMON else set()
    )
    if not any(held >> capability & 1 for capability in wanted):
        question.answer("absent", "process", f"CapEff lacks {question.argument}")
    elif _initial_namespace():
        question.answer("present", "process", f"CapEff has {question.argument}")
    else:
        question.unknown(f"CapEff has {question.argument}, in a user namespace only")


def _says_zero(path: str) -> bool:
    try:
        return read(path) == "0"
    except OSError:
        return False


def _initial_namespace() -> bool:
    """Return whether this is the first user namespace, which maps every id to itself."""
    return read("/proc/self/uid_map").split() == ["0", "0", "4294967295"]


def _zoned_model(question: Question) -> None:
    """Answer whether no block device has zones; nobody knows yet which one a guest gets."""
    folder = question.node.partition("*")[0].rpartition("/")[0]
    if not os.path.isdir(folder):  # noqa: PTH112 - see reply.read
        question.unknown(f"{folder}: not there")
        return
    zoned = sum(_zoned(path) for path in glob.glob(question.node))  # noqa: PTH207 - as above
    if zoned:
        question.unknown(f"{zoned} zoned block device{'s' if zoned > 1 else ''}")
    else:
        question.answer("present", "file", f"{question.node}: none")


def _zoned(path: str) -> bool:
    try:
        return read(path) != "none"
    except (FileNotFoundError, NotADirectoryError):
        # It was taken away meanwhile.
        return False


def _of_power(question: Question) -> None:
    """Answer what only a POWER host is asked."""
    from platform_abi.host import power

    power.METHODS[question.method](question)


_METHODS = {
    "file": _file,
    "process-capability": _process_capability,
    "zoned-model": _zoned_model,
    "ppc-level": _of_power,
    "ppc-processor": _of_power,
    "ppc-hwcap": _of_power,
}
