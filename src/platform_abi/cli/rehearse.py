"""The verb ``rehearse``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from platform_abi.cli.findings import print_findings
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import RehearseOptions
from platform_abi.cli.render import Painted, print_json, say, show_step
from platform_abi.cli.sources import abi_of_source
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import UsageError

if TYPE_CHECKING:
    from platform_abi.rehearsal.result import OneWay, Rehearsal, RehearsalStatus


def run(options: RehearseOptions) -> int:
    """Say whether a guest moves from one QEMU to another; 1 where it does not, or nobody knows."""
    words = options.words[1:] if options.words[:1] == ("--",) else options.words
    if options.lock is None and not words:
        raise UsageError(
            "nothing to rehearse: name a lockfile, or a command line",
            code="usage",
            help="'platform-abi resolve ... --lock vm.lock' writes one; '-- QEMU ARGS' needs none",
        )
    catalogue = load_catalogue()
    shown = sys.stderr.isatty() and not options.json
    try:
        found = _rehearsed(catalogue, words, options, shown=shown)
    finally:
        if shown:
            show_step("")
    if options.json:
        from platform_abi.rehearsal.document import rehearsal_document

        print_json(rehearsal_document(found))
    else:
        _print(options.qemu, options.to_qemu, found.forward)
        if found.back is not None:
            _print(options.to_qemu, options.qemu, found.back)
    return int(
        found.status == "blocked" or (found.status == "unknown" and not options.allow_unknown)
    )


def _rehearsed(
    catalogue: FileCatalogue, words: Sequence[str], options: RehearseOptions, *, shown: bool
) -> Rehearsal:
    from platform_abi.rehearsal.rehearse import TIMEOUT, rehearse
    from platform_abi.rehearsal.words import rehearse_words

    def progress(what: str) -> None:
        if shown:
            show_step(f"rehearsing: {what}")

    timeout = options.timeout or TIMEOUT
    ends = (options.qemu, options.to_qemu)
    if options.lock is None:
        return rehearse_words(
            *(catalogue, words, *ends),
            arch=options.arch,
            back=options.back,
            timeout=timeout,
            progress=progress,
        )
    return rehearse(
        *(catalogue, abi_of_source(catalogue, options.lock, arch=options.arch), *ends),
        words=words or None,
        back=options.back,
        timeout=timeout,
        progress=progress,
    )


_STATUS_COLORS: dict[RehearsalStatus, str] = {"ok": "green", "unknown": "yellow", "blocked": "red"}


def _print(here: str, there: str, way: OneWay) -> None:
    status = Painted(way.status, _STATUS_COLORS[way.status])
    # One that does not start says no version.
    versions = f"QEMU {way.source or 'unanswered'} -> {way.destination or 'unanswered'}"
    looked = f"{way.moves} moves, {way.compared} PCI functions compared"
    say(f"{here} -> {there}: ", status, f"  ({way.machine}; {versions}; {looked})")
    print_findings(way.findings, by="device")
