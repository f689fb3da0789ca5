"""Supported platforms as words that a scheduler selects nodes by."""

from __future__ import annotations

import re
from collections.abc import Sequence

from platform_abi.compat.supported import PlatformVerdict
from platform_abi.errors import UsageError

#: The prefix of Kubernetes labels: a DNS subdomain of at most 253 characters.
PREFIX = "platform-abi"

#: The prefix that Placement demands of traits that it does not know itself (os-traits).
TRAIT_PREFIX = "CUSTOM_PLATFORM_ABI_"

#: Kubernetes takes 63 characters behind the slash, Placement 255 in all.
_LABEL_LENGTH = 63
_TRAIT_LENGTH = 255


def labels(
    verdicts: Sequence[PlatformVerdict], chosen: PlatformVerdict | None
) -> tuple[tuple[str, str], ...]:
    """Return Kubernetes labels: one for every supported platform, one for the one to choose.

    ``platform-abi/platform.linux-6.9`` has the edition as its value. One that is supported behind
    some of the usual network backends only has none. Raises UsageError
    (``label-length``) for a name that no label holds.
    """
    supported = [verdict for verdict in verdicts if verdict.everywhere]
    found = [(f"{PREFIX}/platform.{v.name}", v.platform.partition("@")[2]) for v in supported]
    if chosen is not None:
        found.append((f"{PREFIX}/newest", chosen.name))
    for key, value in found:
        if max(len(key.partition("/")[2]), len(value)) > _LABEL_LENGTH:
            raise UsageError(f"too long for a label: {key}={value}", code="label-length")
    return tuple(sorted(found))


def traits(verdicts: Sequence[PlatformVerdict]) -> tuple[str, ...]:
    """Return OpenStack traits: one for every supported platform, ``CUSTOM_PLATFORM_ABI_LINUX_6_9``.

    Traits have capital letters, digits and underscores only. Raises UsageError (``trait-clash``)
    where two platforms would share one.
    """
    found: dict[str, str] = {}
    for verdict in verdicts:
        if not verdict.everywhere:
            continue
        trait = TRAIT_PREFIX + re.sub(r"[^A-Z0-9]", "_", verdict.name.upper())
        if found.setdefault(trait, verdict.name) != verdict.name or len(trait) > _TRAIT_LENGTH:
            raise UsageError(
                f"'{verdict.name}' has no trait of its own: {trait}",
                code="trait-clash",
                help="rename the platform of this site",
            )
    return tuple(sorted(found))
