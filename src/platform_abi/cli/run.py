"""The verb ``run``, and all of ``qemu-platform``: a QEMU with its platform, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise

from platform_abi.cli.options import PlatformsOptions, RunOptions
from platform_abi.errors import HostError, UsageError
from platform_abi.launch.launcher import become
from platform_abi.launch.passthrough import passes_through
from platform_abi.qemu.binary import guest_architecture, host_architecture, qemu_path

# Everything else is imported when it is certain that a virtual machine is to be started. typing
# costs as much as all of the above; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.launch.ahead import Ahead
    from platform_abi.launch.asking import ThisHost
    from platform_abi.launch.command_line import CommandLine
    from platform_abi.launch.keeping import Kept
    from platform_abi.launch.platform_option import PlatformOption
    from platform_abi.launch.start import Start
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.guest import MachineView
    from platform_abi.model.machine import QemuBuild

#: What stands before QEMU's own words.
_END = "--"

_EXAMPLE = "as in platform-abi run -- qemu-system-x86_64 -machine pc-q35-9.1 -platform linux-6.9"


def run(options: RunOptions) -> int:
    """Become QEMU, with the platform's values in its arguments; return only where that is not it.

    0 where there was only something to print, 1 where this host cannot honour what was asked for.
    """
    words = list(options.words)
    if words[:1] == [_END]:
        del words[0]
    named = options.qemu
    # Where it is certain by other means which QEMU it is, a first word without a dash is a disk.
    if named is None and options.arch is None:
        if not words:
            raise UsageError("nothing to run", code="usage", help=_EXAMPLE)
        if not words[0].startswith("-"):
            named = words.pop(0)
    binary = qemu_path(named or None, os.environ, options.arch or host_architecture())
    if passes_through(words):
        if options.print_args:
            _print_words(binary, words, options)
            return 0
        become(binary, words)
    return _start(binary, words, options)


def _start(binary: str, words: list[str], options: RunOptions) -> int:
    # Nobody who is asked may be left when this process becomes QEMU: the block ends before.
    with ExitStack() as asked:
        ahead = None
        if _asks_host(words) and not _reported(options):
            from platform_abi.launch.ahead import ahead_of

            ahead = asked.enter_context(ahead_of(binary, words))
        return _read(binary, words, options, ahead, asked)


def _asks_host(words: Sequence[str]) -> bool:
    """Return whether a host is likely to be asked before *words* are started."""
    said = [word for before, word in pairwise(words) if before.lstrip("-") == "platform"]
    return not any(word in _ASK_NOBODY for word in said)


#: What ``-platform`` says where no host is asked for a virtual machine.
_ASK_NOBODY = ("none", "help", "?")


def _read(
    binary: str,
    words: list[str],
    options: RunOptions,
    ahead: Ahead | None,
    asked: ExitStack,
) -> int:
    from platform_abi.cli.opened import load_catalogue
    from platform_abi.launch.command_line import PLATFORM, read_command_line, without
    from platform_abi.launch.platform_option import platform_option

    catalogue = load_catalogue()
    line = read_command_line(catalogue.options(), words)
    option = platform_option(line)
    if option.kind == "help":
        return _help(catalogue, options)
    if option.kind == "none":
        plain = without(line, PLATFORM).words
        if options.print_args:
            _print_words(binary, plain, options)
            return 0
        asked.close()
        become(binary, plain)
    host = _host(catalogue, line, binary, options, ahead)
    return _with_platform(
        catalogue, line, option, binary=binary, options=options, host=host, asked=asked
    )


def _with_platform(
    catalogue: FileCatalogue,
    line: CommandLine,
    option: PlatformOption,
    *,
    binary: str,
    options: RunOptions,
    host: ThisHost,
    asked: ExitStack,
) -> int:
    from platform_abi.cli.start import refuse, remark
    from platform_abi.launch.configuration_files import ConfigurationFiles
    from platform_abi.launch.host_files import ThisHostFiles
    from platform_abi.launch.start import start

    files = ConfigurationFiles()
    kept = None if option.lock is None else _kept(catalogue, option.lock)
    begun = start(
        catalogue,
        line,
        option,
        host,
        arch=guest_architecture(binary, options.arch),
        stored=None if kept is None else kept.abi,
        policy="newest" if option.platform is not None else _policy(),
        read_file=files.read,
        files=ThisHostFiles(handed_on=True),
        program=binary,
        look=None if option.lock is None else _looker(host, binary),
    )
    asked.close()
    blocked = begun.verdict.status == "blocked"
    if options.print_args and options.json:
        from platform_abi.cli.start_document import print_start

        print_start(binary, begun)
    elif blocked:
        refuse(catalogue, begun)
    elif options.print_args:
        remark(begun)
        _print_words(binary, begun.words, options)
    else:
        stored = kept is not None and _keep(host.catalogue, kept, begun, option)
        remark(begun)
        _become(binary, files.handed_on(catalogue.options(), begun.words), kept if stored else None)
    return int(blocked)


def _looker(host: ThisHost, binary: str) -> Callable[[GuestAbi], MachineView]:
    """Return what looks at devices in a *binary* that is started for that, paused."""
    from platform_abi.resolver.admission import portable_abi
    from platform_abi.verifier.paused import look_at

    def look(abi: GuestAbi) -> MachineView:
        # As a lockfile has it: nobody else could look at it with a file of this host.
        return look_at(host.catalogue, portable_abi(host.catalogue, abi), binary)

    return look


def _kept(catalogue: FileCatalogue, lock: str) -> Kept:
    from platform_abi.launch.keeping import read_kept

    return read_kept(catalogue, lock)


def _policy() -> str:
    from platform_abi.cli.hosts import policy

    return policy()


def _reported(options: RunOptions) -> str | None:
    """Return the name of the report that speaks for this host, None where itself is asked."""
    return options.host or os.environ.get(HOST_VARIABLE) or None


def _host(
    catalogue: FileCatalogue,
    line: CommandLine,
    binary: str,
    options: RunOptions,
    ahead: Ahead | None,
) -> ThisHost:
    from functools import partial

    from platform_abi.launch.asking import ThisHost
    from platform_abi.launch.command_line import drivers_named

    learn = partial(_learn, catalogue, drivers_named(catalogue.options(), line))
    name = _reported(options)
    if name is None:
        return ThisHost(catalogue, binary, ahead, learn)
    from platform_abi.cli.reported import ReportedHost

    return ReportedHost(catalogue, binary, name, learn)


def _learn(
    catalogue: FileCatalogue, drivers: Sequence[str], binary: str
) -> tuple[FileCatalogue, QemuBuild]:
    from platform_abi.cli.render import note
    from platform_abi.launch.known import known_before

    def tell(text: str) -> None:
        note("note", text, "dim")

    known = known_before(catalogue, binary, tell, drivers)
    if known is None:
        # Whoever asks a QEMU needs more than a start does.
        from platform_abi.author.learning import known_qemu

        known = known_qemu(catalogue, binary, tell, drivers=drivers)
    return known


#: A report of this very host, by a user who may open more than whoever starts QEMU.
HOST_VARIABLE = "PLATFORM_ABI_HOST"


def _keep(catalogue: Catalogue, kept: Kept, begun: Start, option: PlatformOption) -> bool:
    """Store the choice; return whether there was anything to."""
    from platform_abi.launch.keeping import keep

    return keep(catalogue, kept, begun, option)


def _become(binary: str, words: Sequence[str], stored: Kept | None) -> NoReturn:
    """Become QEMU, or leave the lockfile that was just *stored* as it was before."""
    try:
        become(binary, words)
    except HostError:
        if stored is not None:
            from platform_abi.launch.keeping import take_back

            take_back(stored)
        raise


def _help(catalogue: FileCatalogue, options: RunOptions) -> int:
    from platform_abi.cli.supported import run_supported

    host = options.host or os.environ.get(HOST_VARIABLE) or "this"
    return run_supported(catalogue, PlatformsOptions(json=options.json), host)


def _print_words(binary: str, words: Sequence[str], options: RunOptions) -> None:
    if options.json:
        from platform_abi.cli.start_document import print_untouched

        print_untouched(binary, words)
        return
    from platform_abi.cli.render import write_data

    if any("\n" in word for word in words):
        raise UsageError(
            "a word with a line break cannot be printed as a line", code="usage", help="take --json"
        )
    write_data("".join(f"{word}\n" for word in words))
