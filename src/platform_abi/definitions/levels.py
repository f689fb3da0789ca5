"""What the level of a subsystem implies: a feature is honourable where its capabilities are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from platform_abi.model.capability import NO_KERNEL
from platform_abi.model.platform import (
    ALWAYS,
    Listing,
    Platform,
    edition_key,
    said_before,
    value_at,
    version_key,
)

if TYPE_CHECKING:
    from platform_abi.model.capability import Date
    from platform_abi.model.feature import Feature

#: The subsystem name that stands for every subsystem without a level of its own.
EVERY = "kernel"


#: By edition from which they hold, the dates of a feature's capabilities.
Dates = Mapping[str, "tuple[Date, ...]"]


def dated(feature: Feature, dates: Mapping[str, Date]) -> tuple[Date, ...]:
    """Return the dates of all capabilities of *feature* that have one, for all its backends."""
    return tuple(dates[name] for name in feature.capabilities if name in dates)


def dated_by_edition(
    feature: Feature, dates: Mapping[str, Date], earlier: Mapping[str, Mapping[str, Date]]
) -> Dates:
    """Return what ``dated`` says of *feature* at each edition that corrected anything of it.

    *earlier* are the dates that editions before its keys have in place of *dates*.
    """
    found: dict[str, tuple[Date, ...]] = {}
    for edition in (ALWAYS, *feature.before, *earlier):
        at = edition_key(edition)
        then = dict(dates)
        for corrected in said_before(earlier, at):
            then.update(corrected)
        found[edition] = dated(_then(feature, at), then)
    return found


def _then(feature: Feature, edition: tuple[int, ...]) -> Feature:
    """Return *feature* as *edition* has it, or as the later one does that brought it."""
    return feature.at(max(edition, edition_key(feature.edition))) or feature


def predicted(dates: Collection[Date], levels: Mapping[str, str]) -> bool:
    """Return whether every kernel of these *levels* can honour a feature of these *dates*.

    A feature that needs nothing of a kernel is not predicted by one.
    """
    return bool(dates) and all(reached(since, system, levels) for system, since in dates)


def implied(platform: Platform, feature: Feature, dates: Dates) -> Listing | None:
    """Return the listing that *platform*'s levels imply for *feature*: QEMU's own choice."""
    levels = {edition for by in platform.dated_levels.values() for edition in by}
    values: dict[str, str | None] = {}
    for edition in sorted({*dates, *levels}, key=edition_key):
        at = edition_key(edition)
        there = predicted(value_at(dates, at) or (), platform.levels_at(at))
        values[edition] = _then(feature, at).when_supported if there else None
    if not any(values.values()):
        return None
    return Listing(values=values, source=platform.source)


def reached(since: str, subsystem: str, levels: Mapping[str, str]) -> bool:
    """Return whether a kernel of these *levels* has what came to *subsystem* in *since*."""
    level = levels.get(subsystem, levels.get(EVERY))
    return since != NO_KERNEL and level is not None and version_key(since) <= version_key(level)
