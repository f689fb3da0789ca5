"""A QEMU that is asked about its host, and one that is none; nothing is left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.witness import ask_qemu
from tests.qemu.programs import HELP, code_of, patience, running, script, token


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("exit 1", "qemu-failed"),
        (f"exec {sys.executable} -c 'import os; os.abort()'", "qemu-failed"),
        ("exec sleep 1000", "qemu-timeout"),
        ("exec yes", "qemu-failed"),
        ("echo '[]'; exec cat", "qemu-failed"),
        ("""echo '{"QMP": {}}'; sed -u 's/.*/{"return": 5}/'""", "qemu-failed"),
        (
            """echo '{"QMP": {}}'; sed -u 's/.*/{"return": {"arch": "s390y"}}/'""",
            "qemu-architecture",
        ),
        ("""echo '{"QMP": {}}'; sed -u 's/.*/{"error": {"desc": "no"}}/'""", "qemu-failed"),
        ("""echo '{"QMP": {}}'; exec sleep 1000""", "qemu-timeout"),
    ],
)
def test_one_that_says_its_version_and_no_more_is_an_error(
    catalogue: pa.FileCatalogue, tmp_path: Path, lines: str, code: str
) -> None:
    """What fails only when a machine is started fails by the same codes."""
    binary = script(tmp_path, HELP + lines)
    assert code == code_of(lambda: ask_qemu(catalogue, binary, timeout=patience(code)))


def test_no_process_outlives_an_error(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """A wrapper script that hangs is gone, and so is what hangs in it, when the error is there."""
    word = token()
    for lines in (f"sleep {word}", f"{HELP}\nsleep {word} &\nsleep {word}"):
        binary = script(tmp_path, lines)
        assert "qemu-timeout" == code_of(lambda: ask_qemu(catalogue, binary, timeout=0.5))  # noqa: B023
        assert running(word) == []
