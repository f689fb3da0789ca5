"""What the names of machine types and QEMU builds are made of."""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Vendor:
    """Who builds QEMUs, and how one of them is told."""

    name: str
    #: A pattern for all that ``query-version`` calls the package; its group is what to keep of it.
    package: str
    #: Whether its builds are called after the upstream version alone.
    plain: bool = False
    #: The upstream generation of its machine types, by name or by the version in it, for where
    #: their compat properties do not tell.
    generations: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Naming:
    """What the names of machine types and builds are made of."""

    #: Families whose number is no generation.
    unversioned: tuple[str, ...] = ()
    #: What a family was called before it got its name: earlier name to present one.
    earlier: Mapping[str, str] = field(factory=dict)
    #: The first that fits counts.
    vendors: tuple[Vendor, ...] = ()
