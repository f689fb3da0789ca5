"""What each kind of definition file contains, as classes that cattrs structures into.

Field names are the TOML keys with dashes written as underscores.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from attrs import field, frozen

from platform_abi.model.capability import Capability
from platform_abi.model.device import DeviceFamily, NetdevBackend, VirtioBit
from platform_abi.model.feature import Feature
from platform_abi.model.guest import GuestBoard, GuestCpus, GuestDevice
from platform_abi.model.machine import Vendor
from platform_abi.model.option_table import OptionDevice
from platform_abi.model.realize import BoardValue, InitialValue, InnerType, RealizeRule
from platform_abi.model.visibility import Board, SameValues, VisibilityRule

#: The one layout of definition files that this version reads.
SCHEMA = 1

ListedValue = bool | int | str | Mapping[str, str]


@frozen(kw_only=True)
class Examined:
    """A place in QEMU that was looked at and found to need no feature, with the reason."""

    id: str
    reason: str


@frozen(kw_only=True)
class FeatureFile:
    """``features/*.toml``."""

    schema: int
    feature: tuple[Feature, ...] = ()
    examined: tuple[Examined, ...] = ()


@frozen(kw_only=True)
class CapabilityFile:
    """``capabilities/*.toml``."""

    schema: int
    capability: tuple[Capability, ...] = ()


@frozen(kw_only=True)
class DeviceFile:
    """``devices/*.toml``."""

    schema: int
    accelerators: tuple[str, ...] = ()
    usual_accelerators: Mapping[str, str] = field(factory=dict)
    common_bit: tuple[VirtioBit, ...] = ()
    family: tuple[DeviceFamily, ...] = ()
    backend: tuple[NetdevBackend, ...] = ()


@frozen(kw_only=True)
class PlatformHead:
    """The ``[platform]`` table."""

    name: str
    lineage: str
    version: str = ""
    title: str = ""
    extends: str = ""
    released: date | None = None
    levels: Mapping[str, str] = field(factory=dict)
    assumes: tuple[str, ...] = ()


@frozen(kw_only=True)
class PlatformFile:
    """``platforms/*/*.toml``."""

    schema: int
    platform: PlatformHead
    features: Mapping[str, ListedValue] = field(factory=dict)


@frozen(kw_only=True)
class MaskEntry:
    """One ``[[mask]]``."""

    platform: str
    feature: str
    reason: str
    date: date


@frozen(kw_only=True)
class MaskFile:
    """``masks/*.toml``."""

    schema: int
    mask: tuple[MaskEntry, ...] = ()


@frozen(kw_only=True)
class BuildHead:
    """The ``[build]`` table."""

    name: str
    version: str
    arch: str
    vendor: str = ""
    package: str = ""


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
class MachineFile:
    """``machines/BUILD/ARCH.toml``."""

    schema: int
    build: BuildHead
    machine: tuple[MachineEntry, ...] = ()


@frozen(kw_only=True)
class TypeEntry:
    """One ``[type.NAME]``: its parent, and the properties that its parent does not have."""

    parent: str = ""
    abstract: bool = False
    properties: tuple[str, ...] = ()


@frozen(kw_only=True)
class TypesFile:
    """``machines/BUILD/ARCH-types.toml``."""

    schema: int
    type: Mapping[str, TypeEntry] = field(factory=dict)
    aliases: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class CpuEntry:
    """One ``[cpu]`` row: the type behind a CPU model, and what else its name stands for."""

    type: str
    alias_of: str = ""
    deprecated: bool = False


@frozen(kw_only=True)
class PropertiesFile:
    """``machines/BUILD/ARCH-properties.toml``.

    A row of *type* is the type of a property and its default, which some have none of: of every
    property that the parent type does not have, or has otherwise.
    """

    schema: int
    type: Mapping[str, Mapping[str, tuple[str, ...]]] = field(factory=dict)
    cpu: Mapping[str, CpuEntry] = field(factory=dict)


@frozen(kw_only=True)
class RealizeFile:
    """``realize/*.toml``."""

    schema: int
    rule: tuple[RealizeRule, ...] = ()
    initial: tuple[InitialValue, ...] = ()
    board: tuple[BoardValue, ...] = ()
    inner: tuple[InnerType, ...] = ()


@frozen(kw_only=True)
class GuestFile:
    """``guests/ARCH.toml``."""

    schema: int
    arch: str
    board: tuple[GuestBoard, ...] = ()
    device: tuple[GuestDevice, ...] = ()
    cpu: GuestCpus = field(factory=lambda: GuestCpus(accelerator="tcg"))


@frozen(kw_only=True)
class NamesFile:
    """``machines/*.toml``."""

    schema: int
    unversioned: tuple[str, ...] = ()
    vendor: tuple[Vendor, ...] = ()


@frozen(kw_only=True)
class VisibilityFile:
    """``visibility/*.toml``."""

    schema: int
    rule: tuple[VisibilityRule, ...] = ()
    board: tuple[Board, ...] = ()
    same: tuple[SameValues, ...] = ()


@frozen(kw_only=True)
class OptionFile:
    """``options/*.toml``."""

    schema: int
    argument: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    accelerator: str = ""
    alias: Mapping[str, tuple[str, ...]] = field(factory=dict)
    nic_models: Mapping[str, str] = field(factory=dict)
    default_nics: Mapping[str, Mapping[str, str]] = field(factory=dict)
    device: tuple[OptionDevice, ...] = ()


@frozen(kw_only=True)
class EditionFile:
    """``editions/EDITION.toml``: the digest of every platform's feature table at that edition."""

    schema: int
    edition: str
    released: date | None = None
    platforms: Mapping[str, str] = field(factory=dict)


Document = (
    FeatureFile
    | CapabilityFile
    | DeviceFile
    | PlatformFile
    | MaskFile
    | MachineFile
    | TypesFile
    | PropertiesFile
    | NamesFile
    | RealizeFile
    | GuestFile
    | VisibilityFile
    | OptionFile
    | EditionFile
)
