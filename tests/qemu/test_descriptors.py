"""What is inherited is closed, wherever it stands."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from platform_abi.qemu.descriptors import close_all_but


@pytest.mark.parametrize("listed", [True, False])
def test_everything_else_is_closed(monkeypatch: pytest.MonkeyPatch, listed: bool) -> None:
    """However far up, with and without a listing; standard streams and what is kept stay."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        high = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 5000) - 1
        os.dup2(reading, high)
        if not listed:
            monkeypatch.setattr(os, "listdir", lambda _: os.close(-1))
        close_all_but(writing)
        monkeypatch.undo()
        left = sorted(n for n in range(6000) if Path(f"/proc/self/fd/{n}").exists())
        os._exit(int(left != [0, 1, 2, writing]))
    os.close(reading)
    os.close(writing)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
