"""What is no program is told before it is started, and nothing in it is run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.trace import traced_compat
from platform_abi.qemu.executable import check_program, ending
from platform_abi.qemu.inventory import inventory
from platform_abi.qemu.netdevs import ask_netdevs
from platform_abi.qemu.stdio_qmp import Qmp


def _own(size: int = 4096) -> bytearray:
    return bytearray(Path("/proc/self/exe").read_bytes()[:size])


def _foreign(at: int, value: int) -> bytes:
    """Return this interpreter, whole, with one byte of its ELF header changed."""
    program = bytearray(Path("/proc/self/exe").read_bytes())
    program[at] = value
    return bytes(program)


#: Each would be a line of a shell script, were it given to one; ``{}`` is the file that it makes.
RUN_AS_TEXT = {
    "a text": b"touch {}\n",
    "an ELF magic": b"\x7fELF\ntouch {}\n",
    "a whole ELF header": bytes(_own(64)) + b"\ntouch {}\n",
    "a script without interpreter": b"#!\ntouch {}\n",
    "a script with a blank interpreter": b"#! \t\ntouch {}\n",
    "an interpreter that is cut off": b"#!/" + b"x" * 300 + b"\ntouch {}\n",
    "an interpreter that is a text": b"#!{}.text\ntouch {}\n",
}

STARTS: list[Callable[[str], object]] = [
    lambda path: ask_netdevs({}, path, timeout=10),
    lambda path: Qmp(path, (), timeout=10).__enter__(),
    lambda path: inventory(path, (), timeout=10, accelerator="tcg"),
    lambda path: traced_compat(path, timeout=10),
]


def _make(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o755)
    return str(path)


def _refused(start: Callable[[str], object], path: str) -> pa.HostError:
    with pytest.raises(pa.HostError) as caught:
        start(path)
    assert caught.value.code == "qemu-failed"
    assert caught.value.help
    return caught.value


@pytest.mark.parametrize("start", STARTS, ids=["netdevs", "qmp", "inventory", "trace"])
@pytest.mark.parametrize("content", RUN_AS_TEXT.values(), ids=RUN_AS_TEXT)
def test_no_text_is_run_as_a_shell_script(
    tmp_path: Path, start: Callable[[str], object], content: bytes
) -> None:
    """execvp(3) of whatever stands between this process and QEMU would do that."""
    trace = tmp_path / "was-run"
    _make(tmp_path / "was-run.text", b"touch %s\n" % os.fsencode(trace))
    _refused(start, _make(tmp_path / "qemu", content.replace(b"{}", os.fsencode(trace))))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_foreign(18, 0x7F), "another processor"),  # e_machine
        (_foreign(4, 3 - _own()[4]), "another processor"),  # EI_CLASS, 32 or 64 bits
        (_foreign(5, 3 - _own()[5]), "another processor"),  # EI_DATA, the order of bytes
        (_foreign(16, 1), "damaged"),  # e_type, a relocatable file
        (bytes(_own(20)), "damaged"),
        (bytes(_own(100)), "damaged"),
        (b"", "neither"),
    ],
    ids=["processor", "class", "order", "object file", "header cut off", "cut off", "empty"],
)
def test_what_cannot_be_started_here_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    """A binary of another architecture, an object file, half of a download."""
    assert reason in _refused(check_program, _make(tmp_path / "qemu", content)).message


def test_programs_and_scripts_are_let_pass(tmp_path: Path) -> None:
    """Of this processor, and whichever way a script names its interpreter."""
    check_program("/proc/self/exe")
    check_program(_make(tmp_path / "copy", Path("/proc/self/exe").read_bytes()))
    shell = os.fsencode(shutil.which("sh") or "/bin/sh")
    script = _make(tmp_path / "script", b"#! \t" + shell + b" -e\n")
    check_program(script)
    check_program(_make(tmp_path / "unfinished", b"#!" + shell))
    check_program(_make(tmp_path / "twice", b"#!" + os.fsencode(script) + b"\n"))


def test_scripts_that_interpret_each_other_come_to_an_end(tmp_path: Path) -> None:
    """As the kernel sees it too (ELOOP)."""
    path = tmp_path / "qemu"
    _refused(check_program, _make(path, b"#!" + os.fsencode(path) + b"\n"))


def test_an_interpreter_that_is_missing_is_named(tmp_path: Path) -> None:
    """The kernel's own word for it is that the script is not there."""
    error = _refused(check_program, _make(tmp_path / "qemu", b"#!/no/such/sh\n"))
    assert "/no/such/sh" in error.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_not_started(tmp_path: Path) -> None:
    """And the help says which permission is missing."""
    path = Path(_make(tmp_path / "qemu", b"#!/bin/sh\n"))
    path.chmod(0o111)
    assert "read" in _refused(check_program, str(path)).help


def test_a_signal_has_a_name() -> None:
    """A status of -11 says nothing to most people."""
    assert ending(-11) == "was killed by SIGSEGV"
    assert ending(-60) == "was killed by signal 60"
    assert ending(3) == "ended with status 3"
