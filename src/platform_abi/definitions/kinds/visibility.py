"""``visibility/*.toml``: who can tell the values of which properties, and what boards hold."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault, grounds_faults
from platform_abi.definitions.reading import Reader
from platform_abi.model.value import frozen
from platform_abi.model.visibility import (
    ANY,
    Board,
    Formerly,
    SameValues,
    Shown,
    Visibility,
    VisibilityRule,
)

#: One value is the same as itself without anybody saying so.
_AT_LEAST_TWO = 2


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    rule: tuple[VisibilityRule, ...] = ()
    board: tuple[Board, ...] = ()
    same: tuple[SameValues, ...] = ()
    shown: tuple[Shown, ...] = ()
    formerly: tuple[Formerly, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, rule in enumerate(self.rule):
            if not rule.reason.strip():
                yield ("rule", index, "reason"), "a rule must say why"
            if not rule.properties:
                yield ("rule", index, "properties"), "expected at least one property"
            for at, name in enumerate(rule.properties):
                yield from _pattern_faults(("rule", index, "properties", at), name)
        for index, board in enumerate(self.board):
            if not board.families:
                yield ("board", index, "families"), "expected at least one family"
        for index, formerly in enumerate(self.formerly):
            if not (formerly.drivers and formerly.reason and formerly.source):
                yield ("formerly", index), "expected drivers, a reason, and a source"
        yield from self._shown_faults()
        yield from self._same_faults()

    def _shown_faults(self) -> Iterator[Fault]:
        """Yield what is wrong with what properties are said to show in."""
        for index, entry in enumerate(self.shown):
            if not entry.properties:
                yield ("shown", index, "properties"), "expected at least one property"
            for key, patterns in (("properties", entry.properties), ("facts", entry.facts)):
                for at, name in enumerate(patterns):
                    yield from _pattern_faults(("shown", index, key, at), name)

    def _same_faults(self) -> Iterator[Fault]:
        """Yield what is wrong with values that are said to be the same to a guest."""
        known: set[tuple[str, str, str]] = set()
        for index, entry in enumerate(self.same):
            path = ("same", index)
            yield from grounds_faults(path, entry)
            if len(set(entry.values)) < _AT_LEAST_TWO:
                yield (*path, "values"), "expected at least two values"
            meant = {
                (driver, name, value)
                for driver in entry.drivers
                for name in entry.properties
                for value in entry.values
            }
            if known & meant:
                yield (*path, "values"), "a value is the same as those of one entry only"
            known |= meant


def _pattern_faults(path: tuple[str | int, ...], name: str) -> Iterator[Fault]:
    if ANY in name[1:-1] or name.count(ANY) > 1:
        yield path, f"expected one '{ANY}', at an end"


def merged(reader: Reader) -> Visibility:
    """Return what all files say of who can tell the values of properties, copies once."""
    documents = [document for document, _ in reader.every(Document, "visibility")]
    return Visibility(
        rules=tuple(dict.fromkeys(rule for document in documents for rule in document.rule)),
        boards=tuple(dict.fromkeys(board for document in documents for board in document.board)),
        same=tuple(dict.fromkeys(entry for document in documents for entry in document.same)),
        shown=tuple(dict.fromkeys(entry for document in documents for entry in document.shown)),
        earlier=tuple(dict.fromkeys(each for document in documents for each in document.formerly)),
    )
