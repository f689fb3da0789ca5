"""A hostile log costs what its length is worth, and is not held: counted, as no clock is even."""

from __future__ import annotations

import sys
import tracemalloc
from types import FrameType

import pytest

import platform_abi as pa
from bench.explain_error import LOGS, pieces
from platform_abi.diagnosis.diagnosis import diagnose

_SMALL = 1 << 18

#: What a log may need while it is read, in bytes, however long it is: the lines of a window, or of
#: two failures, some 10 000 each.
_MOST = 40 << 20


def _calls(catalogue: pa.FileCatalogue, name: str, size: int) -> int:
    """Return how many functions are called to explain a log of *size* characters."""
    count = 0

    def called(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(called)
    try:
        diagnose(catalogue, pieces(LOGS[name], size, piece=_SMALL))
    finally:
        sys.setprofile(None)
    return count


def _held(catalogue: pa.FileCatalogue, name: str, size: int) -> int:
    """Return how many bytes are held at most while a log of *size* characters is explained."""
    tracemalloc.start()
    try:
        diagnose(catalogue, pieces(LOGS[name], size, piece=_SMALL))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["features", "lists", "unknown line", "causes", "soft breaks"])
def test_four_times_the_log_is_four_times_the_work_and_is_not_held(
    catalogue: pa.FileCatalogue, name: str
) -> None:
    """Near-matches, unknown lines and causes by the thousand are read once and let go."""
    diagnose(catalogue, LOGS[name])

    assert _calls(catalogue, name, 4 * _SMALL) < 5 * _calls(catalogue, name, _SMALL)
    assert _held(catalogue, name, 8 * _SMALL) < _MOST


def test_what_is_told_together_is_of_no_section(catalogue: pa.FileCatalogue) -> None:
    """Else a log could name a thousand things of each of a thousand devices, and all were held."""
    together = [message for message in catalogue.messages().messages if message.together]

    assert together
    assert {"apart"} == {message.role for message in together}
