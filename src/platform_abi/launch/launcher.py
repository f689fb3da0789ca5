"""How a process becomes QEMU: nothing here is imported before it is needed.

This is what capability probing waits for, so it costs no more than it must.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from platform_abi.errors import HostError, printable

# typing costs as much as all of the above; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def become(binary: str, words: Sequence[str]) -> NoReturn:
    """Replace this process by *binary* with the arguments *words*: only its number stays.

    QEMU finds what it would find without this program: descriptors, working directory, umask,
    signals and environment. Python's own descriptors close themselves (PEP 446).

    Raises HostError (``qemu-failed``) where the system refuses; the process then lives on.
    """
    # Python ignores these from its start, and what is ignored stays so across exec; who wants
    # EPIPE instead of an end, as QEMU does, says so itself (Modules/main.c; util/oslib-posix.c).
    ignored = {number: signal.signal(number, signal.SIG_DFL) for number in _IGNORED_BY_PYTHON}
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    try:
        os.execve(binary, [binary, *words], _environment())  # noqa: S606 - the point of it
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        for number, handler in ignored.items():
            signal.signal(number, handler)
        reason = getattr(error, "strerror", None) or error
        raise HostError(
            f"cannot start {printable(binary)}: {reason}",
            code="qemu-failed",
            help="name a QEMU system emulator that this user may run",
        ) from error


_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)

#: What Python adds to its environment where the locale is C (PEP 538).
_COERCED = b"LC_CTYPE"


def _environment() -> dict[bytes, bytes]:
    """Return the environment that this process was started with."""
    environment = dict(os.environb)
    if _COERCED in environment:
        try:
            with open("/proc/self/environ", "rb") as stream:  # noqa: PTH123 - start-up time
                given = stream.read().split(b"\0")
        except OSError:
            return environment
        if not any(entry.startswith(_COERCED + b"=") for entry in given):
            del environment[_COERCED]
    return environment
