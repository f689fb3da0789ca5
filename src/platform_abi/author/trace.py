"""Compat properties of a QEMU that does not list them, seen while it builds its machine classes.

``query-machines`` lists them since QEMU 9.1. Before that, ``compat_trace.c`` beside this module is
compiled and preloaded; it works since QEMU 4.0, keeps QEMU's own order and knows which entries
QEMU itself calls optional.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from platform_abi.errors import HostError, printable
from platform_abi.model.machine import CompatProperty
from platform_abi.qemu.process import Throwaway

_SOURCE = Path(__file__).with_name("compat_trace.c")
_SEPARATOR = "\x1f"

#: Listing machine types is what makes QEMU build their classes.
_QUESTIONS = b'{"execute":"qmp_capabilities"}{"execute":"query-machines"}{"execute":"quit"}\n'

_ARGUMENTS = ("-machine", "none", "-nodefaults", "-no-user-config", "-S",
    "-display", "none", "-qmp", "stdio")  # fmt: skip

_HELP = "install a C compiler, or set CC; QEMU lists compat properties by itself since 9.1"


def traced_compat(binary: str, *, timeout: float) -> dict[str, tuple[CompatProperty, ...]]:
    """Return the compat properties of every machine type of *binary*, in QEMU's order.

    *timeout* is in seconds. Raises HostError: ``no-compiler``, or what starting a QEMU raises.
    """
    with tempfile.TemporaryDirectory(prefix="platform-abi-") as folder:
        shim, trace = Path(folder, "compat_trace.so"), Path(folder, "trace")
        _compile(shim)
        with Throwaway(
            [binary, *_ARGUMENTS],
            environment=_environment(shim, trace),
            writable=folder,
        ) as qemu:
            _ask(qemu, binary, timeout)
        return parse_trace(trace.read_text(encoding="utf-8") if trace.exists() else "")


def _ask(qemu: Throwaway, binary: str, timeout: float) -> None:
    try:
        qemu.send(_QUESTIONS)
        qemu.read_all(time.monotonic() + timeout)
    except TimeoutError:
        raise HostError(
            f"{printable(binary)} did not answer in {timeout:g} s",
            code="qemu-timeout",
            help="the host may be busy: allow it more time",
        ) from None
    except BrokenPipeError:
        pass  # it has ended; what it left says whether that was too early


def _compile(target: Path) -> None:
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise HostError(
            "no C compiler, to see the compat properties of a QEMU before 9.1",
            code="no-compiler",
            help=_HELP,
        )
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(target), str(_SOURCE), "-ldl"]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own compiler
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMPILING,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(compiler, str(error)) from error
    if done.returncode:
        raise _refused(compiler, done.stderr)


#: Compiling takes a fraction of a second. In seconds.
_COMPILING = 60


def _refused(compiler: str, reason: str) -> HostError:
    return HostError(
        f"{printable(compiler)} does not compile {_SOURCE.name}:",
        code="no-compiler",
        help=_HELP,
        details=reason.splitlines(),
    )


def _environment(shim: Path, trace: Path) -> dict[str, str]:
    """Return what traces a binary, or the one that a wrapper script starts.

    A wrapper that starts its QEMU through another dynamic loader hands QEMU_PRELOAD to it.
    """
    preload = ":".join(filter(None, [str(shim), os.environ.get("LD_PRELOAD")]))
    return {"LD_PRELOAD": preload, "QEMU_PRELOAD": str(shim), "COMPAT_TRACE": str(trace)}


def parse_trace(text: str) -> dict[str, tuple[CompatProperty, ...]]:
    """Return the compat properties of each machine class that ``compat_trace.c`` wrote down."""
    lists: dict[str, list[CompatProperty]] = {}
    for line in text.splitlines():
        kind, machine, *fields = line.split(_SEPARATOR)
        if kind == "machine":
            lists[machine] = []
            continue
        driver, name, value, optional = fields
        lists[machine].append(
            CompatProperty(driver=driver, property=name, value=value, optional=optional == "1")
        )
    return {machine: tuple(entries) for machine, entries in lists.items()}
