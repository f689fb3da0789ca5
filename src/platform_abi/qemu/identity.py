"""Which QEMU a binary is, told by what its program contains and never by its name, place or time.

A binary may be the program itself, or start it: a script that goes through another dynamic loader
or into a container, a program that sets an environment. What such a wrapper starts may change while
the wrapper does not. So QEMU itself is asked to stand up: it is started with a name for its process
that nobody else has (``-name process=``, prctl(PR_SET_NAME) in os-posix.c), and the process that
then bears it is the QEMU, whoever started it and wherever it is on this host. What that process
executes is looked at through the kernel, whatever the process itself sees of the file system.
"""

from __future__ import annotations

import contextlib
import os
import secrets

from platform_abi.model.value import frozen
from platform_abi.qemu.program import file_identity, is_executable, program_identity, same_file
from platform_abi.qemu.stdio_qmp import Qmp

#: No machine, so that nothing of this host is opened.
NO_MACHINE = ("-machine", "none", "-nodefaults", "-no-user-config")

#: As long as the name of a process may be without its last zero (TASK_COMM_LEN in
#: include/linux/sched.h), in hexadecimal digits of half a byte each, and even.
_NAME_LENGTH = 14

_PROC = "/proc"


@frozen(kw_only=True)
class QemuIdentity:
    """Which QEMU a binary is.

    *program* names the content of QEMU's own program: ``build-id:HEX``, or ``sha256:HEX`` where its
    linker gave it none. *itself* is whether the binary is that program: then ``file_identity`` of
    it says the same for ever after, without anything being started.
    """

    program: str
    itself: bool


def qemu_identity(binary: str, *, timeout: float = 10.0) -> QemuIdentity | None:
    """Return which QEMU *binary* is or starts; None where nobody can tell.

    Nobody can where its process is not on this host or not this user's to look at, or where several
    processes bear its name. It is started once, without a machine, and *timeout* in seconds bounds
    that. Raises HostError, ``qemu-not-found``, ``qemu-failed`` or ``qemu-timeout``, where it does
    not start.
    """
    name = process_name()
    with Qmp(binary, (*named_process(name), *NO_MACHINE), timeout=timeout):
        return running_identity(name, binary)


def process_name() -> str:
    """Return a name for a process that no other process has."""
    return secrets.token_hex(_NAME_LENGTH // 2)


def named_process(name: str) -> tuple[str, str]:
    """Return the arguments with which a QEMU calls its process *name*."""
    return "-name", f"platform-abi,process={name}"


def running_identity(name: str, binary: str) -> QemuIdentity | None:
    """Return which QEMU it is whose process is called *name* and that *binary* has started.

    It is to be asked once QEMU has greeted: from then on it bears the name. None as of
    ``qemu_identity``.
    """
    bearers = [pid for pid in _processes() if _name(pid) == name]
    if len(bearers) != 1:
        return None
    executed = f"{_PROC}/{bearers[0]}/exe"
    try:
        program = _program(bearers[0], executed)
    except OSError:
        return None
    if program is None:
        return None
    itself = same_file(binary, executed) and file_identity(binary) == program
    return QemuIdentity(program=program, itself=itself)


def _processes() -> list[str]:
    with contextlib.suppress(OSError):
        return [name for name in os.listdir(_PROC) if name.isdecimal()]  # noqa: PTH208 - names
    return []


def _name(pid: str) -> str:
    try:
        with open(f"{_PROC}/{pid}/comm", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123 - a file of the kernel's
            return stream.read().rstrip("\n")
    except OSError:  # it has ended
        return ""


def _program(pid: str, executed: str) -> str | None:
    """Return what names the program of a process, None where that is not certain.

    It is the file that is executed, but where that is a dynamic loader the one program that it was
    given. A program without a loader has no other file in memory.
    """
    with open(executed, "rb") as stream:  # noqa: PTH123 - a link of the kernel's
        own = program_identity(stream)
        if is_executable(stream):
            return own
    mapped = _mapped(pid)
    if len(mapped) == 1:
        return own
    loaded = {_mapped_program(path) for path in mapped} - {None}
    return loaded.pop() if len(loaded) == 1 else None


def _mapped(pid: str) -> set[str]:
    """Return the files that a process executes code of, as this process sees them."""
    # An address range, permissions, an offset, a device, an inode, a path: proc_pid_maps(5).
    fields = 6
    with open(f"{_PROC}/{pid}/maps", encoding="utf-8", errors="surrogateescape") as stream:  # noqa: PTH123 - as above
        lines = [line.rstrip("\n").split(None, fields - 1) for line in stream]
    return {
        f"{_PROC}/{pid}/root{line[-1]}"
        for line in lines
        if len(line) == fields and "x" in line[1] and line[-1].startswith("/")
    }


def _mapped_program(path: str) -> str | None:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - a regular file: its code is executed
            return program_identity(stream) if is_executable(stream) else None
    except OSError:  # another file has its name by now, or none
        return None


__all__ = [
    "QemuIdentity",
    "file_identity",
    "named_process",
    "process_name",
    "qemu_identity",
    "running_identity",
]
