"""``machines/*.toml``: what the names of machine types and builds are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from platform_abi.definitions.checks import Fault, name_faults
from platform_abi.definitions.reading import Reader
from platform_abi.model.naming import Naming, Vendor
from platform_abi.model.value import field, frozen

_RELEASE: Final = re.compile(r"[0-9]+(\.[0-9]+)+")


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    unversioned: tuple[str, ...] = ()
    earlier: Mapping[str, str] = field(factory=dict)
    vendor: tuple[Vendor, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from name_faults(("vendor",), (each.name for each in self.vendor))
        for index, vendor in enumerate(self.vendor):
            for name, generation in vendor.generations.items():
                if not _RELEASE.fullmatch(generation):
                    message = f"expected a QEMU release such as 9.1, found '{generation}'"
                    yield ("vendor", index, "generations", name), message
            try:
                groups = re.compile(vendor.package).groups
            except (re.error, OverflowError, RecursionError) as error:
                yield ("vendor", index, "package"), f"expected a regular expression: {error}"
            else:
                if groups != 1:
                    message = f"expected one group, for what to keep; found {groups}"
                    yield ("vendor", index, "package"), message


def merged(reader: Reader) -> Naming:
    """Return what all files say of the names of machine types and builds."""
    documents = [document for document, _ in reader.every(Document, "names")]
    return Naming(
        unversioned=tuple(name for each in documents for name in each.unversioned),
        earlier={was: now for each in documents for was, now in each.earlier.items()},
        vendors=tuple(vendor for each in documents for vendor in each.vendor),
    )
