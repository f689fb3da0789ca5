"""The verb ``audit-qemu``: whether a binary keeps the promises of what is known."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from platform_abi.author.audited import Audited, ask, look, without
from platform_abi.author.devices import Progress
from platform_abi.author.promises import (
    against_binary,
    against_build,
    expected_build,
    incomplete,
    whole,
)
from platform_abi.cli.render import note, paint, table
from platform_abi.compat.audit import AuditVerdict, Difference
from platform_abi.definitions.catalogue import load_catalogue
from platform_abi.errors import UsageError
from platform_abi.host.guest_view import TIMEOUT
from platform_abi.host.view_document import view_text

#: What the binaries are called beside the builds of the catalogue, which are called after versions.
_FOUND, _OTHER = "audited", "audited-against"

#: Nobody waits longer for one answer. In seconds.
_LONGEST = 600


def run(arguments: argparse.Namespace) -> int:
    """Print what a binary does otherwise than expected; the exit code says whether it does."""
    timeout = _timeout(arguments)
    catalogue = load_catalogue()
    found = ask(catalogue, arguments.binary, _FOUND, timeout=timeout)
    machines = found.chosen(arguments.machine)
    other = None
    if arguments.against_binary is not None:
        other = ask(catalogue, arguments.against_binary, _OTHER, timeout=timeout)
    elif arguments.against is not None or arguments.view is None:
        expected_build(catalogue, arguments.against, found.build)  # before anything takes long
    progress = _progress()
    view = look(catalogue, found, machines, timeout=timeout, progress=progress)
    if arguments.view is not None:
        from platform_abi.emit.lockfile import write_text

        if not view.machines:
            raise UsageError(
                f"{', '.join(machines[:_SHOWN])}: no machine type here can be looked at",
                code="no-guest-view",
                help="those that can be have the PCI bus of a PC: pc-q35 and pc-i440fx",
            )
        write_text(arguments.view, view_text(without(view, incomplete(catalogue, view))))
        if other is None and arguments.against is None:
            return 0
    if other is not None:
        verdict = against_binary(
            catalogue, other, found, view, machines, timeout=timeout, progress=progress
        )
    else:
        expected = expected_build(catalogue, arguments.against, found.build)
        verdict = against_build(catalogue, expected, found, view, machines)
    verdict = whole(catalogue, verdict, [found] if other is None else [found, other])
    _print(arguments, found, verdict)
    return int(not verdict.kept)


def _progress() -> Progress:
    """Return what shows on a terminal how far it is, and says nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _done, _all: None

    def show(done: int, of: int) -> None:
        end = "\r" if done < of else "\r\x1b[K"
        print(f"looking at machine types: {done} of {of}", end=end, file=sys.stderr, flush=True)

    return show


def _timeout(arguments: argparse.Namespace) -> float:
    if arguments.against is not None and arguments.against_binary is not None:
        raise UsageError("--against and --against-binary contradict each other", code="usage")
    seconds = TIMEOUT if arguments.timeout is None else float(arguments.timeout)
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"--timeout takes seconds, up to {_LONGEST}; found {seconds:g}", code="usage"
        )
    return seconds


# --- what is printed -----------------------------------------------------------------------------


def _grouped(differences: Sequence[Difference]) -> list[tuple[list[str], Difference]]:
    """Return differences with all machine types that have the same, in a fixed order."""

    def key(difference: Difference) -> tuple[str, ...]:
        return tuple(part or "" for part in difference.content)

    groups = groupby(sorted(differences, key=key), key=key)
    found = [(list(group)) for _, group in groups]
    return [([each.machine for each in group], group[0]) for group in found]


def _print(arguments: argparse.Namespace, found: Audited, verdict: AuditVerdict) -> None:
    if arguments.json:
        from platform_abi.emit.document import to_json

        sys.stdout.write(to_json(_document(found, verdict)))
        return
    build = found.build
    package = f" ({build.package})" if build.package else ""
    word = (
        paint("kept", "green", sys.stdout) if verdict.kept else paint("not kept", "red", sys.stdout)
    )
    print(f"{found.binary}: QEMU {build.version}{package} for {build.arch}")
    count = len(verdict.machines)
    noun = "machine type" if count == 1 else "machine types"
    print(f"promises of {verdict.expected}: {word}, {count} {noun} looked at")
    rows = [
        [*_clipped(d.device, d.what, d.expected, d.found), _names(machines), d.pin]
        for machines, d in _grouped(verdict.differences)
    ]
    if rows:
        print()
        table(["DEVICE", "WHAT", "EXPECTED", "FOUND", "MACHINE TYPES", "PIN"], rows)
    reasons: dict[str, list[str]] = {}
    for what, reason in sorted(verdict.unseen.items()):
        reasons.setdefault(reason, []).append(what)
    for reason, names in reasons.items():
        note("not compared", f"{_names(names)}: {reason}")


def _clipped(*cells: str | None) -> list[str]:
    texts = ["-" if cell is None else cell for cell in cells]
    return [text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..." for text in texts]


_WIDEST = 60


def _names(machines: Sequence[str]) -> str:
    more = len(machines) - _SHOWN
    return ", ".join(machines[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


_SHOWN = 2


def _document(found: Audited, verdict: AuditVerdict) -> dict[str, Any]:
    from platform_abi.emit.document import SCHEMA_VERSION

    build = found.build
    return {
        "schema_version": SCHEMA_VERSION,
        "binary": found.binary,
        "version": build.version,
        "package": build.package,
        "arch": build.arch,
        "expected": verdict.expected,
        "kept": verdict.kept,
        "machines": list(verdict.machines),
        "differences": [
            {
                "machines": machines,
                "device": d.device,
                "what": d.what,
                "expected": d.expected,
                "found": d.found,
                "pin": d.pin or None,
            }
            for machines, d in _grouped(verdict.differences)
        ],
        "not_compared": dict(sorted(verdict.unseen.items())),
    }
