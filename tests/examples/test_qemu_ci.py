"""The tests for a QEMU's own CI, run as such a CI runs them, where there is no QEMU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import PACKAGES
from tests.examples.conftest import EXAMPLES


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what becomes of the example, copied into *folder*, in a pytest of its own."""
    shutil.copytree(EXAMPLES / "qemu-ci", folder, dirs_exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "platform_abi.pytest_plugin", "-rs",
         "-p", "_hypothesis_pytestplugin", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "PYTHONPATH": PACKAGES,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
    )  # fmt: skip


def test_definitions_are_held_without_a_qemu(tmp_path: Path) -> None:
    """Those that are shipped keep what the example asks; what needs a QEMU is skipped by name."""
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed, 2 skipped" in done.stdout
    assert "name a QEMU with --platform-abi-qemu BINARY" in done.stdout
