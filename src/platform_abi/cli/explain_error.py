"""The verb ``explain-error``."""

from __future__ import annotations

import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import ExplainErrorOptions
from platform_abi.cli.render import Painted, note, print_json, say, table
from platform_abi.diagnosis.diagnosis import Diagnosis, ExplainedMessage, diagnose
from platform_abi.diagnosis.lacking import Lacking
from platform_abi.diagnosis.masks import Reading
from platform_abi.emit.arguments import shell_words
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import UsageError
from platform_abi.files import STDIN, read_pieces
from platform_abi.model.capability import NO_KERNEL


def run(options: ExplainErrorOptions) -> int:
    """Explain what QEMU printed; 1 where nothing in it says why."""
    text = _text(options)
    found = diagnose(load_catalogue(), text, device=options.device)
    if options.json:
        print_json(document(found, SHAPES))
    else:
        _print(found)
    return 0 if found.explained else 1


# --- input ---------------------------------------------------------------------------------------


def _text(options: ExplainErrorOptions) -> str | Iterator[str]:
    words = options.text
    if options.file is not None and words:
        raise UsageError("both a text and --file are given", code="usage")
    if options.file is not None and options.file != STDIN:
        return _read(options.file)
    if words and words != (STDIN,):
        # Quoted messages are lines; without quotes, the shell has split one.
        quoted = any(" " in word for word in words)
        return ("\n" if quoted else " ").join(words)
    if sys.stdin is None or (options.file is None and not words and sys.stdin.isatty()):
        raise UsageError(
            "there is nothing to explain",
            code="usage",
            help="give what QEMU printed, as text, as --file LOG or on stdin",
        )
    return _read(STDIN)


#: A log of more than this is to be cut before it is explained. In bytes.
_MOST = 256 * 1024 * 1024


def _read(name: str) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8")("replace")
    size = 0
    for data in read_pieces(name, stdin=True):
        size += len(data)
        if size > _MOST:
            raise UsageError(
                f"{name}: more than {_MOST >> 20} MiB", code="usage", help="give the end of the log"
            )
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


# --- JSON ----------------------------------------------------------------------------------------


def _platforms(message: ExplainedMessage) -> dict[str, str]:
    return dict(message.platforms)


SHAPES: Final[Shapes] = {
    Diagnosis: ("explained", "findings", "more"),
    ExplainedMessage: (
        *("code", "line:number", "count", "text", "explained", "severity", "meaning:says"),
        *("help:helps", "side", "section?", "device:family?", "guessed", "lacking", "suspects"),
        ("platforms", _platforms),
        *("arguments", "otherwise"),
    ),
    Reading: ("device:family", "lacking", "suspects"),
    Lacking: (
        *("name?", "bit", "property?", "feature?", "title?", "kernels", "generation"),
        "argument?",
    ),
}


# --- text ----------------------------------------------------------------------------------------


def _print(found: Diagnosis) -> None:
    for number, finding in enumerate(found.findings):
        if number:
            say()
        _print_finding(finding)
    if not found.findings:
        note("nothing found", "no message of QEMU's or libvirt's about a migration or a start")
        return
    if found.more:
        note("and more", f"{found.more} other messages, which the text has too many of")
    if not found.explained:
        note("not explained", "nothing in this text says why it failed")


def _print_finding(finding: ExplainedMessage) -> None:
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    head = f"line {finding.number}: {finding.text}{times}"
    say(Painted(head, "bold"))
    kind = finding.code if finding.severity == "error" else f"{finding.code}, {finding.severity}"
    say(f"  {kind}, {finding.side}: {finding.says}")
    if finding.guessed:
        say(f"  device: {finding.family}, a guess: no message names it; --device says which")
    elif finding.family:
        say(f"  device: {finding.family} ({finding.section or 'by the message'})")
    _print_items("lacking", finding.lacking)
    _print_items("among these", finding.suspects)
    if finding.platforms:
        named = ", ".join(name for _, name in finding.platforms)
        say(f"  newest platforms that do not turn it on: {named}")
    elif finding.arguments and any(item.feature for item in finding.lacking):
        say("  no platform turns it on: the source's command line asked for it")
    if finding.arguments:
        say(f"  at the start of the source: {shell_words(finding.arguments, terminal=True)}")
    for text in finding.helps:
        say(f"  - {text}")
    for reading in finding.otherwise:
        names = ", ".join(_called(item) for item in reading.lacking or reading.suspects)
        say(f"  if it was {reading.family}: {names or '-'}")


def _print_items(head: str, items: Iterable[Lacking]) -> None:
    """Print what is known of *items*: a table, and a list of those with nothing but a name."""
    known = [item for item in items if item.property or item.kernels or item.feature]
    bare = [_called(item) for item in items if item not in known]
    if known:
        say(f"  {head}:")
        rows = [
            [
                "-" if item.bit is None else str(item.bit),
                _called(item),
                item.feature or "-",
                item.property or "-",
                _kernels(item.kernels),
                item.generation or "-",
            ]
            for item in known
        ]
        table(
            ["  BIT", "NAME", "FEATURE", "PROPERTY", "LINUX", "QEMU"],
            [[f"  {row[0]}", *row[1:]] for row in rows],
        )
    if bare:
        say(f"  {'and' if known else head}: {', '.join(bare)}")


def _called(item: Lacking) -> str:
    return item.name or f"bit {item.bit}"


def _kernels(kernels: Mapping[str, str]) -> str:
    """Return the first kernel: one for all backends, or those of each kernel behind it."""
    words = {"": "-", NO_KERNEL: "none yet"}
    if len(set(kernels.values())) <= 1:
        since = next(iter(kernels.values()), "")
        return words.get(since, since)
    grouped: dict[str, list[str]] = {}
    for backend, since in kernels.items():
        grouped.setdefault(since, []).append(backend)
    return "; ".join(
        f"{words.get(since, since)} ({', '.join(backends)})" for since, backends in grouped.items()
    )
