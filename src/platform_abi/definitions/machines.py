"""What the machine types of a build are made of, and how inherited compat properties add up.

It is apart from the kind of file that it is read from, because what was compiled with the package
needs no reader.
"""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.machine import CompatProperty, MachineType, QemuBuild
from platform_abi.model.value import evolve, field, frozen

#: Marks a compat row that a QEMU without that driver or property passes over.
OPTIONAL = "optional"


@frozen(kw_only=True)
class MachineEntry:
    """One ``[[machine]]``; *compat* rows are driver, property, value and perhaps ``optional``."""

    name: str
    family: str
    generation: str | None = None
    aliases: tuple[str, ...] = ()
    default: bool = False
    deprecated: bool = False
    cpu: str = ""
    inherits: str = ""
    compat: tuple[tuple[str, ...], ...] = ()


@frozen(kw_only=True)
class BuildMachines:
    """A build and what its machine types are made of, by name."""

    build: QemuBuild
    entries: Mapping[str, MachineEntry]
    #: The digests of machine types that were worked out before, by name.
    digests: Mapping[str, str] = field(factory=dict)

    def machine(self, name: str) -> MachineType:
        """Return machine type *name*, inherited compat properties before its own."""
        entry = self.entries[name]
        chain = [entry]
        while chain[-1].inherits:
            chain.append(self.entries[chain[-1].inherits])
        machine = MachineType(
            name=entry.name,
            family=entry.family,
            arch=self.build.arch,
            generation=entry.generation,
            aliases=entry.aliases,
            default=entry.default,
            deprecated=entry.deprecated,
            cpu=entry.cpu,
            compat=tuple(
                CompatProperty(
                    driver=row[0], property=row[1], value=row[2], optional=OPTIONAL in row[3:]
                )
                for link in reversed(chain)
                for row in link.compat
            ),
            source=self.build.source,
        )
        return evolve(machine, digest=self.digests.get(name) or _digest(machine))

    def with_digests(self) -> BuildMachines:
        """Return the same with the digest of every machine type."""
        return evolve(self, digests={name: self.machine(name).digest for name in self.entries})


def _digest(machine: MachineType) -> str:
    from platform_abi.model.digest import canonical_digest

    rows = [[c.driver, c.property, c.value, c.optional] for c in machine.compat]
    return canonical_digest([machine.name, rows])
