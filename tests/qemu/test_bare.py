"""A process that runs one module: what it gets, what it does not, and what cannot be started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from platform_abi.qemu.bare import start_bare

_MODULE = "platform_abi.host.child"


def _answer(**how: object) -> tuple[bytes, int]:
    """Return what the probing child says to a question that it cannot read, and how it ended."""
    reading, order = os.pipe()
    answer, writing = os.pipe()
    try:
        pid = start_bare(_MODULE, stdin=reading, stdout=writing, **how)  # type: ignore[arg-type]
    finally:
        os.close(reading)
        os.close(writing)
    os.write(order, b'{"timeout": 1, "config": [], "groups": []}')
    os.close(order)
    with os.fdopen(answer, "rb") as stream:
        said = stream.read()
    return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("session", [False, True])
def test_a_module_runs_by_itself(session: bool) -> None:
    """With the streams that it was given, and to its own end."""
    assert (b'["done"]\n', 0) == _answer(session=session)


def test_nothing_of_the_users_python_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither PYTHON* nor a module of the standard library's name in the working directory."""
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONINSPECT", "1")
    assert (b'["done"]\n', 0) == _answer()


def test_the_interpreter_can_be_named(tmp_path: Path) -> None:
    """And one that is not there is an error at once."""
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    assert (b'["done"]\n', 0) == _answer(python=str(wrapper))
    with pytest.raises(OSError, match="No such file"):
        _answer(python=str(tmp_path / "none"))
