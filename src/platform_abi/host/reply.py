"""What the probing child is asked, and what it says: one JSON array a line, on standard output.

This module and those that it is used by run in a process of their own, started without
site-packages to start quickly: they import the standard library and ``errors`` only, and their
values are no attrs classes. A line is shorter than PIPE_BUF, so that lines of several writers never
mix and none is cut short by a signal (pipe(7)).
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Sequence

from platform_abi.errors import signal_name

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: A line of this many members stays below PIPE_BUF.
_MEMBERS = 128


class Question:
    """One capability that is asked for, as ``Probe`` has it.

    *symbol* is what UAPI headers call the request, for those that are named by data alone.
    """

    __slots__ = ("argument", "id", "method", "node", "request", "symbol")

    id: str
    method: str
    node: str
    request: int
    argument: int
    symbol: str

    def __init__(self, words: Sequence[Any]) -> None:
        self.id, self.method, self.node, self.request, self.argument, self.symbol = words

    def ioctl(self, present: bool, detail: str) -> None:
        """Answer with what an ioctl showed."""
        self.answer("present" if present else "absent", "ioctl", detail)

    def refused(self, error: OSError, name: str) -> None:
        """Answer with the error of ioctl *name*: absent where the kernel has no such request."""
        detail = f"{errno_name(error)} from {name}"
        if error.errno in {errno.EINVAL, errno.ENOTTY}:
            self.ioctl(False, detail)
        else:
            self.unknown(detail)

    def unknown(self, detail: str) -> None:
        """Answer that it could not be found out, and why."""
        self.answer("unknown", "none", detail)

    def answer(self, state: str, source: str, detail: str) -> None:
        """Say what was found out."""
        say("fact", self.id, state, source, detail[:200])


def say(*words: object) -> None:
    """Write one line."""
    os.write(1, json.dumps(words, separators=(",", ":")).encode() + b"\n")


def say_set(key: str, members: Sequence[str]) -> None:
    """Write a set, in several lines where one would be too long."""
    for start in range(0, max(len(members), 1), _MEMBERS):
        say("set", key, members[start : start + _MEMBERS])


def all_unknown(questions: Iterable[Question], detail: str) -> None:
    """Answer each of *questions* that it could not be found out, and why."""
    for question in questions:
        question.unknown(detail)


def errno_name(error: OSError) -> str:
    """Return ``EINVAL`` and the like."""
    return errno.errorcode.get(error.errno or 0, f"errno {error.errno}")


def killed_by(number: int) -> str:
    """Return how a process ended that signal *number* killed."""
    return f"probe was killed by {signal_name(number)}"


def number(value: int) -> str:
    """Return an argument as headers write it."""
    return f"{value:#x}" if value >= 0 else str(value)


def read(path: str, size: int = 65536) -> str:
    """Return the first *size* bytes of a file as text, without white space around it."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - pathlib costs more than all of this
        return (file.read(size) or b"").decode("utf-8", "replace").strip()
