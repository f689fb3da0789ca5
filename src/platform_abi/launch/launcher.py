"""Where QEMU is, and how a process becomes it: nothing here is imported before it is needed.

This is what capability probing waits for, so it costs no more than it must.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence

from platform_abi.errors import HostError, printable

# typing costs as much as all of the above; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

#: Names the QEMU to run, before any that is found.
QEMU_VARIABLE = "PLATFORM_ABI_QEMU"

#: This program under a name that says for which guests: ``qemu-platform-aarch64``.
_OWN_NAME = re.compile(r"qemu-platform-(?P<arch>[a-z0-9_]+)")

#: QEMU under a name that says the same, with whatever a site puts behind it.
_QEMU_NAME = re.compile(r"qemu-system-(?P<arch>[a-z0-9_]+)")

#: What RHEL installs outside of PATH, for guests of the host's architecture.
_OUTSIDE_PATH = "/usr/libexec/qemu-kvm"


def own_architecture(program: str) -> str | None:
    """Return the architecture that the name of this *program* stands for, None for any."""
    match = _OWN_NAME.fullmatch(os.path.basename(program))  # noqa: PTH119 - start-up time
    return None if match is None else match["arch"]


def guest_architecture(binary: str) -> str:
    """Return the architecture that *binary* emulates by its name, else that of this host."""
    match = _QEMU_NAME.match(os.path.basename(binary))  # noqa: PTH119 - start-up time
    return os.uname().machine if match is None else match["arch"]


def find_emulator(
    named: str | None, environment: Mapping[str, str], arch: str | None, program: str
) -> str:
    """Return the path of the QEMU to run: the *named* one, else one for guests of *arch*.

    Without a name it is the one that ``PLATFORM_ABI_QEMU`` of *environment* names, else
    ``qemu-system-ARCH`` on its ``PATH``, else RHEL's. *program* is the file that is running: it may
    itself be installed as ``qemu-system-ARCH``, and is never found.

    Raises HostError: ``qemu-not-found``, or ``qemu-is-this`` where *program* itself was named.
    """
    wanted = named or environment.get(QEMU_VARIABLE) or ""
    if wanted:
        found = next(_runnable(wanted, environment), None)
        if found is not None and _same(found, program):
            raise HostError(
                f"{printable(wanted)} is this program, not a QEMU",
                code="qemu-is-this",
                help=f"name QEMU's own binary with --qemu or {QEMU_VARIABLE}",
            )
    else:
        here = os.uname().machine
        wanted = f"qemu-system-{arch or here}"
        places = [wanted] if arch not in (None, here) else [wanted, _OUTSIDE_PATH]
        candidates = (path for place in places for path in _runnable(place, environment))
        found = next((path for path in candidates if not _same(path, program)), None)
    if found is None:
        raise HostError(
            f"{printable(wanted)}: no such file, or none that this user may run",
            code="qemu-not-found",
            help=f"install QEMU, or name its binary with --qemu or {QEMU_VARIABLE}",
        )
    return found


def _runnable(name: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that *name*, a path or a name to be found in PATH, can mean to this user."""
    if "\0" in name:
        return
    path = environment.get("PATH", os.defpath)
    folders = [""] if "/" in name else path.split(os.pathsep)
    for folder in folders:
        # An empty entry of PATH is the working directory (environ(7)).
        file = name if "/" in name else f"{folder or '.'}/{name}"
        if os.path.isfile(file) and os.access(file, os.X_OK):  # noqa: PTH113 - start-up time
            yield file


def _same(file: str, program: str) -> bool:
    try:
        return os.path.samefile(file, program)  # noqa: PTH121 - start-up time
    except OSError:
        return False


def become(binary: str, words: Sequence[str]) -> NoReturn:
    """Replace this process by *binary* with the arguments *words*: only its number stays.

    QEMU finds what it would find without this program: descriptors, working directory, umask,
    signals and environment. Python's own descriptors close themselves (PEP 446).

    Raises HostError (``qemu-failed``) where the system refuses; the process then lives on.
    """
    # Python ignores these from its start, and what is ignored stays so across exec; who wants
    # EPIPE instead of an end, as QEMU does, says so itself (Modules/main.c; util/oslib-posix.c).
    ignored = {number: signal.signal(number, signal.SIG_DFL) for number in _IGNORED_BY_PYTHON}
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    try:
        os.execve(binary, [binary, *words], _environment())  # noqa: S606 - the point of it
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        for number, handler in ignored.items():
            signal.signal(number, handler)
        reason = getattr(error, "strerror", None) or error
        raise HostError(
            f"cannot start {printable(binary)}: {reason}",
            code="qemu-failed",
            help="name a QEMU system emulator that this user may run",
        ) from error


_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)

#: What Python adds to its environment where the locale is C (PEP 538).
_COERCED = b"LC_CTYPE"


def _environment() -> dict[bytes, bytes]:
    """Return the environment that this process was started with."""
    environment = dict(os.environb)
    if _COERCED in environment:
        try:
            with open("/proc/self/environ", "rb") as stream:  # noqa: PTH123 - start-up time
                given = stream.read().split(b"\0")
        except OSError:
            return environment
        if not any(entry.startswith(_COERCED + b"=") for entry in given):
            del environment[_COERCED]
    return environment
