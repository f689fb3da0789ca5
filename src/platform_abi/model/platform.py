"""Platforms: named, versioned sets of feature defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from attrs import field

from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Listing:
    """That a platform lists a feature: every host of it can honour it, and this is the default.

    *values* maps the edition from which a value holds to the value; *source* is the file.
    """

    values: Mapping[str, str]
    source: str

    def at(self, edition: tuple[int, ...]) -> str | None:
        """Return the value at *edition*, or None where the feature was not yet listed."""
        best: tuple[tuple[int, ...], str] | None = None
        for name, value in self.values.items():
            key = edition_key(name)
            if key <= edition and (best is None or key > best[0]):
                best = (key, value)
        return None if best is None else best[1]


@frozen(kw_only=True)
class Platform:
    """One platform with everything that it inherits laid out flat."""

    name: str
    lineage: str
    #: The operating system that it is of, as reports name it; empty: none in particular.
    system: str = ""
    version: str = ""
    title: str = ""
    #: The day of the release, ``2023-02-19``, where it is known.
    released: str | None = None
    extends: tuple[str, ...] = ()
    #: Upstream level by subsystem, for kernels that are a mixture: ``{"tun": "5.14"}``.
    levels: Mapping[str, str] = field(factory=dict)
    #: Kernel configuration that the name takes for granted.
    assumes: tuple[str, ...] = ()
    listings: Mapping[str, Listing] = field(factory=dict)
    #: Features that this platform withdraws although its levels would give them.
    removed: frozenset[str] = frozenset()
    source: str = ""

    def says_the_same(self, other: Platform) -> bool:
        """Return whether this and *other* say the same of every feature; many platforms do."""
        return (
            self.levels == other.levels
            and self.removed == other.removed
            and self.listings == other.listings
        )


@frozen(kw_only=True)
class PlatformReference:
    """The choice of a platform as a user writes it: ``linux-6.9@2026.1,virtio-net.rss=on``."""

    name: str
    edition: str | None = None
    overrides: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        spelled = self.name if self.edition is None else f"{self.name}@{self.edition}"
        return ",".join([spelled, *(f"{feature}={value}" for feature, value in self.overrides)])


#: The name of an edition, in its one spelling: ``2026.01`` would be a second one of ``2026.1``.
EDITION = re.compile(r"[0-9]{4}\.(0|[1-9][0-9]{0,2})")


@cache
def version_key(name: str) -> tuple[int, ...]:
    """Return what orders kernel and QEMU releases: ``6.9`` is before ``6.10``."""
    return tuple(int(part) for part in name.split("."))


_RELEASE = re.compile(r"[0-9]+\.[0-9]+")


def release_key(name: str) -> tuple[int, ...]:
    """Return what orders the first two numbers of releases: those of ``10.0`` in ``10.0.2``.

    A name that begins otherwise comes before all.
    """
    found = _RELEASE.match(name)
    return () if found is None else version_key(found[0])


#: What orders editions: ``2026.2`` is before ``2026.10``.
edition_key = version_key
