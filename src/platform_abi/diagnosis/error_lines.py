"""Finds the messages of QEMU and libvirt in any text: logs, reports, mail.

They are looked for anywhere: behind timestamps, inside JSON, several on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from attrs import field

from platform_abi.diagnosis.messages import PATTERNS, Pattern, Role
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Line:
    """One message that was found: on which line, counted from 1, with which words in it."""

    code: str
    number: int
    text: str
    role: Role = "cause"
    fields: Mapping[str, str] = field(factory=dict)


#: A message has at most so many characters; what is longer is something else.
_LONGEST = 2400

#: So much of a message is shown.
_SHOWN = 300


def read_lines(text: str) -> tuple[Line, ...]:
    """Return every message that *text* contains, in order; what is none is passed over."""
    # Of several that begin at one place the first of the table counts.
    hits: dict[int, tuple[Pattern, re.Match[str]]] = {}
    for pattern in PATTERNS:
        for match in _matches(pattern, text):
            hits.setdefault(match.start(), (pattern, match))
    lines: list[Line] = []
    number, counted = 1, 0
    for start in sorted(hits):
        pattern, match = hits[start]
        number += text.count("\n", counted, start)
        counted = start
        lines.append(
            Line(
                code=pattern.code,
                number=number,
                text=" ".join(match[0].split())[:_SHOWN],
                role=pattern.role,
                fields={key: word for key, word in match.groupdict().items() if word is not None},
            )
        )
    return tuple(lines)


def _matches(pattern: Pattern, text: str) -> Iterator[re.Match[str]]:
    """Yield where *pattern* is: a plain search finds how it begins, so that logs cost little."""
    expression = _compiled(pattern.regex)
    at = text.find(pattern.begins)
    while at != -1:
        match = expression.match(text, at, at + _LONGEST)
        if match is not None:
            yield match
        at = text.find(pattern.begins, at + len(pattern.begins))


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)
