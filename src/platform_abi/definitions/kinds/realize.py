"""``realize/*.toml``: what values of properties become when a device is realized."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault, grounds_faults
from platform_abi.definitions.reading import Reader
from platform_abi.model.device import InnerType
from platform_abi.model.realize import (
    BoardValue,
    InitialValue,
    RealizeRule,
    RealizeTable,
)
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    rule: tuple[RealizeRule, ...] = ()
    initial: tuple[InitialValue, ...] = ()
    board: tuple[BoardValue, ...] = ()
    inner: tuple[InnerType, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, rule in enumerate(self.rule):
            path = ("rule", index)
            outcomes = [rule.becomes is not None, rule.of is not None, rule.form is not None]
            if sum(outcomes) + (rule.left_to is not None and rule.of is None) != 1:
                yield path, "expected one of becomes, of, form and left-to"
            if bool(rule.values or rule.unset) == (rule.form is not None):
                yield path, "expected values or unset = true; a form is about all values"
            yield from grounds_faults(path, rule)
        for index, initial in enumerate(self.initial):
            yield from grounds_faults(("initial", index), initial)
        for index, board in enumerate(self.board):
            yield from grounds_faults(("board", index), board)
            if not board.machines:
                yield ("board", index), "expected at least one family of machine types"
        for index, entry in enumerate(self.inner):
            if not entry.drivers:
                yield ("inner", index, "drivers"), "expected at least one driver"


def merged(reader: Reader) -> RealizeTable:
    """Return what all files say of realizing devices; of a file's rules the first counts."""
    documents = [document for document, _ in reader.every(Document, "realize")]
    return RealizeTable(
        rules=tuple(rule for document in documents for rule in document.rule),
        initial=tuple(entry for document in documents for entry in document.initial),
        board=tuple(entry for document in documents for entry in document.board),
        inner=tuple(entry for document in documents for entry in document.inner),
    )
