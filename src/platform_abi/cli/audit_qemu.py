"""The verb ``audit-qemu``: whether a binary keeps the promises of what is known."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby, takewhile
from pathlib import Path
from typing import Final

from platform_abi.author.audited import Audited, ask, look, without
from platform_abi.author.devices import Progress
from platform_abi.author.difference import AuditVerdict, Difference
from platform_abi.author.junit import Occasion, junit_text
from platform_abi.author.promises import (
    against_binary,
    against_build,
    expected_build,
    incomplete,
    other_binary,
    whole,
)
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import AuditOptions
from platform_abi.cli.render import Painted, note, print_json, say, show_progress, table
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import HostError, UsageError, first_of
from platform_abi.files import write_text
from platform_abi.guest.document import view_text
from platform_abi.guest.look import TIMEOUT, can_be_seen, no_view
from platform_abi.model.value import frozen

#: What the binaries are called beside the builds of the catalogue, which are called after versions.
_FOUND, _OTHER = "audited", "audited-against"


def run(options: AuditOptions) -> int:
    """Print what a binary does otherwise than expected; the exit code says whether it does."""
    if options.against is not None and options.against_binary is not None:
        raise UsageError("--against and --against-binary contradict each other", code="usage")
    timeout = options.timeout or TIMEOUT
    occasion = _occasion()
    catalogue = load_catalogue()
    found = ask(catalogue, options.binary, _FOUND, timeout=timeout)
    machines = found.chosen(options.machine)
    other = expected = None
    # What can go wrong does before anything takes long.
    _check_written(options, catalogue, found, machines)
    if options.against_binary is not None:
        name = options.against_binary
        other = other_binary(catalogue, name, _OTHER, found, timeout=timeout)
    elif options.view is None or (options.against, options.junit) != (None, None):
        expected = expected_build(catalogue, options.against, found.build)
    progress = _progress()
    view = look(catalogue, found, machines, timeout=timeout, progress=progress)
    if options.view is not None:
        write_text(options.view, view_text(without(view, incomplete(catalogue, view))))
    if other is not None:
        verdict = against_binary(
            catalogue, other, found, view, machines, timeout=timeout, progress=progress
        )
    elif expected is not None:
        verdict = against_build(catalogue, expected, found, view, machines)
    else:
        return 0
    verdict = whole(catalogue, verdict, [found] if other is None else [found, other])
    audit = Audit(audited=found, verdict=verdict)
    if options.junit is not None:
        write_text(options.junit, junit_text(found, verdict, occasion))
    if options.json:
        print_json(document(audit, SHAPES))
    else:
        _print(audit)
    return int(not verdict.kept)


def _occasion() -> Occasion:
    """Return the time and the host of an audit that begins now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return Occasion(timestamp=now, hostname=os.uname().nodename or "localhost")


def _check_written(
    options: AuditOptions, catalogue: FileCatalogue, found: Audited, machines: Sequence[str]
) -> None:
    """Raise the error that writing files would end in, as far as it can be told before."""
    for name in filter(None, (options.view, options.junit)):
        _check_folder(name)
    if options.view is None:
        return
    arch = found.build.arch
    looked_at = catalogue.guest_devices(arch)
    if not any(can_be_seen(looked_at, machine) for machine in machines):
        raise no_view(looked_at, _names(machines), arch)


def _check_folder(name: str) -> None:
    path = Path(os.path.realpath(name))
    if path.is_dir() or not path.parent.is_dir():
        reason = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise HostError(
            f"cannot write {name}: {reason}",
            code="write-failed",
            help="name a file in a folder that is there",
        )


def _progress() -> Progress:
    """Return what shows on a terminal how far it is, and says nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _done, _all: None

    return partial(show_progress, "looking at machine types")


# --- what is printed -----------------------------------------------------------------------------


@frozen(kw_only=True)
class SharedDifference:
    """A difference, and all machine types that have it."""

    machines: tuple[str, ...]
    device: str
    what: str
    expected: str | None
    found: str | None
    pin: str


@frozen(kw_only=True)
class Audit:
    """What ``audit-qemu`` says of a binary."""

    audited: Audited
    verdict: AuditVerdict


def _shared(differences: Iterable[Difference]) -> list[SharedDifference]:
    """Return differences with all machine types that have the same, in a fixed order."""

    def key(difference: Difference) -> tuple[str, ...]:
        return tuple(part or "" for part in difference.content)

    found = []
    for _, group in groupby(sorted(differences, key=key), key=key):
        same = list(group)
        device, what, expected, other, pin = same[0].content
        found.append(
            SharedDifference(
                machines=tuple(each.machine for each in same),
                device=device,
                what=what,
                expected=expected,
                found=other,
                pin=pin,
            )
        )
    return found


def _differences(audit: Audit) -> list[SharedDifference]:
    return _shared(audit.verdict.differences)


def _compared(audit: Audit) -> dict[str, int]:
    """Return of how many machine types the properties, and what guests find, were compared."""
    return {"properties": audit.verdict.properties, "guest_views": audit.verdict.views}


def _not_compared(audit: Audit) -> dict[str, str]:
    return dict(sorted(audit.verdict.unseen.items()))


SHAPES: Final[Shapes] = {
    Audit: (
        *("binary:audited.binary", "version:audited.build.version"),
        *("package:audited.build.package", "arch:audited.build.arch"),
        *("expected:verdict.expected", "kept:verdict.kept", ("compared", _compared)),
        *("machines:verdict.machines", ("differences", _differences)),
        ("not_compared", _not_compared),
    ),
    SharedDifference: ("machines", "device", "what", "expected", "found", "pin?"),
}


def _print(audit: Audit) -> None:
    verdict, build = audit.verdict, audit.audited.build
    package = f" ({build.package})" if build.package else ""
    word = Painted(*_WORDS[verdict.kept])
    say(f"{audit.audited.binary}: QEMU {build.version}{package} for {build.arch}")
    noun = "machine type" if verdict.views == 1 else "machine types"
    counts = f"properties of {verdict.properties}, guest views of {verdict.views} {noun} compared"
    say(f"promises of {verdict.expected}: ", word, f"; {counts}")
    rows = [
        [*_clipped(d.device, d.what), *_sides(d.expected, d.found), _names(d.machines), d.pin]
        for d in _differences(audit)
    ]
    if rows:
        say()
        table(["DEVICE", "WHAT", "EXPECTED", "FOUND", "MACHINE TYPES", "PIN"], rows)
    reasons: dict[str, list[str]] = {}
    for what, reason in _not_compared(audit).items():
        reasons.setdefault(reason, []).append(what)
    for reason, names in reasons.items():
        note("not compared", f"{_names(names)}: {reason}")


def _clipped(*cells: str | None) -> list[str]:
    texts = ["-" if cell is None else cell for cell in cells]
    return [text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..." for text in texts]


_WIDEST = 60


def _sides(expected: str | None, found: str | None) -> list[str]:
    """Return the cells of what was expected and what was found: of long ones, where they differ.

    Bytes in hexadecimal, such as a configuration, are cut between bytes, and counted.
    """
    if expected is None or found is None or max(len(expected), len(found)) <= _WIDEST:
        return _clipped(expected, found)
    sides = [expected, found]
    pairs = zip(expected, found, strict=False)
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    if all(_BYTES.fullmatch(side) for side in sides):
        same -= same % 2
        begin = f"byte {same // 2}: "
    else:
        same = max(0, same - _CONTEXT)
        begin = "..." if same else ""
    return _clipped(*(begin + (side[same:] or "the end") for side in sides))


_BYTES = re.compile("(?:[0-9a-f]{2})+")

#: How much is shown before the place where two texts differ.
_CONTEXT = 12

#: What each verdict is called, and how it is painted.
_WORDS = {True: ("kept", "green"), False: ("not kept", "red"), None: ("not known", "yellow")}


def _names(machines: Sequence[str]) -> str:
    return first_of(machines, _SHOWN)


_SHOWN = 2
