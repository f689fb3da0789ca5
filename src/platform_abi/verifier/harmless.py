"""A command line of a QEMU that may be running already, for one that must not get in its way.

A second QEMU with the same words would take sockets and files from the first, talk to its other
processes, or write into memory that both map. Disk images need nothing: QEMU locks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platform_abi.launch.command_line import Option, read_command_line
from platform_abi.model.option_language import join_options, split_options
from platform_abi.model.option_table import OptionTable

#: Options that belong to the one that runs, or would let the other outlive its purpose.
_LEFT_OUT = frozenset(
    {
        "S", "D", "chroot", "daemonize", "display", "gdb", "incoming", "mem-path", "mon", "monitor",
        "nographic", "pidfile", "preconfig", "qmp", "qmp-pretty", "qtest", "qtest-log", "run-with",
        "runas", "s", "spice", "trace", "vnc",
    }
)  # fmt: skip

#: Options that make a device besides: it stays, in front of nothing.
_TO_NOTHING = frozenset({"debugcon", "parallel", "serial"})

#: Guest memory in files, which two QEMUs would share, and the kind that nobody shares.
_SHARED_MEMORY = "memory-backend-file"
_OWN_MEMORY = "memory-backend-ram"
_OF_MEMORY = ("id", "size")


def harmless(table: OptionTable, words: Sequence[str]) -> list[str]:
    """Return *words* without what would reach a QEMU that runs with them; all else as it is.

    Character devices become ``null``, and memory in a file becomes memory of its own.
    """
    line = read_command_line(table, words)
    return [word for option in line.options for word in _words(option, line.words)]


def _words(option: Option, words: Sequence[str]) -> Iterator[str]:
    own = words[option.at : option.at + option.length]
    value = option.value or ""
    if option.name in _LEFT_OUT:
        return
    if option.name in _TO_NOTHING:
        yield from (own[0], "null")
    elif option.name == "chardev" and value:
        name = dict(split_options(value, "backend")).get("id", "")
        yield from (own[0], join_options("null", (("id", name),)))
    elif option.name == "object" and _SHARED_MEMORY in value:
        given = split_options(value, "qom-type")
        kept = tuple((key, text) for key, text in given if key in _OF_MEMORY)
        yield from (own[0], join_options(_OWN_MEMORY, kept))
    else:
        yield from own
