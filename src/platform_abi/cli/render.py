"""Text for people: colour and tables on a terminal, plain and stable text elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from platform_abi.errors import printable

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi

_COLORS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def colored(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal that may be coloured (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, color: str, stream: TextIO) -> str:
    """Return *text* in *color* where *stream* may be coloured."""
    return f"\x1b[{_COLORS[color]}m{text}\x1b[0m" if colored(stream) else text


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
            drawn = Table(*headings, box=box.SIMPLE_HEAD)
            for row in clean:
                drawn.add_row(*map(Text, row))
            Console().print(drawn)
            return
    widths = [max(map(len, column)) for column in zip(headings, *clean, strict=True)]
    for row in [list(headings), *clean]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def print_json(document: object) -> None:
    """Print *document*, plain data, as JSON."""
    from platform_abi.emit.plain import to_json

    sys.stdout.write(to_json(document))


def note(kind: str, text: str, color: str = "yellow") -> None:
    """Print a remark to stderr, where it does not disturb what is piped on."""
    print(f"{paint(f'{kind}:', color, sys.stderr)} {printable(text)}", file=sys.stderr)


def remark_migration(abi: GuestAbi) -> None:
    """Say why a guest of *abi* cannot be migrated as it is, or why nobody knows."""
    for entry in abi.unpinned:
        if entry.hinders:
            note("not migratable", f"{entry.what} is left to the host; pin it: {entry.pin}")
    for obstacle in abi.obstacles:
        head = "not migratable" if obstacle.certain else "not known to be migratable"
        note(head, f"{obstacle.what}: {obstacle.reason}; {obstacle.help}")
