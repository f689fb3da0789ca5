"""Which QEMU a binary is, told by the process that it becomes or starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from platform_abi.qemu.identity import (
    QemuIdentity,
    named_process,
    process_name,
    qemu_identity,
    running_identity,
)
from platform_abi.qemu.program import file_identity
from tests.qemu.programs import code_of, make, patience, qemu, script

#: A program that is named as it is told to be, as a QEMU is, and stays for a while.
_BEARER = """
import pathlib, sys, time
pathlib.Path("/proc/self/comm").write_text(sys.argv[2].partition("process=")[2])
print("here", flush=True)
time.sleep(60)
"""


def _bearer(program: str, name: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [program, "-c", _BEARER, *named_process(name)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_what_a_wrapper_starts_is_what_counts(tmp_path: Path) -> None:
    """A script that starts another program is that program, and not the file that says so."""
    binary = qemu(tmp_path, {})
    found = qemu_identity(binary)
    assert found == QemuIdentity(program=file_identity(sys.executable) or "", itself=False)


def test_a_wrapper_that_starts_another_program_is_another_qemu(tmp_path: Path) -> None:
    """The script keeps its bytes, its size and its times; what it starts was exchanged."""
    one, two = ((tmp_path / name) for name in ("one", "two"))
    linked = tmp_path / "python"
    for copy, tail in ((one, b"1"), (two, b"2")):
        # Not the same program: what its linker named it goes, so that all its content counts.
        data = Path(sys.executable).resolve().read_bytes()
        identity = (file_identity(sys.executable) or "").partition(":")[2]
        make(copy, data.replace(bytes.fromhex(identity), bytes(len(identity) // 2)) + tail)
    text = Path(qemu(tmp_path, {})).read_text(encoding="utf-8")
    text = text.replace(f"'{sys.executable}'", f"PYTHONHOME='{sys.base_prefix}' '{linked}'")
    binary = make(tmp_path / "wrapper", text.encode())
    names = []
    for target in (one, two):
        linked.unlink(missing_ok=True)
        linked.symlink_to(target)
        found = qemu_identity(binary)
        assert found is not None
        assert found.program == file_identity(str(target))
        names.append(found.program)
    assert names[0] != names[1]


def test_only_one_process_can_bear_a_name() -> None:
    """Where another process calls itself so as well, nobody can tell which one is meant."""
    name = process_name()
    assert running_identity(name, sys.executable) is None
    first = _bearer(sys.executable, name)
    try:
        assert running_identity(name, sys.executable) == QemuIdentity(
            program=file_identity(sys.executable) or "", itself=True
        )
        assert running_identity(name, shutil.which("sh") or "") == QemuIdentity(
            program=file_identity(sys.executable) or "", itself=False
        )
        second = _bearer(sys.executable, name)
        try:
            assert running_identity(name, sys.executable) is None
        finally:
            second.kill()
            second.communicate()
    finally:
        first.kill()
        first.communicate()


def test_who_is_not_called_so_is_not_taken_for_it(tmp_path: Path) -> None:
    """A program that takes the argument for something else is no QEMU whose identity is known."""
    binary = qemu(tmp_path, {})
    text = Path(binary).read_text(encoding="utf-8").replace('"$@"', "nobody")
    assert qemu_identity(make(Path(binary), text.encode())) is None


def test_names_are_as_long_as_the_kernel_keeps_them() -> None:
    """What is looked for is all that was given, and no two are alike."""
    names = {process_name() for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) < 16 for name in names)


@pytest.mark.parametrize(
    ("lines", "code"), [("exit 3", "qemu-failed"), ("exec sleep 60", "qemu-timeout")]
)
def test_what_does_not_start_is_an_error(tmp_path: Path, lines: str, code: str) -> None:
    """A binary that cannot be asked has no identity that anybody could rely on."""
    binary = script(tmp_path, lines)
    assert code == code_of(lambda: qemu_identity(binary, timeout=patience(code)))
    assert code_of(lambda: qemu_identity(str(tmp_path / "absent"))) == "qemu-not-found"
