"""Programs that stand where a QEMU would, and what is left of them."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa

#: What answers the two questions that are asked of every QEMU.
HELP = """
    case "$*" in
    --version) echo 'QEMU emulator version 9.1.0 (qemu-kvm-9.1.0-15.el9)'; echo Copyright; exit;;
    "-machine none -netdev help") printf 'Available netdev backend types:\\nsocket\\ntap\\n'; exit;;
    esac
"""


def make(path: Path, content: bytes) -> str:
    """Make an executable file, whatever is in it, and return its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return str(path)


def script(folder: Path, lines: str, name: str = "qemu-system-x86_64") -> str:
    """Make an executable of the lines of a shell script, and return its name."""
    return make(folder / name, f"#!/bin/sh\n{textwrap.dedent(lines)}\n".encode())


_PROGRAM = Path(__file__).with_name("fake_qemu.py")


def qemu(folder: Path, answers: Mapping[str, Any], **how: object) -> str:
    """Make a QEMU that gives *answers* over QMP, and *how* else than well; return its name.

    It says as well what it is and which netdevs it has.
    """
    usual = {"noise": "", "silent": False, "crash": [], "hang": []}
    told = folder / "description.json"
    told.write_text(json.dumps({"answers": answers, **usual, **how}), encoding="utf-8")
    # A wrapper script, as vendors have them, that stays the parent of its QEMU.
    return script(
        folder, f"{textwrap.dedent(HELP)}'{sys.executable}' '{_PROGRAM}' '{told}' \"$@\"\nexit $?"
    )


def patience(code: str) -> float:
    """Return how long to wait, in seconds, for what never comes, or is sure to."""
    return 1.0 if code == "qemu-timeout" else 30.0


def code_of(run: Callable[[], object]) -> str:
    """Return the code of the HostError that *run* raises."""
    with pytest.raises(pa.HostError) as caught:
        run()
    assert caught.value.help
    assert "\x1b" not in str(caught.value)
    return caught.value.code


def token() -> str:
    """Return a number of seconds that no other process sleeps."""
    return f"1000.{secrets.randbelow(10**9):09}"


def running(word: str) -> list[str]:
    """Return the processes that have *word* among their arguments, zombies not counted."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().split(b"\0")
            if word.encode() in words:
                found.append(f"{file.parent.name}: {words}")
    return found


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Return whether something comes true within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return False
