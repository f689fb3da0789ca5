"""pytest's plugin, as somebody's own run loads it: what it costs, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PACKAGES

#: Hypothesis' own plugin is left out too: here nothing is loaded but what is asked for.
_WORDS = (sys.executable, "-m", "pytest", "-p", "platform_abi.pytest_plugin", "-rs", "-q")


def _run(folder: Path, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(code)
    return subprocess.run(
        [*_WORDS, *words, "test_it.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "PYTHONPATH": PACKAGES,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
    )


def test_who_does_not_use_it_does_not_pay_for_it(tmp_path: Path) -> None:
    """Of this package only the empty face is there, and of what it needs nothing."""
    code = (
        "import sys\ndef test_it():\n"
        "    assert 'platform_abi.pytest_plugin' in sys.modules\n"
        "    assert not {'hypothesis', 'attr', 'cattrs', 'platform_abi.errors',"
        " 'platform_abi.model', 'platform_abi.testing'} & {*sys.modules}\n"
    )
    done = _run(tmp_path, code)
    assert done.returncode == 0, done.stdout


def test_the_catalogue_is_that_of_the_package(tmp_path: Path) -> None:
    """One for the whole session, which the strategies draw from as well."""
    code = (
        "from platform_abi.testing import shipped\n"
        "def test_it(platform_abi_catalogue):\n"
        "    names = shipped.architectures(platform_abi_catalogue)\n"
        "    assert names[0] == 'x86_64' and names == shipped.architectures()\n"
    )
    done = _run(tmp_path, code)
    assert done.returncode == 0, done.stdout


def test_what_needs_a_qemu_says_so_without_one(tmp_path: Path) -> None:
    """It is marked, is chosen by its mark, and is skipped with the option that is missing."""
    code = (
        "def test_it(platform_abi_qemu):\n    raise AssertionError\ndef test_other():\n    pass\n"
    )
    both = _run(tmp_path, code, "--strict-markers")
    assert both.returncode == 0
    assert "1 passed, 1 skipped" in both.stdout
    assert "name a QEMU with --platform-abi-qemu BINARY" in both.stdout
    left = _run(tmp_path, code, "-m", "not platform_abi_qemu")
    assert "1 passed, 1 deselected" in left.stdout


def test_what_is_no_qemu_fails_with_its_code(tmp_path: Path) -> None:
    """A typing error passes no test for having skipped it."""
    code = "def test_it(platform_abi_qemu):\n    pass\n"
    done = _run(tmp_path, code, "--platform-abi-qemu", "/nonexistent/qemu")
    assert done.returncode == 1
    assert "--platform-abi-qemu /nonexistent/qemu: error[qemu-not-found]: " in done.stdout
    assert "Traceback" not in done.stdout
