"""Bounds of what a command line asks for."""

from __future__ import annotations

from platform_abi.errors import UsageError

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
