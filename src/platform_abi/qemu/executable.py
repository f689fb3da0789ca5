"""What a file is that is about to be started, told by its first bytes, and how one has ended.

The kernel refuses a text, or a program for another processor, with ENOEXEC, and execvp(3) then
hands the file to ``/bin/sh``. setpriv and unshare start their commands by execvp: what is no
program would be run as a shell script, and as root where this runs as root.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Final

from platform_abi.errors import HostError, printable, signal_name

#: How much the kernel reads to tell what a file is (BINPRM_BUF_SIZE in linux/binfmts.h).
_HEAD: Final = 256

#: How many scripts may interpret one another (exec_binprm in fs/exec.c).
_MOST_SCRIPTS: Final = 5

#: A script's first line as load_script in fs/binfmt_script.c reads it.
_INTERPRETER: Final = re.compile(rb"#![ \t]*(?P<path>[^ \t\n\0]+)")

_ELF: Final = b"\x7fELF"

#: The beginning of Elf32_Ehdr and Elf64_Ehdr by EI_CLASS (elf(5)), up to e_phnum.
_HEADERS: Final = {1: struct.Struct("=4s12xHH4xII8x2xHH"), 2: struct.Struct("=4s12xHH4xQQ12x2xHH")}

#: ET_EXEC and ET_DYN: what can be started at all.
_STARTED: Final = (2, 3)

_HELP: Final = "name the binary of a QEMU system emulator that was built for this host"


def check_program(path: str) -> None:
    """Raise HostError (``qemu-failed``) where the kernel would not take *path* for a program.

    It is one if it is an ELF file of the same processor as this process, whole as far as its
    headers go, or a script that names such an interpreter.
    """
    asked, file = printable(path), Path(path)
    for _ in range(_MOST_SCRIPTS):
        head, size = _read(asked, file)
        if not head.startswith(b"#!"):
            _check_elf(asked, file, head, size)
            return
        found = _INTERPRETER.match(head)
        if found is None or found.end() == _HEAD:
            raise _no_program(asked, file, "is a script without an interpreter")
        file = Path(found["path"].decode(errors="surrogateescape"))
    raise _no_program(asked, file, "is a script of a script of a script, without end")


def _read(asked: str, file: Path) -> tuple[bytes, int]:
    """Return how a file begins, and its size."""
    try:
        with file.open("rb") as stream:
            return stream.read(_HEAD), file.stat().st_size
    except OSError as error:
        raise HostError(
            f"{_named(asked, file)} cannot be read: {error.strerror}",
            code="qemu-failed",
            help="let this user read it: nothing is started without a look at what it is",
        ) from error


def _check_elf(asked: str, file: Path, head: bytes, size: int) -> None:
    if not head.startswith(_ELF):
        raise _no_program(asked, file, "is neither a program nor a script")
    own, _ = _read(asked, Path("/proc/self/exe"))
    layout = _HEADERS[own[4]]
    if len(head) < layout.size:
        raise _no_program(asked, file, "is a damaged program")
    _, kind, machine, _, table, entry, count = layout.unpack_from(head)
    _, _, own_machine, _, _, own_entry, _ = layout.unpack_from(own)
    # EI_CLASS and EI_DATA: 32 or 64 bits, and the order of bytes.
    if head[4:6] != own[4:6] or machine != own_machine:
        raise _no_program(asked, file, "is a program for another processor than this host's")
    whole = count and entry == own_entry and table + entry * count <= size
    if not whole or kind not in _STARTED:
        raise _no_program(asked, file, "is a damaged program")


def _no_program(asked: str, file: Path, reason: str) -> HostError:
    return HostError(f"{_named(asked, file)} {reason}", code="qemu-failed", help=_HELP)


def _named(asked: str, file: Path) -> str:
    """Return what the caller named, and the interpreter where that is what is wrong with it."""
    here = printable(str(file))
    return asked if here == asked else f"{asked}: its interpreter {here}"


def ending(status: int) -> str:
    """Return how a process ended that has exit status *status*, negative for a signal."""
    return f"was killed by {signal_name(-status)}" if status < 0 else f"ended with status {status}"
