"""``machines/BUILD/ARCH-properties.toml``: types and defaults of properties, and CPU models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.errors import suggest
from platform_abi.model.driver import CpuModel
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains.

    A row of *type* is the type of a property and its default, which some have none of: of every
    property that the parent type does not have, or has otherwise. *cpu* are the CPU models by name.
    """

    schema: int
    type: Mapping[str, Mapping[str, tuple[str, ...]]] = field(factory=dict)
    cpu: Mapping[str, CpuModel] = field(factory=dict)

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for name, rows in self.type.items():
            for property_name, row in rows.items():
                if len(row) not in (1, 2):
                    yield ("type", name, property_name), "expected [type], or [type, default]"
        for name, cpu in self.cpu.items():
            if cpu.alias_of and cpu.alias_of not in self.cpu:
                hint = suggest(cpu.alias_of, self.cpu)
                yield ("cpu", name, "alias-of"), f"no CPU model '{cpu.alias_of}'{hint}"


def merged(reader: Reader, build: str, arch: str) -> Document:
    """Return the properties and CPU models of *build*."""
    return reader.one(Document, f"properties of {build}", "properties", build, arch)[0]
