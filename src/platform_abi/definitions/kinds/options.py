"""``options/*.toml``: what there is to know of the options of QEMU's command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from platform_abi.definitions.checks import Fault, Path
from platform_abi.definitions.reading import Reader
from platform_abi.model.option_table import OptionTable
from platform_abi.model.value import frozen

#: An abbreviation stands for an option, or for an option and its value.
_ALIAS_WORDS = 2


@frozen(kw_only=True)
class Document(OptionTable):
    """What such a file contains: a part of the table."""

    schema: int

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, name in enumerate(self.plain):
            if name in self.argument:
                yield ("plain", index), f"'{name}' takes an argument or takes none, not both"
        for key, names in (("argument", self.argument), ("plain", self.plain)):
            for index, name in enumerate(names):
                if name.startswith("-"):
                    yield (key, index), "expected a name without dashes"
        for name, words in self.alias.items():
            if not 0 < len(words) <= _ALIAS_WORDS:
                yield ("alias", name), "expected an option, and a value for one that takes none"
        yield from self._shown_faults()
        yield from _unfit(self.secret_texts)
        named: list[tuple[Path, str]] = [
            *((("texts", index), name) for index, name in enumerate(self.texts)),
            *((("implied", name), name) for name in self.implied),
            *((("device", index, "option"), each.option) for index, each in enumerate(self.device)),
        ]
        for path, name in named:
            if self.argument and name not in self.argument:
                yield path, "expected an option of this file with an argument"

    def _shown_faults(self) -> Iterator[Fault]:
        for index, shown in enumerate(self.shown):
            if not (shown.values and all(shown.values.values()) and shown.source):
                yield ("shown", index), "expected values with types of each, and a source"


def _unfit(patterns: Sequence[str]) -> Iterator[Fault]:
    """Yield the regular expressions that are none, or in which nothing is a secret."""
    for index, pattern in enumerate(patterns):
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            yield ("secret-texts", index), f"not a regular expression: {error}"
            continue
        if "secret" not in groups:
            yield ("secret-texts", index), "expected a group called secret"


def merged(reader: Reader) -> OptionTable:
    """Return what all files say of QEMU's own options."""
    return reader.joined(OptionTable, Document, "options")
