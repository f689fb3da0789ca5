"""Whose modules a QEMU may load: its own, and never those of another build."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from platform_abi.qemu import modules
from platform_abi.qemu.modules import foreign_modules
from platform_abi.qemu.starting import containment
from tests.conftest import PACKAGES


@pytest.mark.parametrize(
    ("script", "foreign"),
    [
        ("#!/bin/sh\nexec qemu-system-x86_64 -enable-kvm", False),  # Debian's own kvm
        ("#!/bin/sh\nexport QEMU_MODULE_DIR=/opt/q/modules\nexec /opt/q/qemu", True),
        ("#!/bin/sh\nexec /opt/lib/ld-linux-x86-64.so.2 --library-path /opt/lib /opt/qemu", True),
        ("#!/bin/sh\nexec /opt/lib/ld64.so.2 /opt/qemu", True),
        ("#!/bin/sh\nQEMU_MODULE_DIR={} exec /opt/qemu", False),
        ("\x7fELF QEMU_MODULE_DIR", False),
    ],
)
def test_a_script_that_brings_a_qemu_brings_its_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, foreign: bool
) -> None:
    """All others are this host's, or find their own beside themselves."""
    folder = tmp_path / "usr" / "lib" / "x86_64-linux-gnu" / "qemu"
    program = tmp_path / "qemu"
    program.write_text(script.format(folder), encoding="utf-8")
    monkeypatch.setattr(modules, "_LIBRARIES", str(tmp_path / "usr" / "lib"))
    monkeypatch.setattr(modules, "_FOLDERS", ())
    assert foreign_modules(str(program)) == []
    folder.mkdir(parents=True)
    assert foreign_modules(str(program)) == ([str(folder)] if foreign else [])
    assert foreign_modules(str(tmp_path / "absent")) == []


#: Shows what a throw-away process sees in a folder that is hidden from it, and the caller still.
_PROGRAM = """
    import os, sys, time
    from platform_abi.qemu import process
    program, folder = sys.argv[1:]
    process.foreign_modules = lambda _: [folder]
    with process.Throwaway([program]) as started:
        started.send_end()
        print(repr(started.read_all(time.monotonic() + 20)), os.listdir(folder))
"""


def test_what_is_hidden_is_empty_for_the_process_alone(tmp_path: Path) -> None:
    """Where it can have mounts of its own."""
    if "mounts" not in containment():
        pytest.skip("no mount namespace for a throw-away process")
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "ui-opengl.so").write_bytes(b"")
    program = tmp_path / "qemu"
    program.write_text(f"#!/bin/sh\nls -A '{folder}'\ntouch '{folder}/x' 2>&1 || echo no\n")
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM), program, folder],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": PACKAGES, "PATH": "/usr/bin:/bin"},
        timeout=60,
        check=True,
    )
    seen, _, listed = done.stdout.rpartition(" [")
    assert "ui-opengl" not in seen
    assert "no" in seen
    assert "ui-opengl.so" in listed
