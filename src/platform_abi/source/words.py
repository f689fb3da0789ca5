"""A virtual machine from a command line of QEMU's, as a file, a log or a process list has it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError
from platform_abi.launch.command_line import CommandLine, read_command_line
from platform_abi.launch.described import described
from platform_abi.launch.platform_option import platform_option
from platform_abi.qemu.binary import guest_architecture, is_qemu
from platform_abi.source.reading import KnownBesides, Unread, VmReading, with_unread

if TYPE_CHECKING:
    from typing import Unpack

    from platform_abi.launch.hardware_options import HostFiles
    from platform_abi.model.catalogue import Catalogue

#: A word before a program that a shell takes for a variable of its environment.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)

#: A line that goes on in the next one.
_CONTINUED = re.compile(r"\\\r?\n")


def from_command_line(
    catalogue: Catalogue,
    command_line: str | Sequence[str],
    *,
    arch: str | None = None,
    build: str | None = None,
    aliases: Mapping[str, str] = MappingProxyType({}),
    read_file: Callable[[str], str | None] | None = None,
    files: HostFiles | None = None,
) -> VmReading:
    """Return the virtual machine that a command line of QEMU's describes.

    *command_line* is its words, with the program or without, or a text as a shell reads it: of
    ``qm showcmd``, a log of libvirt's or a process list. What stands before the program, such as
    variables and ``sudo``, is no part of it. *arch* is the guest's architecture, else what the name
    of the program says, else that of this host; *build* the QEMU to resolve against; *aliases* what
    that one calls a machine type otherwise. *read_file* gives the text of a file of
    ``-readconfig``, None for one that is left unread, *files* sizes of images; without them these
    are unknown.

    Of secrets in it nothing is kept. Devices that no definition knows
    are ``unread``, and so is a configuration that cannot be read.

    Raises UsageError for what neither a shell nor QEMU could read, and where no machine type is
    named (``no-machine``) or an alias such as ``q35`` is, without *build*.
    """
    words = split(command_line) if isinstance(command_line, str) else [*command_line]
    program, words = divided(words)
    return read_line(
        catalogue,
        read_command_line(catalogue.options(), words),
        program=program,
        arch=arch or guest_architecture(program),
        build=build,
        aliases=aliases,
        read_file=read_file,
        files=files,
    )


def read_line(
    catalogue: Catalogue,
    line: CommandLine,
    *,
    program: str,
    arch: str,
    unread: Sequence[Unread] = (),
    **besides: Unpack[KnownBesides],
) -> VmReading:
    """Return what the options of *line* describe, and *unread* of what they were made of."""
    found = described(catalogue, line, arch=arch, program=program, **besides)
    left_out = (Unread(what=what, reason=reason) for reason, what in found.unread.items())
    pieces = (*unread, *left_out)
    return VmReading(
        vm=with_unread(found.vm, pieces),
        unread=pieces,
        platform=platform_option(line).platform,
        remarks=tuple(text for text in found.remarks if text not in found.unread),
    )


def split(text: str) -> list[str]:
    """Return the words of *text* as a shell reads them, or as /proc has them: with NUL after each.

    Raises UsageError (``command-line-syntax``) for a quote that does not end.
    """
    if "\0" in text:
        return text.removesuffix("\0").split("\0")
    try:
        return shlex.split(_CONTINUED.sub("", text))
    except ValueError as error:
        raise UsageError(
            f"a shell could not read this command line: {error}",
            code="command-line-syntax",
            help="take it as 'qm showcmd' or a log of libvirt's has it, quotes included",
        ) from None


def divided(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the program that *words* name, empty where they begin with an option, and the rest.

    Raises UsageError (``command-line-empty``) where there is no word.
    """
    left = [*words]
    while left and _VARIABLE.fullmatch(left[0]):
        del left[0]
    if not left:
        raise UsageError(
            "no command line: nothing is in it",
            code="command-line-empty",
            help="a QEMU and its options, as in qemu-system-x86_64 -machine pc-q35-9.1 ...",
        )
    if left[0].startswith("-"):
        return "", left
    # Whatever runs it, such as sudo or a wrapper of a site, comes before a QEMU's own name.
    at = next((at for at, word in enumerate(left) if is_qemu(os.path.basename(word))), 0)  # noqa: PTH119
    return left[at], left[at + 1 :]
