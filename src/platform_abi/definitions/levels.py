"""What the level of a subsystem implies: a feature is honourable where its capabilities are."""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.capability import Capability
from platform_abi.model.feature import Feature
from platform_abi.model.platform import Listing, Platform, version_key

#: The subsystem name that stands for every subsystem without a level of its own.
EVERY = "kernel"


def predicted(feature: Feature, levels: Mapping[str, str], known: Mapping[str, Capability]) -> bool:
    """Return whether every kernel of these *levels* can honour *feature*.

    All capabilities that a kernel version predicts must be there, whatever the backend. Those
    that no version predicts (privileges, backends, hardware) do not count here: they stay
    preconditions. A feature that needs nothing of a kernel is not predicted by one.
    """
    versions = [
        (capability.subsystem, capability.since)
        for names in feature.requires.values()
        for name in names
        if (capability := known.get(name)) is not None and capability.since is not None
    ]
    return bool(versions) and all(reached(since, system, levels) for system, since in versions)


def implied(
    platform: Platform, feature: Feature, known: Mapping[str, Capability]
) -> Listing | None:
    """Return the listing that *platform*'s levels imply for *feature*: QEMU's own choice."""
    if feature.when_supported is None or not predicted(feature, platform.levels, known):
        return None
    return Listing(values={_ALWAYS: feature.when_supported}, source=platform.source)


#: Before every edition.
_ALWAYS = "0.0"


def reached(since: str, subsystem: str, levels: Mapping[str, str]) -> bool:
    """Return whether a kernel of these *levels* has what came to *subsystem* in *since*."""
    level = levels.get(subsystem, levels.get(EVERY))
    return since != "never" and level is not None and version_key(since) <= version_key(level)
