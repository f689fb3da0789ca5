"""One answer takes no longer than was allowed, whatever else a QEMU says."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError, QmpError

GREETING = """echo '{"QMP": {}}'; read -r line; echo '{"return": {}}'"""


def _script(folder: Path, lines: str) -> str:
    path = folder / "qemu-system-x86_64"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("pause", ["sleep 0.1", ":"])
@pytest.mark.parametrize("greeting", ["""echo '{"QMP": {}}'""", GREETING])
def test_events_without_end_are_no_answer(tmp_path: Path, greeting: str, pause: str) -> None:
    """Each comes in time, but the one deadline is that of the answer."""
    path = _script(tmp_path, f"""{greeting}; while {pause}; do echo '{{"event": "X"}}'; done""")
    started = time.monotonic()
    with pytest.raises(QmpError) as caught, Qmp(path, (), timeout=0.5) as qemu:
        qemu.execute("query-version")
    assert caught.value.code == "qemu-timeout"
    assert time.monotonic() - started < 5


def test_events_before_an_answer_are_passed_over(tmp_path: Path) -> None:
    """As QEMU sends them."""
    events = """echo '{"event": "X"}'; echo '{"event": "Y"}'"""
    path = _script(tmp_path, f"""{GREETING}; read -r line; {events}; echo '{{"return": 7}}'""")
    with Qmp(path, (), timeout=10) as qemu:
        assert qemu.execute("query-version") == 7


def test_a_crash_has_the_name_of_its_signal(tmp_path: Path) -> None:
    """Not a number below nothing."""
    # The first process of a namespace ignores such a signal unless its own fault raises it.
    crash = f"""exec '{sys.executable}' -c 'import ctypes; ctypes.string_at(0)'"""
    with pytest.raises(QmpError, match="killed by SIGSEGV") as caught:
        Qmp(_script(tmp_path, crash), (), timeout=10).__enter__()
    assert caught.value.code == "qemu-failed"


def test_many_commands_are_answered_in_their_order(tmp_path: Path) -> None:
    """An error among them is the answer to its own command, and what follows is asked."""
    answers = """echo '{"return": 1}'; echo '{"error": {"desc": "no"}}'; echo '{"return": 3}'"""
    reads = "read -r line; read -r line; read -r line"
    path = _script(
        tmp_path, f"{GREETING}; {reads}; {answers}; read -r line; echo '{{\"return\": 4}}'"
    )
    with Qmp(path, (), timeout=10) as qemu:
        one, two, three = qemu.execute_each([("a", {}), ("b", {"x": 1}), ("c", {})])
        assert (one, three) == (1, 3)
        assert isinstance(two, QmpCommandError)
        assert "b: no" in str(two)
        assert qemu.execute("d") == 4
