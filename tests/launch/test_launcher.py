"""What of a process is left when it becomes QEMU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from platform_abi.errors import HostError
from platform_abi.launch.launcher import become


def _program(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


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
