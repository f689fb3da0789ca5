"""Masks: what a site withdraws of what platforms promise."""

from __future__ import annotations

from platform_abi.model.value import frozen

#: What a mask names that withdraws a feature from every platform.
ANY_PLATFORM = "*"


@frozen(kw_only=True)
class Mask:
    """A feature that a site withdraws from a platform, with the reason and the date."""

    platform: str
    feature: str
    reason: str
    date: str
    source: str = ""

    def covers(self, platform: str) -> bool:
        """Return whether this withdraws the feature from *platform*."""
        return self.platform in (platform, ANY_PLATFORM)
