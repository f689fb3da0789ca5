"""What a process that was started has open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

_STDERR = 2

#: Where neither /proc nor /dev tells what is open, nobody has more than this.
_MOST = 1 << 16


def close_all_but(*kept: int) -> None:
    """Close every descriptor but the three of standard streams and those that are *kept*."""
    for number in _open():
        if number > _STDERR and number not in kept:
            with contextlib.suppress(OSError):  # the one of a listing
                os.close(number)


def _open() -> Iterable[int]:
    """Return the descriptors of this process, and maybe some that it has not."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return [int(name) for name in os.listdir(folder)]  # noqa: PTH208 - start-up time
    return range(min(os.sysconf("SC_OPEN_MAX"), _MOST))
