"""What was read from one QEMU binary, before it is brought into the form of definition files."""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.driver import CpuModel, DriverProperty
from platform_abi.model.machine import MachineType, QemuBuild
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class DeviceType:
    """A QOM type below ``device``."""

    name: str
    parent: str
    abstract: bool = False
    #: Every property that an instance has, inherited ones included. None where QEMU makes no
    #: instance: of an abstract type, of one that needs another host, of one that crashes it.
    properties: Mapping[str, DriverProperty] | None = None


@frozen(kw_only=True)
class Given:
    """What the caller knows better than the binary; None leaves it to the binary."""

    name: str | None = None
    vendor: str | None = None
    package: str | None = None
    #: The upstream generation of a vendor's machine type, by its name or by the version in it.
    generations: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class BuildDefinition:
    """Everything that one binary says: what three definition files are written from."""

    build: QemuBuild
    #: Families by name, within a family the newest generation first.
    machines: tuple[MachineType, ...]
    #: Sorted by name.
    types: tuple[DeviceType, ...]
    #: Names that only ``-device`` knows, to types.
    aliases: Mapping[str, str] = field(factory=dict)
    cpu_models: Mapping[str, CpuModel] = field(factory=dict)
    #: What the reader of the files has to know: types that could not be listed, and why.
    warnings: tuple[str, ...] = ()
