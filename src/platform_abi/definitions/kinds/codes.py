"""``codes/*.toml``: what the code of a finding or an error means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class CodeTable:
    """By code, a sentence on what it means, without the period."""

    means: Mapping[str, str]


@frozen(kw_only=True)
class Document(CodeTable):
    """What such a file contains: a part of the table."""

    schema: int

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for code, sentence in self.means.items():
            if not sentence.strip() or sentence.endswith("."):
                yield ("means", code), "expected a sentence without its period"


def merged(reader: Reader) -> Mapping[str, str]:
    """Return what all files together have."""
    return reader.joined(CodeTable, Document, "codes").means
