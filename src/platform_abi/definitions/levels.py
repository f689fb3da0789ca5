"""What the level of a subsystem implies: a feature is honourable where its capabilities are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from platform_abi.model.capability import NO_KERNEL
from platform_abi.model.platform import Listing, Platform, version_key

if TYPE_CHECKING:
    from platform_abi.model.capability import Date
    from platform_abi.model.feature import Feature

#: The subsystem name that stands for every subsystem without a level of its own.
EVERY = "kernel"


def dated(feature: Feature, dates: Mapping[str, Date]) -> tuple[Date, ...]:
    """Return the dates of all capabilities of *feature* that have one, for all its backends."""
    return tuple(dates[name] for name in feature.capabilities if name in dates)


def predicted(dates: Collection[Date], levels: Mapping[str, str]) -> bool:
    """Return whether every kernel of these *levels* can honour a feature of these *dates*.

    A feature that needs nothing of a kernel is not predicted by one.
    """
    return bool(dates) and all(reached(since, system, levels) for system, since in dates)


def implied(platform: Platform, feature: Feature, dates: Collection[Date]) -> Listing | None:
    """Return the listing that *platform*'s levels imply for *feature*: QEMU's own choice."""
    if feature.when_supported is None or not predicted(dates, platform.levels):
        return None
    return Listing(values={_ALWAYS: feature.when_supported}, source=platform.source)


#: Before every edition.
_ALWAYS = "0.0"


def reached(since: str, subsystem: str, levels: Mapping[str, str]) -> bool:
    """Return whether a kernel of these *levels* has what came to *subsystem* in *since*."""
    level = levels.get(subsystem, levels.get(EVERY))
    return since != NO_KERNEL and level is not None and version_key(since) <= version_key(level)
