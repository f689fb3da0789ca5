"""``kernels/*.toml``: where in a kernel's source each capability is implemented."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platform_abi.definitions.checks import Fault, Path
from platform_abi.definitions.reading import Reader
from platform_abi.model.kernel_source import KernelSources, SourceRule
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document(KernelSources):
    """What such a file contains: a part of the table."""

    schema: int

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, rule in enumerate(self.rule):
            yield from _rule_faults(("rule", index), rule)
        seen: set[str] = set()
        for index, each in enumerate(self.names):
            if each.id in seen:
                yield ("names", index, "id"), f"'{each.id}' stands twice"
            seen.add(each.id)


def _rule_faults(path: Path, rule: SourceRule) -> Iterator[Fault]:
    for number, pattern in enumerate(rule.symbols):
        if pattern.count("*") > 1:
            yield (*path, "symbols", number), "expected at most one '*'"
    for key, files in (
        *(("files", rule.files), ("also", rule.also), ("constants", rule.constants)),
    ):
        for number, file in enumerate(files):
            folder, _, name = file.rpartition("/")
            if not name or file.startswith("/") or ".." in file or "*" in folder:
                message = "expected a path in the tree, '*' in its last part only"
                yield (*path, key, number), message
    try:
        re.compile(rule.code.replace("{symbol}", "X").replace("{name}", "X"))
    except re.error as error:
        yield (*path, "code"), f"expected a regular expression: {error}"


def merged(reader: Reader) -> KernelSources:
    """Return what all files together have."""
    return reader.joined(KernelSources, Document, "kernels")
