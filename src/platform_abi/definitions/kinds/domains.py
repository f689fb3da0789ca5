"""``domains/*.toml``: what of libvirt's domain XML says what of a QEMU command line."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.domain import DomainTable
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document(DomainTable):
    """What such a file contains: a part of the table."""

    schema: int

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, device in enumerate(self.device):
            for name in device.values:
                if name not in device.properties:
                    yield ("device", index, "values", name), "expected one of the properties"
        for index, option in enumerate(self.option):
            if option.value and option.values:
                yield ("option", index, "value"), "expected a value, or values, and not both"


def merged(reader: Reader) -> DomainTable:
    """Return what all files together have."""
    return reader.joined(DomainTable, Document, "domains")
