"""``lineages/*.toml``: whose kernels platforms are of, and how a host is told to run one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platform_abi.definitions.checks import Fault, name_fault, name_faults
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader, merge
from platform_abi.model.lineage import Lineage
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    lineage: tuple[Lineage, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from name_faults(("lineage",), (each.name for each in self.lineage))
        for index, lineage in enumerate(self.lineage):
            for key, names in (
                ("clones", lineage.clones),
                ("distributions", lineage.distributions),
            ):
                for place, name in enumerate(names):
                    yield from name_fault(("lineage", index, key, place), name)
            for place, pattern in enumerate(lineage.kernels):
                try:
                    re.compile(pattern)
                except (re.error, OverflowError, RecursionError) as error:
                    message = f"expected a regular expression: {error}"
                    yield ("lineage", index, "kernels", place), message


def merged(reader: Reader) -> dict[str, Lineage]:
    """Return every lineage that is described, by name."""
    every: dict[str, tuple[Lineage, File]] = {}
    for document, file in reader.every(Document, "lineages"):
        for entry in document.lineage:
            merge(every, f"lineage {entry.name}", entry.name, entry, file)
    return {name: every[name][0] for name in sorted(every)}
