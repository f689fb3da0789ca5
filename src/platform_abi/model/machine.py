"""Machine types, QEMU builds, and the QOM types that a build knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class CompatProperty:
    """A default that a machine type overrides, as QEMU's GlobalProperty has it."""

    driver: str
    property: str
    value: str
    #: QEMU ignores the entry where the driver has no such property (GlobalProperty.optional).
    optional: bool = False


@frozen(kw_only=True)
class MachineType:
    """A versioned board: its name, what it is called besides, and its compat properties."""

    name: str
    family: str
    arch: str
    #: The QEMU release that defined it; None for boards without versions.
    generation: str | None = None
    aliases: tuple[str, ...] = ()
    default: bool = False
    deprecated: bool = False
    #: The QOM type of the CPU that the board gets without -cpu.
    cpu: str = ""
    #: In QEMU's order: a later entry wins over an earlier one.
    compat: tuple[CompatProperty, ...] = ()
    #: What names the content: the digest of the compat properties, in their order.
    digest: str = ""
    source: str = ""


@frozen(kw_only=True)
class QemuBuild:
    """One QEMU binary: version, vendor, architecture and the names of its machine types."""

    name: str
    version: str
    arch: str
    vendor: str = ""
    package: str = ""
    #: ``high`` where the binary itself was asked; else *reference* says where it stands.
    confidence: str = "high"
    reference: str = ""
    machines: tuple[str, ...] = ()
    #: Alias to machine type: ``{"q35": "pc-q35-10.0"}``.
    aliases: Mapping[str, str] = field(factory=dict)
    source: str = ""


@frozen(kw_only=True)
class TypeTable:
    """Every QOM type of one build that ``-device`` or ``-global`` can name."""

    #: Type to parent type; every known type is a key.
    parents: Mapping[str, str] = field(factory=dict)
    #: Type to the properties that its parent does not have; a type without any is left out.
    own_properties: Mapping[str, tuple[str, ...]] = field(factory=dict)
    abstract: frozenset[str] = frozenset()
    #: Names that only ``-device`` knows: ``virtio-net`` for ``virtio-net-pci``.
    aliases: Mapping[str, str] = field(factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.parents

    def __bool__(self) -> bool:
        return bool(self.parents)

    def canonical(self, name: str) -> str:
        """Return the type that ``-device`` means by *name*."""
        return self.aliases.get(name, name)

    def ancestry(self, name: str) -> Sequence[str]:
        """Return *name* and its parents, as far as they are known."""
        steps: list[str] = []
        while name and len(steps) <= len(self.parents):
            steps.append(name)
            name = self.parents.get(name, "")
        return steps

    def is_a(self, name: str, ancestor: str) -> bool:
        """Return whether ``-global ancestor.x`` reaches objects of type *name*."""
        return ancestor in self.ancestry(name)

    def properties(self, name: str) -> frozenset[str]:
        """Return all properties of *name*, its parents' included."""
        return frozenset().union(*[self.own_properties.get(s, ()) for s in self.ancestry(name)])
