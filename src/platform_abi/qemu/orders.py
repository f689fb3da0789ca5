"""How a caller orders a throw-away process, and what it is told of it: see ``starter``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

#: What is said of a process: a word, a blank, a number or names, the end of a line.
STARTED, REFUSED, ENDED, CONTAINED = b"started", b"refused", b"ended", b"contained"

#: Descriptors of an order: the three streams of the process, and the line to the caller.
DESCRIPTORS = 4

#: What ends an order.
END = b"\0\0\0"


def order(folders: Iterable[str], command: Iterable[str], environment: Mapping[str, str]) -> bytes:
    """Return the order for *command*, a path and arguments of which none has a NUL.

    The first of *folders* is to be written to, or empty; the others are not to be seen.

    A NUL comes between texts, and two between groups of them. Every text and every group begins
    with a character, so that none is empty.
    """
    groups = (folders, command, [f"{key}={value}" for key, value in environment.items()])
    texts = (b"".join(b"\0=" + os.fsencode(text) for text in group) for group in groups)
    return b"\0\0".join(b"=" + text for text in texts) + END


def read_order(text: bytes) -> tuple[list[str], list[str], dict[str, str]]:
    """Return the folders, the command and the environment that *text* orders."""
    folders, command, environment = (
        [os.fsdecode(word[1:]) for word in group.split(b"\0")[1:]]
        for group in text[: -len(END)].split(b"\0\0")
    )
    pairs = (pair.partition("=") for pair in environment)
    return folders, command, {key: value for key, _, value in pairs}
