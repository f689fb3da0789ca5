"""A virtual machine in a file, or on standard input: a lockfile, or a text that describes it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from platform_abi.emit.lock_reading import MAX_SIZE, check_owner, read_lock, text_of
from platform_abi.errors import HostError, UsageError, printable, suggest
from platform_abi.files import STDIN, read_bytes
from platform_abi.model.value import frozen
from platform_abi.source.kinds import kind_of
from platform_abi.source.reading import VmReading

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue

#: How a source begins that is no file: by who is asked for it.
ORIGIN: Final = re.compile(r"(?P<scheme>[a-z]+):(?P<rest>.*)", re.DOTALL)
SCHEMES: Final = ("virsh", "qm", "pid", "qmp")

_LISTED: Final = "virsh:[URI/]NAME, qm:VMID, pid:NUMBER or qmp:SOCKET"


@frozen(kw_only=True)
class Asked:
    """How a virtual machine is to be read, whatever it comes from; *timeout* is in seconds."""

    catalogue: Catalogue
    arch: str | None
    build: str | None
    timeout: float


def read_file(asked: Asked, name: str) -> GuestAbi | VmReading:
    """Return what the file *name* says, or standard input where that is ``-``."""
    called = "standard input" if name == STDIN else name
    try:
        data = read_bytes(name, MAX_SIZE, stdin=True)
    except HostError as error:
        match = ORIGIN.fullmatch(name)
        if match is None or os.path.exists(name):  # noqa: PTH110 - a name may hold bytes that are no text
            raise
        near = suggest(match["scheme"], SCHEMES)
        raise HostError(
            f"{error.message}{near}", code=error.code, help=f"a source is a file, or {_LISTED}"
        ) from error
    if len(data) > MAX_SIZE:
        raise UsageError(
            f"{printable(called)}: larger than {MAX_SIZE} bytes", code="source-unknown"
        )
    text = data.decode("utf-8", "surrogateescape")
    kind = kind_of(text, called)
    if kind != "lockfile":
        # Most are lockfiles, and need nothing of what reads the others.
        from platform_abi.source.text import read_text

        return read_text(asked.catalogue, text, kind, called, arch=asked.arch, build=asked.build)
    if name != STDIN:
        check_owner(name)
    return read_lock(text_of(data, called), called, catalogue=asked.catalogue)
