"""The library that answers for a KVM of another architecture: see ``recorded_ioctl.c``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def build_library(folder: Path) -> Path:
    """Return the library, built in *folder*; skips where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) on PATH, to build recorded_ioctl.c")
    built = folder / "recorded_ioctl.so"
    source = Path(__file__).with_name("recorded_ioctl.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", built, source, "-ldl"],
        check=True,
        timeout=60,
    )
    return built
