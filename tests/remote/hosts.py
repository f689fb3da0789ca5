"""Hosts to be asked that are no others: what stands in ssh's place runs here what was for there."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

#: What a shell of the other side does with its last word: see ssh(1).
RUN = 'for command; do :; done; sh -c "$command"'


def ssh(patch: pytest.MonkeyPatch, folder: Path, lines: str = RUN) -> None:
    """Put a shell script of *lines* in the place of ssh."""
    program = folder / "bin" / "ssh"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{textwrap.dedent(lines)}\n", encoding="utf-8")
    program.chmod(0o755)
    patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
