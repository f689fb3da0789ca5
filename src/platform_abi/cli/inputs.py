"""What the command line is given to read, and never more of it than makes sense."""

from __future__ import annotations

import sys

from platform_abi.errors import HostError, UsageError, printable

#: The name that stands for standard input.
STDIN = "-"


#: Nobody waits longer for one answer. In seconds.
_LONGEST = 600


def timeout_of(seconds: float | None, usual: float) -> float:
    """Return what ``--timeout`` says, in seconds, else the *usual*; raises UsageError."""
    if seconds is None:
        return usual
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"--timeout takes seconds, up to {_LONGEST}; found {seconds:g}", code="usage"
        )
    return seconds


def read_bytes(name: str, most: int) -> bytes:
    """Return what the file *name* holds, or standard input where it is ``-``, up to *most* bytes.

    One byte more is returned where there is more, so that whoever knows what is read can refuse it.
    Raises HostError (``read-failed``) where it cannot be read.
    """
    try:
        if name == STDIN:
            if sys.stdin is None:
                raise UsageError("standard input is closed", code="usage")
            return sys.stdin.buffer.read(most + 1)
        with open(name, "rb") as stream:  # noqa: PTH123 - the name may hold bytes that are no text
            return stream.read(most + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise HostError(f"cannot read {printable(name)}: {reason}", code="read-failed") from error
