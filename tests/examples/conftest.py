"""The examples as their owners run them: installed programs on PATH, none of the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
CAPTURES = Path(__file__).parents[1] / "captures"

Ran = subprocess.CompletedProcess[str]
Running = Callable[..., Ran]


def install(folder: Path, name: str, text: str) -> None:
    """Put a program called *name* into *folder*."""
    program = folder / name
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def run(tmp_path: Path) -> Running:
    """Return what runs an example: its path below examples/, its words, which host ``this`` is."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def run_on(example: str, *words: str, this: str, stdin: str = "", **environment: str) -> Ran:
        # A recorded host stands for the one that it runs on.
        install(
            programs,
            "platform-abi",
            f"#!{sys.executable}\nimport sys\nfrom platform_abi.cli import entry\n"
            f"sys.argv = [{str(CAPTURES / this)!r} if w == 'this' else w for w in sys.argv]\n"
            "sys.exit(entry())\n",
        )
        return subprocess.run(
            [str(EXAMPLES / example), *words],
            env={**os.environ, "PATH": f"{programs}:/usr/bin:/bin", **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_on
