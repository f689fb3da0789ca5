"""The one place where text leaves: nothing that others wrote steers a terminal or forges a line.

What verbs print is prose or data. Prose is written a line at a time, and in a line every character
that no printer shows is escaped: control characters, line breaks that came with a value, those that
turn the direction of writing, those without a width, and bytes that are no text. Data, such as the
words of a command line, goes to a file or another program as it is; only a terminal is never given
more than line breaks. JSON is ASCII, so that it is both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from platform_abi.errors import printable

if TYPE_CHECKING:
    from platform_abi.errors import PlatformAbiError
    from platform_abi.model.abi import GuestAbi

_COLORS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


class Painted:
    """*text* in a *color*, where there are colours: a piece of a line, and no text by itself."""

    __slots__ = ("color", "text")

    def __init__(self, text: str, color: str) -> None:
        self.text = text
        self.color = color


def say(*pieces: str | Painted, to: TextIO | None = None) -> None:
    """Print *pieces* as one line, to stdout or *to* another stream."""
    stream = sys.stdout if to is None else to
    shown = "".join(_shown(piece, stream) for piece in pieces)
    encoding = stream.encoding or "utf-8"
    print(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _shown(piece: str | Painted, stream: TextIO) -> str:
    if isinstance(piece, str):
        return printable(piece)
    text = printable(piece.text)
    return f"\x1b[{_COLORS[piece.color]}m{text}\x1b[0m" if colored(stream) else text


def colored(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal that may be coloured (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* under *headings*: with rich on a terminal that has it, else with spaces."""
    clean = [[printable(cell) for cell in row] for row in rows]
    if colored(sys.stdout):
        try:
            from rich import box
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError:
            pass
        else:
            drawn = Table(box=box.SIMPLE_HEAD)
            for heading in headings:
                # Nothing is cut: a name that was could not be copied.
                drawn.add_column(heading, overflow="fold")
            for row in clean:
                drawn.add_row(*map(Text, row))
            Console().print(drawn)
            return
    widths = [max(map(len, column)) for column in zip(headings, *clean, strict=True)]
    for row in [list(headings), *clean]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def note(kind: str, text: str, color: str = "yellow") -> None:
    """Print a remark to stderr, where it does not disturb what is piped on."""
    say(Painted(f"{kind}:", color), " ", text, to=sys.stderr)


def print_error(error: PlatformAbiError, *, as_json: bool) -> None:
    """Print *error* to stderr: in lines, or as a JSON object in one."""
    if as_json:
        from platform_abi.emit.plain import SCHEMA_VERSION, json_line

        said = {"schema_version": SCHEMA_VERSION, "error": error.as_dict()}
        say(json_line(said), to=sys.stderr)
        return
    head = Painted(f"error[{error.code}]:", "red")
    say(head, " ", error.lines[0], to=sys.stderr)
    for line in error.lines[1:]:
        say(line, to=sys.stderr)
    if error.help:
        say("help: ", error.help, to=sys.stderr)


def show_progress(what: str, done: int, of: int) -> None:
    """Say on a terminal's stderr how far something is, and take that away at its end."""
    shown = f"{what}: {done} of {of}" if done < of else ""
    print(f"\r\x1b[K{shown}", end="", file=sys.stderr, flush=True)


def show_step(text: str) -> None:
    """Say on a terminal's stderr what is done now, in place of what was; nothing at the end."""
    print(f"\r\x1b[K{printable(text)}", end="", file=sys.stderr, flush=True)


def write_data(text: str) -> None:
    """Print *text* that another program is to read: to a terminal as lines of prose, else as is."""
    if sys.stdout.isatty():
        text = "\n".join(map(printable, text.split("\n")))
    sys.stdout.write(text)


def print_json(document: object) -> None:
    """Print *document*, plain data, as JSON."""
    from platform_abi.emit.plain import to_json

    write_data(to_json(document))


def remark_migration(abi: GuestAbi) -> None:
    """Say why a guest of *abi* cannot be migrated as it is, or why nobody knows."""
    for entry in abi.unpinned:
        if entry.hinders:
            note("not migratable", f"{entry.what} is left to the host; pin it: {entry.pin}")
    for obstacle in abi.obstacles:
        head = "not migratable" if obstacle.certain else "not known to be migratable"
        note(head, f"{obstacle.what}: {obstacle.reason}; {obstacle.help}")
