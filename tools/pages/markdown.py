"""Tables, anchors and code, as Markdown of the documentation takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(cell(each) for each in row)} |"
    yield ""


def cell(text: str) -> str:
    """Return *text* as a cell of a table takes it."""
    return re.sub(r"(?<!\\)\|", r"\\|", text.replace("\n", " "))


def as_code(text: str) -> str:
    """Return *text* as code, whatever marks are in it."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("`", "&#96;")
    escaped = escaped.replace("|", "&#124;").replace("*", "&#42;").replace("_", "&#95;")
    return f"<code>{escaped}</code>"


def marked(kind: str, code: str) -> str:
    """Return *code* with an anchor by which it can be linked to."""
    return f'<a id="{kind}-{code}"></a>`{code}`'


def anchor(title: str) -> str:
    """Return the anchor that Markdown's table of contents gives a heading."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower())


def decapitalized(text: str) -> str:
    """Return *text* as it stands within a sentence."""
    return text[:1].lower() + text[1:]
