"""What this host offers: it is asked for everything, and nothing of the asking stays.

The asking is done by a child (see ``child``), so that no device can hang the caller and no filter
kill it. What the child says is taken with care: whatever is missing or makes no sense is unknown.
What the kernel loads in order to answer, such as the module behind a node that is opened, stays
loaded, as it would after the first virtual machine.
"""

from __future__ import annotations

import contextlib
import os
import platform
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from platform_abi.host.answers import Answers
from platform_abi.host.order import order_for
from platform_abi.host.reply import killed_by
from platform_abi.model.capability import Capability
from platform_abi.model.host import Fact, HostReport

#: How long one device may take to answer, in seconds.
TIMEOUT: Final = 5.0

#: Nobody waits longer, in seconds, and clocks of the kernel cannot count much further.
_LONGEST: Final = 3600.0

#: How long the child may take besides, to start and to end what hangs, in seconds.
_START: Final = 5.0

#: How long a killed child may take to go, in seconds: a device may keep it for ever.
_GRACE: Final = 1.0

#: More than any host has to say, in bytes.
_MAX_ANSWER: Final = 1024 * 1024

_CHILD: Final = (
    # Last, so that nothing beside this package shadows a module of the standard library.
    "import sys; sys.path.append(sys.argv[1]); from platform_abi.host.child import main; main()"
)

#: QEMU's names of architectures that operating systems call otherwise.
_QEMU_NAMES: Final = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "armv7l": "arm",
    "ppc64le": "ppc64",
}


def probe(
    capabilities: Mapping[str, Capability],
    *,
    timeout: float = TIMEOUT,
    python: str | None = None,
) -> HostReport:
    """Return what this host offers, of *capabilities* and of what two hosts are compared by.

    *timeout* is how long one device may take to answer, in seconds; the whole takes a few seconds
    more at most. *python* is the interpreter that asks, this one if it is None.

    What could not be found out is unknown, with the reason; nothing is raised for it. Privileges
    are those of this process, and a node that only QEMU's user may open is unknown to others: ask
    as the user that will run QEMU.
    """
    host = platform.uname()
    system = host.system.lower()
    base = HostReport(
        system=system,
        release=host.release,
        arch=_QEMU_NAMES.get(host.machine.lower(), host.machine.lower()),
    )
    asked = order_for(capabilities, host.machine)
    if system != "linux":
        unknown = Fact(state="unknown", detail="this probe asks Linux")
        return Answers(asked).report(base, dict.fromkeys(asked.names, unknown))
    timeout = min(timeout, _LONGEST)
    said, reason = _ask(asked.document(timeout), timeout, python or sys.executable)
    answers = Answers(asked)
    for line in said.splitlines(keepends=True):
        answers.take(line)
    return answers.report(base, answers.facts(reason))


def _ask(order: bytes, timeout: float, python: str) -> tuple[bytes, str]:
    """Return what the child says to *order*, and why it did not end as it should, if it did not."""
    try:
        child = _start(order, python)
    except (OSError, ValueError) as error:
        return b"", f"the probe did not start: {_words(error)}"
    try:
        said, end = _read(child, timeout)
    finally:
        # Not yet waited for, so that the number is still the child's and its group's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE)
        assert child.stdout is not None  # noqa: S101 - it is a pipe
        child.stdout.close()
    return said, end or _reason(child.returncode)


def _words(error: OSError | ValueError) -> str:
    """Return what was not found or not allowed, with the file if there is one."""
    said = getattr(error, "strerror", None) or type(error).__name__
    file = getattr(error, "filename", None)
    return f"{said}: {file}" if file == os.devnull else said


def _start(order: bytes, python: str) -> subprocess.Popen[bytes]:
    """Start the child: quickly, and untouched by PYTHON* and the user's site."""
    quiet = ["-B"] if sys.dont_write_bytecode else []
    # In memory, and not through a pipe, which could be full before the child reads.
    with os.fdopen(os.memfd_create("probe"), "w+b") as asked:
        asked.write(order)
        asked.seek(0)
        return subprocess.Popen(  # noqa: S603 - this very interpreter, or one the caller names
            [python, "-I", "-S", *quiet, "-c", _CHILD, str(Path(__file__).parents[2])],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Its own process group is what it is killed by; no signal of a terminal's reaches it.
            start_new_session=True,
        )


def _read(child: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, str]:
    """Return what the child says until it is done, and why the rest is unknown, if it was that."""
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    pipe = child.stdout.fileno()
    until = time.monotonic() + timeout + _START
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    said = b""
    while len(said) < _MAX_ANSWER:
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return said, f"no answer in {timeout:g} s"
        more = os.read(pipe, 65536)
        said += more
        if said.endswith(_DONE):
            return said, "the probe did not say"
        if not more:
            return said, ""
    return b"", "the probe said too much"


_DONE: Final = b'["done"]\n'


def _reason(status: int | None) -> str:
    """Return what became of a child that ended without being done."""
    if status is None:
        return "the probe cannot be ended"
    return killed_by(-status) if status < 0 else f"the probe ended early, with status {status}"
