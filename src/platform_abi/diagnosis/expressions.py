"""The text of a message as a regular expression, and the plain word by which it is looked for.

Every expression is linear in what it reads: a field takes no character with which the words behind
it begin, so that nothing is ever tried twice, and nothing is longer than its limit.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache
from itertools import pairwise

from platform_abi.model.message import KINDS, Piece, pieces

#: Between two words: mail programs break lines, and some put a mark before what they quote.
_GAP = r"[\s>|]{1,80}"

#: A list goes on behind a comma, and one that a program broke at a dash behind that.
_LIST_BREAKS = r"-\n[\s>|]{0,80}(?=[A-Za-z0-9])|,[\s>|]{0,80}(?=[A-Za-z0-9])|"

_NUMBERS = frozenset({"hex", "number", "signed"})

_QUOTE = re.compile(r"\n[\s>|]+")
_BREAKS = re.compile(r"(?<=-)\n[\s>|]*|[\s>|]+")


@cache
def expression(text: str) -> re.Pattern[str]:
    """Return the expression for a message's *text*; its groups are the fields."""
    parts = [*pieces(text), Piece(text="")]
    return re.compile("".join(_part(piece, behind) for piece, behind in pairwise(parts)))


def trigger(text: str) -> str:
    """Return the word that *text* begins with, for which a plain search looks."""
    return next(pieces(text)).text.split(" ", 1)[0]


def cleaned(match: re.Match[str], lists: Container[str]) -> dict[str, str]:
    """Return the fields of a *match*, on one line each; *lists* without any space."""
    return {
        name: _BREAKS.sub("", value) if name in lists else joined(value)
        for name, value in match.groupdict().items()
    }


def joined(text: str) -> str:
    """Return *text*, which may have been broken and quoted, on one line."""
    return " ".join((_QUOTE.sub(" ", text) if "\n" in text else text).split())


def _part(piece: Piece, behind: Piece) -> str:
    if not piece.kind:
        return _GAP.join(re.escape(word) for word in piece.text.split(" "))
    one, most = KINDS[piece.kind]
    # A number that is longer than any is not cut down to one that nobody printed.
    whole = f"(?!{one})" if piece.kind in _NUMBERS and not behind.text else ""
    if piece.kind == "list":
        one = f"{_LIST_BREAKS}{one}"
    return f"(?P<{piece.text}>(?:{_unless(behind, one)}{one}){{1,{most}}}){whole}"


def _unless(behind: Piece, one: str) -> str:
    """Return what keeps a field from the first of the words *behind* it."""
    if not behind.text or behind.kind:
        return ""
    first, space, rest = behind.text.partition(" ")
    word = re.escape(first) + (_GAP + re.escape(rest.split(" ")[0]) if space else "")
    return f"(?!{word})" if re.match(f"(?:{one})", behind.text[:1] + "a") else ""
