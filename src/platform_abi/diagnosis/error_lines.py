"""Finds the messages of QEMU and libvirt in any text: logs, reports, mail.

They are looked for anywhere: behind timestamps, inside JSON, several on one line. The text is read
in pieces, so that a log of any size needs no more memory than one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from platform_abi.diagnosis.expressions import cleaned, expression, joined, trigger
from platform_abi.diagnosis.pasted import restored
from platform_abi.model.message import Message, MessageTable, MessageText, Role, pieces
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Line:
    """One message that was read: on which line, counted from 1, with which words in it."""

    code: str
    number: int
    text: str
    role: Role = "cause"
    fields: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Known:
    """A text to look for, with the message that it is of and its rank in the table."""

    rank: tuple[bool, int, int]
    message: Message
    text: MessageText
    #: Its fields that are lists.
    lists: frozenset[str]
    #: It ends with its line, and gives way to a message that is known inside of it.
    open: bool


#: Where a text ends, which it is, and what matched.
_Hit = tuple[int, Known, re.Match[str]]


#: A message has at most so many characters; what is longer is something else.
_LONGEST = 2400

#: So much of a message is shown.
_SHOWN = 300

#: So many characters are searched at once; and so many at their end once more, with those behind.
_WINDOW = 1 << 18
_OVERLAP = 2 * _LONGEST

#: Of several messages that begin at one place: why it failed before where, before any line.
_RANKS: dict[Role, int] = {
    "cause": 0,
    "apart": 0,
    "place": 1,
    "end": 1,
    "sign": 2,
    "noise": 3,
    "unknown": 4,
}


def by_trigger(table: MessageTable) -> dict[str, list[Known]]:
    """Return every text of *table* by the word that it begins with, the first to try first."""
    grouped: dict[str, list[Known]] = {}
    number = 0
    for message in table.messages:
        for text in message.text:
            number += 1
            parts = [*pieces(text.text)]
            known = Known(
                # A text with a condition says more than the same without.
                rank=(not text.when, _RANKS[message.role], number),
                message=message,
                text=text,
                lists=frozenset(part.text for part in parts if part.kind == "list"),
                open=parts[-1].kind == "line",
            )
            grouped.setdefault(trigger(text.text), []).append(known)
    return {word: sorted(known, key=lambda each: each.rank) for word, known in grouped.items()}


def read_lines(known: Mapping[str, Sequence[Known]], text: str | Iterable[str]) -> Iterator[Line]:
    """Yield every message that *text* contains, in order; what is none is passed over.

    *known* is what ``by_trigger`` makes of a table; *text* may come in pieces.
    """
    number, line_of, over = 1, 0, 0
    for window, start, last in _windows(restored([text] if isinstance(text, str) else text)):
        hits = _hits(known, window)
        places = sorted(hits)
        for index, at in enumerate(places):
            if at >= last:
                break
            end, text_of, match = hits[at]
            role = text_of.message.role
            if start + (at if role == "unknown" else end - 1) < over:
                continue  # a part of the message before it
            if text_of.open and _holds_known(hits, places, index + 1, end):
                continue  # it says more
            over = start + end
            number += window.count("\n", line_of, at)
            line_of = at
            yield Line(
                code=text_of.message.code,
                number=number,
                text=joined(match[0])[:_SHOWN],
                role=role,
                fields=cleaned(match, text_of.lists),
            )
        number += window.count("\n", line_of, last)
        line_of = 0


def _windows(texts: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Yield pieces to search, where they begin, and where the next one does, from their begin.

    They overlap, so that each message is whole in the one in which it begins.
    """
    held, start = "", 0
    for text in texts:
        for at in range(0, len(text), _WINDOW):
            held += text[at : at + _WINDOW]
            if len(held) >= _WINDOW + _OVERLAP:
                last = len(held) - _OVERLAP
                yield held, start, last
                held, start = held[last:], start + last
    yield held, start, len(held)


def _holds_known(hits: Mapping[int, _Hit], places: Sequence[int], first: int, end: int) -> bool:
    """Return whether a message that is known begins before *end*, at places from the *first* on."""
    while first < len(places) and places[first] < end:
        if hits[places[first]][1].message.role != "unknown":
            return True
        first += 1
    return False


def _hits(known: Mapping[str, Sequence[Known]], window: str) -> dict[int, _Hit]:
    """Return by place what begins there; of several the first in rank.

    A plain search for the word that it begins with comes first, so that logs cost little.
    """
    hits: dict[int, _Hit] = {}
    for word, candidates in known.items():
        at = window.find(word)
        while at != -1:
            hit = _hit(candidates, window, at)
            if hit is not None and (at not in hits or hit[1].rank < hits[at][1].rank):
                hits[at] = hit
            at = window.find(word, at + len(word))
    return hits


def _hit(candidates: Sequence[Known], window: str, at: int) -> _Hit | None:
    for known in candidates:
        match = expression(known.text.text).match(window, at, at + _LONGEST)
        if match is not None and _meets(match, known):
            return match.end(), known, match
    return None


def _meets(match: re.Match[str], known: Known) -> bool:
    if not known.text.when:
        return True
    fields = cleaned(match, known.lists)
    return all(matches(fields[name], wanted) for name, wanted in known.text.when.items())


def matches(value: str, wanted: Sequence[str]) -> bool:
    """Return whether *value* fits one of *wanted*: with ``*``, ``?``, ``[..]``, in any case."""
    return any(fnmatchcase(value.lower(), pattern.lower()) for pattern in wanted)
