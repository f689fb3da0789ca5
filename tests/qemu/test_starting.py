"""The process that starts others: one while somebody wants it, and none that stays."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from platform_abi.qemu import starting as subject
from platform_abi.qemu.process import Throwaway
from platform_abi.qemu.starting import containment, starting
from tests.qemu.programs import code_of, running, script, token


def _said(code: str) -> str:
    """Return what a shell says that runs as a throw-away process."""
    with Throwaway(["/bin/sh", "-c", code]) as process:
        return process.read_all(time.monotonic() + 30)


def test_one_starts_all_that_are_wanted_at_a_time() -> None:
    """However many want it, and it is gone with the last of them."""
    with starting() as outer:
        with starting() as inner:
            assert outer is inner
            with Throwaway(["/bin/true"]):
                assert subject._shared._starter is outer
        assert subject._shared._starter is outer
        assert "1" == _said("printf 1")
    assert subject._shared._starter is None
    with starting() as another:
        assert another is not outer


def test_it_is_given_back_whatever_ends_the_block() -> None:
    """An exception too."""
    with pytest.raises(KeyboardInterrupt), starting():
        raise KeyboardInterrupt
    assert subject._shared._starter is None


@pytest.mark.parametrize("python", ["/no/such/python", "/dev/null", "", None])
def test_where_it_cannot_be_had_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, python: str | None
) -> None:
    """An interpreter that is gone is an error; the next start that can be is none."""
    monkeypatch.setattr(sys, "executable", python)
    for _ in range(2):
        assert "qemu-failed" == code_of(lambda: starting().__enter__())
    monkeypatch.undo()
    assert "1" == _said("printf 1")


def test_what_a_process_has_of_its_own_is_what_is_said(tmp_path: Path) -> None:
    """Its network, its processes, its mounts: what this host lets it have, and no word more."""
    file = tmp_path / "file"
    interfaces = [line.split(":")[0] for line in _said("cat /proc/self/net/dev").splitlines()[2:]]
    has = {
        "network": [name.strip() for name in interfaces] == ["lo"],
        "processes": _said("echo $$") == "1\n",
        "folder": _said('grep -c " $(pwd) tmpfs " /proc/self/mounts') != "0\n",
        "mounts": _said(f"echo x > {file}") == "" and not file.exists(),
    }
    assert {name for name, own in has.items() if own} == containment()


def test_nothing_of_the_caller_stays_either() -> None:
    """No child to be waited for, no descriptor, in however many threads, however often."""
    before = [entry.name for entry in Path("/proc/self/fd").iterdir()]

    def run() -> None:
        for _ in range(5):
            assert "1" == _said("printf 1")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert before == [entry.name for entry in Path("/proc/self/fd").iterdir()]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_fork_of_the_caller_starts_its_own(tmp_path: Path) -> None:
    """And ends nothing of the caller's, nor keeps it alive."""
    word = token()
    binary = script(tmp_path, f"exec sleep {word}")
    with starting(), Throwaway([binary]):
        pid = os.fork()
        if pid == 0:
            try:
                os._exit(int(_said("printf 1") != "1"))
            finally:
                os._exit(2)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert 1 == len(running(word))
        assert "1" == _said("printf 1")
    assert running(word) == []
