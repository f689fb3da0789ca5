"""The tests for a QEMU's own CI, run against real builds: one that keeps its promises, one not."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.examples.test_qemu_ci import run

pytestmark = pytest.mark.live

_PROMISES = "test_promises.py"


def test_a_build_keeps_its_promises(qemu_binaries: dict[str, Path], tmp_path: Path) -> None:
    """The build that the definitions were made of passes, as JUnit says too."""
    words = ("--platform-abi-qemu", str(qemu_binaries["10.0"]), "--junitxml=promises.xml")
    done = run(tmp_path, _PROMISES, *words)
    assert done.returncode == 0, done.stdout
    suite = ET.parse(tmp_path / "promises.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "0")


def test_a_build_that_is_another_is_told(qemu_binaries: dict[str, Path], tmp_path: Path) -> None:
    """Held to another release it fails, for one device and no property of it."""
    words = ("--platform-abi-qemu", str(qemu_binaries["10.0"]), "-k", "properties",
             "--platform-abi-against", "qemu-11.1.3")  # fmt: skip
    done = run(tmp_path, _PROMISES, *words)
    assert done.returncode == 1, done.stdout
    (shown,) = set(re.findall(r"Draw 1: (<-nodefaults .*> on .*)", done.stdout))
    assert shown.count(" -device ") == 1
    assert "-cpu" not in shown
