"""What a file or a text is that people have of a virtual machine: by what it says, not its name."""

from __future__ import annotations

import re
from typing import Final, Literal

from platform_abi.errors import UsageError, printable

#: What a text can be.
Kind = Literal["lockfile", "domain-xml", "qm-conf", "command-line"]

#: What each begins with that is no XML: a lockfile with a key of TOML's, a configuration of Proxmox
#: with one and a colon (qemu-server(5)). A variable of a shell's environment has no space around
#: its sign; a lockfile has (emit/toml.py), and TOML's other forms are no shell's either.
_KEY: Final = re.compile(r"(?:\[\[?[\w.\"-]+\]\]?|[\w-]+[ \t]+=|schema[ \t]*=)[^\S\n]*")
_CONF: Final = re.compile(r"[a-z][a-z0-9_-]*:\s")

#: An option of QEMU's, at the start of a word.
_OPTION: Final = re.compile(r"(?:^|[\s\0])--?[A-Za-z]")

#: What a document of this project's own that is no lockfile has.
_REPORT: Final = re.compile(r'"schema(?:_version)?"\s*:')

_HELP: Final = (
    "it may be a lockfile, a domain XML as 'virsh dumpxml' prints it, a command line as "
    "'qm showcmd' or a log has it, or a file of /etc/pve/qemu-server"
)


def kind_of(text: str, name: str) -> Kind:
    """Return what *text* is, which errors call *name*.

    Raises UsageError, ``source-empty`` where nothing is in it, and ``source-unknown`` where it is
    nothing that a virtual machine is read from.
    """
    body = text.lstrip("\ufeff \t\r\n")
    if not body.strip("\0"):
        raise UsageError(f"{printable(name)}: nothing is in it", code="source-empty", help=_HELP)
    if body.startswith("<"):
        return "domain-xml"
    if body.startswith("{") and _REPORT.search(body):
        raise UsageError(
            f"{printable(name)}: a document of a host or of an answer, and no virtual machine",
            code="source-unknown",
            help="a host report is named with --host, --from and --to; " + _HELP,
        )
    first = _first_line(body)
    if _CONF.match(first):
        return "qm-conf"
    if "\0" not in body and _KEY.match(first):
        return "lockfile"
    if _OPTION.search(body):
        return "command-line"
    raise UsageError(
        f"{printable(name)}: no virtual machine: it begins with {printable(first[:40])!r}",
        code="source-unknown",
        help=_HELP,
    )


def _first_line(text: str) -> str:
    """Return the first line that is no comment; empty where all are."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")
