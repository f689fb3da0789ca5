"""Platforms: named, versioned sets of feature defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TypeVar

from platform_abi.model.reference import Reference
from platform_abi.model.value import field, frozen

V = TypeVar("V")


@frozen(kw_only=True)
class Listing:
    """That a platform lists a feature: every host of it can honour it, and this is the default.

    *values* maps the edition from which a value holds to the value, None where the feature is no
    longer listed; *source* is the file.
    """

    values: Mapping[str, str | None]
    source: str

    def at(self, edition: tuple[int, ...]) -> str | None:
        """Return the value at *edition*, or None where the feature is not listed."""
        return value_at(self.values, edition)


@frozen(kw_only=True)
class Platform:
    """One platform with everything that it inherits laid out flat."""

    name: str
    lineage: str
    #: The operating system that it is of, as reports name it; empty: none in particular.
    system: str = ""
    #: The edition that brought it; empty: the first.
    edition: str = ""
    version: str = ""
    title: str = ""
    #: The day of the release, ``2023-02-19``, where it is known.
    released: str | None = None
    extends: tuple[str, ...] = ()
    #: Upstream level by subsystem, for kernels that are a mixture: ``{"tun": "5.14"}``.
    levels: Mapping[str, str] = field(factory=dict)
    #: The levels that editions do not agree on, by subsystem and edition.
    dated_levels: Mapping[str, Mapping[str, str]] = field(factory=dict)
    #: Kernel configuration that the name takes for granted.
    assumes: tuple[str, ...] = ()
    #: The size of its kernel's pages in bytes, where that is what sets it apart; 0: any.
    page_size: int = 0
    #: How the release of its kernels begins, as uname(2) says it: ``6.8``, ``5.14.0-427``. A number
    #: behind the dash is the first one: of one base, a higher number is a later kernel.
    kernel: str = ""
    #: Other names of it, besides those after the clones of its lineage.
    aliases: tuple[str, ...] = ()
    #: How sure it is that every such host has what is listed: high, medium, low; empty: unsaid.
    confidence: str = ""
    #: What nobody knows of it, and what is therefore off.
    unknown: tuple[str, ...] = ()
    reference: tuple[Reference, ...] = ()
    listings: Mapping[str, Listing] = field(factory=dict)
    #: Features that this platform withdraws although its levels would give them.
    removed: frozenset[str] = frozenset()
    source: str = ""

    def is_at(self, edition: str) -> bool:
        """Return whether *edition* has this platform."""
        return not self.edition or edition_key(self.edition) <= edition_key(edition)

    def levels_at(self, edition: tuple[int, ...]) -> Mapping[str, str]:
        """Return the upstream level by subsystem as *edition* has it."""
        if not self.dated_levels:
            return self.levels
        at = {name: value_at(dates, edition) for name, dates in self.dated_levels.items()}
        return {
            name: level
            for name, level in ((name, at.get(name, level)) for name, level in self.levels.items())
            if level is not None
        }

    def says_the_same(self, other: Platform) -> bool:
        """Return whether this and *other* say the same of every feature; many platforms do."""
        return (
            self.levels == other.levels
            and self.dated_levels == other.dated_levels
            and self.removed == other.removed
            and self.listings == other.listings
        )


@frozen(kw_only=True)
class Edition:
    """What platforms mean at one edition, locked.

    *platforms* are the digests of their feature tables; one that is not named is as before.
    """

    name: str
    #: Whether it may still change: a platform without an edition does not mean it yet.
    open: bool = False
    #: The day of the release, ``2026-11-23``.
    released: str | None = None
    platforms: Mapping[str, str] = field(factory=dict)


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


#: How a kernel's release begins: the base, and behind a dash the number of a vendor's build.
KERNEL = re.compile(r"(?P<base>[0-9]{1,9}(?:\.[0-9]{1,9})+)(?:-(?P<number>[0-9]{1,9}))?")


def kernel_number(kernel: str, release: str) -> int | None:
    """Return the number in *kernel*, 0 without one, where *release* is one of its kernels.

    *kernel* is how these begin, the ``kernel`` of a platform, and *release* what uname(2) says.
    """
    own, running = KERNEL.fullmatch(kernel), KERNEL.match(release)
    if own is None or running is None:
        return None
    base, line = own["base"].split("."), running["base"].split(".")
    first = int(own["number"] or 0)
    return first if line[: len(base)] == base and int(running["number"] or 0) >= first else None


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


#: How the name of an edition's file ends while the edition may still change.
OPEN = "-open"

#: What orders editions: ``2026.2`` is before ``2026.10``.
edition_key = version_key


#: Before every edition: what no edition is named for has always held.
ALWAYS = "0.0"


def value_at(values: Mapping[str, V], edition: tuple[int, ...]) -> V | None:
    """Return what holds at *edition* of *values*, each from its edition on; None: nothing yet."""
    best: tuple[tuple[int, ...], V] | None = None
    for name, value in values.items():
        key = edition_key(name)
        if key <= edition and (best is None or key > best[0]):
            best = (key, value)
    return None if best is None else best[1]


def said_before(before: Mapping[str, V], edition: tuple[int, ...]) -> Iterator[V]:
    """Yield what holds at *edition* of corrections, the latest first.

    Each value of *before* is what editions older than its key have in place of what came with it.
    """
    for name in sorted(before, key=edition_key, reverse=True):
        if edition < edition_key(name):
            yield before[name]
