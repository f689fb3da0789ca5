"""Supported platforms as words that a scheduler selects nodes by."""

from __future__ import annotations

import re
from collections.abc import Sequence

from platform_abi.compat.supported import PlatformVerdict
from platform_abi.errors import UsageError
from platform_abi.model.platform import EDITION

#: The prefix of what a node can be selected by, in the form of KubeVirt's own labels: a DNS
#: subdomain of at most 253 characters (cpu-model.node.kubevirt.io/Penryn=true).
PREFIX = "platform-abi.node.kubevirt.io"

#: The label that names the platform to choose. It is for people: its value changes.
NEWEST = "platform-abi/newest"

#: The prefix that Placement demands of traits that it does not know itself (os-traits).
TRAIT_PREFIX = "CUSTOM_PLATFORM_ABI_"

#: Kubernetes takes 63 characters behind the slash, Placement 255 in all.
_LABEL_LENGTH = 63
_TRAIT_LENGTH = 255


def labels(
    verdicts: Sequence[PlatformVerdict], chosen: PlatformVerdict | None
) -> tuple[tuple[str, str], ...]:
    """Return Kubernetes labels for the *verdicts* of one host, of any editions.

    ``platform-abi.node.kubevirt.io/linux-6.9_2026.2=true`` for every platform and edition that is
    supported behind all of the usual network backends, and ``.../linux-6.9=true`` where each of its
    editions is: what a virtual machine selects that was started in any of them. A value never
    changes, so that a selector lives as long as the host can do it. One more label names the
    platform to choose. Raises UsageError (``label-length``) for a name that no label holds.
    """
    editions: dict[str, list[PlatformVerdict]] = {}
    for verdict in verdicts:
        editions.setdefault(verdict.name, []).append(verdict)
    names = [name for name, each in editions.items() if all(v.everywhere for v in each)]
    names += [v.platform.replace("@", "_") for v in verdicts if v.everywhere]
    found = [(f"{PREFIX}/{name}", "true") for name in names]
    if chosen is not None:
        found.append((NEWEST, chosen.name))
    for key, value in found:
        if max(len(key.partition("/")[2]), len(value)) > _LABEL_LENGTH:
            raise UsageError(f"too long for a label: {key}={value}", code="label-length")
    return tuple(sorted(found))


def selected(names: Sequence[str], text: str) -> str | None:
    """Return which of *names* of platforms the label or trait *text* is of; None for none."""
    key, _, _ = text.partition("=")
    if key.startswith(f"{PREFIX}/"):
        found = key.removeprefix(f"{PREFIX}/")
        return next((name for name in names if found in (name, _edition_less(found, name))), None)
    return next((name for name in names if text == _trait(name)), None)


def _edition_less(label: str, name: str) -> str:
    """Return *name* with the edition that *label* has behind it, if it is one of that name."""
    edition = label.removeprefix(f"{name}_")
    return f"{name}_{edition}" if EDITION.fullmatch(edition) else name


def _trait(name: str) -> str:
    return TRAIT_PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def traits(verdicts: Sequence[PlatformVerdict]) -> tuple[str, ...]:
    """Return OpenStack traits: one for every supported platform, ``CUSTOM_PLATFORM_ABI_LINUX_6_9``.

    Traits have capital letters, digits and underscores only. Raises UsageError (``trait-clash``)
    where two platforms would share one.
    """
    found: dict[str, str] = {}
    for verdict in verdicts:
        if not verdict.everywhere:
            continue
        trait = _trait(verdict.name)
        if found.setdefault(trait, verdict.name) != verdict.name or len(trait) > _TRAIT_LENGTH:
            raise UsageError(
                f"'{verdict.name}' has no trait of its own: {trait}",
                code="trait-clash",
                help="rename the platform of this site",
            )
    return tuple(sorted(found))
