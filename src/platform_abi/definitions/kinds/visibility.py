"""``visibility/*.toml``: who can tell the values of which properties, and what boards hold."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault, grounds_faults
from platform_abi.definitions.reading import Reader
from platform_abi.model.value import frozen
from platform_abi.model.visibility import ANY, Board, SameValues, Visibility, VisibilityRule

#: One value is the same as itself without anybody saying so.
_AT_LEAST_TWO = 2


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    rule: tuple[VisibilityRule, ...] = ()
    board: tuple[Board, ...] = ()
    same: tuple[SameValues, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, rule in enumerate(self.rule):
            if not rule.reason.strip():
                yield ("rule", index, "reason"), "a rule must say why"
            if not rule.properties:
                yield ("rule", index, "properties"), "expected at least one property"
            for at, name in enumerate(rule.properties):
                if ANY in name[1:-1] or name.count(ANY) > 1:
                    yield ("rule", index, "properties", at), f"expected one '{ANY}', at an end"
        for index, board in enumerate(self.board):
            if not board.families:
                yield ("board", index, "families"), "expected at least one family"
        yield from self._same_faults()

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


def merged(reader: Reader) -> Visibility:
    """Return what all files say of who can tell the values of properties, copies once."""
    documents = [document for document, _ in reader.every(Document, "visibility")]
    return Visibility(
        rules=tuple(dict.fromkeys(rule for document in documents for rule in document.rule)),
        boards=tuple(dict.fromkeys(board for document in documents for board in document.board)),
        same=tuple(dict.fromkeys(entry for document in documents for entry in document.same)),
    )
