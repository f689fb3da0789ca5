"""``capabilities/*.toml``: what a host may offer, since which kernel, and how it is probed."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault, name_faults, version_faults
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader, merge
from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    capability: tuple[Capability, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from name_faults(("capability",), (each.id for each in self.capability))
        for index, capability in enumerate(self.capability):
            if capability.since != NO_KERNEL:
                wanted = "a kernel release such as '6.2', or 'never'"
                path = ("capability", index, "since")
                yield from version_faults(path, capability.since, wanted, sep=";")


def merged(reader: Reader) -> dict[str, Capability]:
    """Return every capability by id."""
    every: dict[str, tuple[Capability, File]] = {}
    for document, file in reader.every(Document, "capabilities"):
        for entry in document.capability:
            merge(every, f"capability {entry.id}", entry.id, entry, file)
    return {name: every[name][0] for name in sorted(every)}
