"""Where QEMU is found, and what of a process is left when it becomes QEMU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.errors import HostError
from platform_abi.launch.launcher import (
    become,
    find_emulator,
    guest_architecture,
    own_architecture,
)

ARCHITECTURES = ("x86_64", "aarch64", "ppc64", "riscv64", "s390x")


def _program(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


# --- names ---------------------------------------------------------------------------------------


@given(arch=st.sampled_from(ARCHITECTURES), folder=st.sampled_from(["", "/usr/bin/", "./"]))
def test_a_name_says_which_guests(arch: str, folder: str) -> None:
    """``qemu-platform-ARCH`` is for guests of ARCH, wherever it is; so QEMU's own name."""
    assert arch == own_architecture(f"{folder}qemu-platform-{arch}")
    assert own_architecture(f"{folder}qemu-platform") is None
    assert arch == guest_architecture(f"{folder}qemu-system-{arch}")
    assert arch == guest_architecture(f"{folder}qemu-system-{arch}-10.0")
    assert os.uname().machine == guest_architecture(f"{folder}qemu-kvm")


# --- which QEMU ----------------------------------------------------------------------------------


def test_a_named_qemu_comes_first_then_the_variable_then_the_path(tmp_path: Path) -> None:
    """``--qemu`` beats PLATFORM_ABI_QEMU, which beats what PATH has for the architecture."""
    named, variable, found = (
        _program(tmp_path / place / "qemu-system-s390x") for place in ("named", "var", "bin")
    )
    environment = {"PATH": str(tmp_path / "bin")}
    both = {**environment, "PLATFORM_ABI_QEMU": variable}
    assert named == find_emulator(named, both, "s390x", "/no/program")
    assert variable == find_emulator(None, both, "s390x", "/no/program")
    assert found == find_emulator(None, environment, "s390x", "/no/program")
    assert found == find_emulator("qemu-system-s390x", both, None, "/no/program")


def test_this_program_is_never_found_as_a_qemu(tmp_path: Path) -> None:
    """Installed under QEMU's name and first on PATH, it finds the QEMU behind; named: an error."""
    own = _program(tmp_path / "own" / "qemu-platform")
    (tmp_path / "own" / "qemu-system-s390x").symlink_to(own)
    real = _program(tmp_path / "real" / "qemu-system-s390x")
    environment = {"PATH": f"{tmp_path / 'own'}:{tmp_path / 'real'}"}
    assert real == find_emulator(None, environment, "s390x", own)
    with pytest.raises(HostError, match="is this program") as error:
        find_emulator(str(tmp_path / "own" / "qemu-system-s390x"), environment, None, own)
    assert "qemu-is-this" == error.value.code


@pytest.mark.parametrize(
    ("named", "environment"),
    [
        ("/no/such/qemu", {}),
        ("no-such-qemu", {"PATH": "/nowhere"}),
        (None, {"PATH": "/nowhere", "PLATFORM_ABI_QEMU": "/no/such/qemu"}),
        (None, {"PATH": "/nowhere"}),
        ("qemu\0", {"PATH": "/usr/bin"}),
        ("/etc/passwd", {}),
        ("/usr/bin", {}),
    ],
)
def test_what_cannot_be_run_is_not_found(named: str | None, environment: Mapping[str, str]) -> None:
    """Nothing there, no file, no permission: one error that names what was looked for."""
    with pytest.raises(HostError) as error:
        find_emulator(named, environment, "s390x", "/no/program")
    assert "qemu-not-found" == error.value.code
    assert "\0" not in error.value.message


# --- becoming it ---------------------------------------------------------------------------------

#: A program that says what it finds around itself.
_SAYS = """#!{python}
import json, os, sys
print(json.dumps({{
    "pid": os.getpid(), "words": [os.fsencode(w).hex() for w in sys.argv[1:]],
    "umask": os.umask(0), "cwd": os.getcwd(),
    "fds": [int(n) for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n)],
    "env": dict(p.split("=", 1) for p in open("/proc/self/environ").read().split(chr(0)) if p),
    "ignored": open("/proc/self/status").read().split("SigIgn:")[1].split()[0],
    "blocked": open("/proc/self/status").read().split("SigBlk:")[1].split()[0],
}}))
"""
#: Becomes the program that the first word names; what it opens itself must not stay open.
_BECOMES = """
import os, sys
from platform_abi.launch.launcher import become
kept = open("/etc/passwd")
become(sys.argv[1], sys.argv[2:])
"""
#: Bits that stand for signals in the kernel's masks.
_PYTHON_IGNORES = (1 << signal.SIGPIPE - 1) | (1 << signal.SIGXFSZ - 1)


@pytest.fixture(scope="module")
def says(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a program that says what it finds around itself.

    The shell between says nothing of its own, and ignores no signal as Python does.
    """
    folder = tmp_path_factory.mktemp("says")
    script = _program(folder / "says.py", _SAYS.format(python=sys.executable))
    # What Python ignores from its start must not be told by a Python: the kernel's word is taken
    # before it starts.
    return _program(
        folder / "qemu",
        "#!/bin/sh\nexport SEEN=$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/self/status)\n"
        f'exec {script} "$@"\n',
    )


def _become(says: str, *words: str | bytes, **how: object) -> tuple[int, dict[str, Any]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _BECOMES, says, *words],
        stdout=subprocess.PIPE,
        **how,  # type: ignore[call-overload]
    )
    out, _ = process.communicate(timeout=60)
    assert 0 == process.returncode
    said: dict[str, Any] = json.loads(out)
    return process.pid, said


def test_the_process_stays_the_same(says: str) -> None:
    """Whoever started this program has QEMU as that very child: same number, no parent between."""
    pid, said = _become(says)
    assert pid == said["pid"]


def test_words_arrive_to_the_byte(says: str) -> None:
    """Empty words, blanks, newlines and bytes that are no text come through as they are."""
    words = [b"", b" a  b ", b"\n", b"\xff\xfe", "ü,,x".encode(), b"--", b"-S"]
    _, said = _become(says, *words)
    assert [word.hex() for word in words] == said["words"]


def test_inherited_descriptors_stay_open_and_no_others(says: str) -> None:
    """A tap or a socket that a manager hands over is there; nothing of this program's own is."""
    read, write = os.pipe()
    try:
        _, said = _become(says, pass_fds=(read, write))
    finally:
        os.close(read)
        os.close(write)
    assert sorted([0, 1, 2, read, write]) == sorted(said["fds"])


def test_signals_umask_and_directory_are_the_callers(says: str, tmp_path: Path) -> None:
    """QEMU gets the dispositions of its parent, not those that Python has set for itself."""
    _, said = _become(says, cwd=tmp_path, umask=0o137)
    assert str(tmp_path) == said["cwd"]
    assert 0o137 == said["umask"]
    environment = said["env"]
    assert 0 == int(environment["SEEN"], 16) & _PYTHON_IGNORES
    assert 0 == int(said["blocked"], 16)


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C"}, {"LANG": "C"}, {"LC_CTYPE": "C.UTF-8"}])
def test_the_environment_is_the_callers(says: str, locale: dict[str, str]) -> None:
    """Nothing is added to it: Python's own idea of a locale stays with Python."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **locale}
    _, said = _become(says, env=given)
    environment = said["env"]
    for name in ("SEEN", "PWD", "_", "SHLVL", "OLDPWD"):  # the shell's
        environment.pop(name, None)
    assert given == environment


@pytest.mark.parametrize("content", ["not a program\n", ""])
def test_what_the_system_refuses_is_an_error_and_the_process_lives_on(
    tmp_path: Path, content: str
) -> None:
    """A file without a format that the system knows: an error, and signals as they were."""
    file = tmp_path / "qemu"
    file.write_bytes(b"\x7fELF" + content.encode())
    file.chmod(0o755)
    before = signal.getsignal(signal.SIGPIPE)
    with pytest.raises(HostError, match="cannot start") as error:
        become(str(file), ["-version"])
    assert "qemu-failed" == error.value.code
    assert before == signal.getsignal(signal.SIGPIPE)
    with pytest.raises(HostError, match="cannot start"):
        become(str(file), ["nul\0"])
