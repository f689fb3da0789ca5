"""What one edition says otherwise than another: what came, what was corrected, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from platform_abi.model.feature import FeatureBefore
from platform_abi.model.platform import PlatformReference, edition_key
from platform_abi.model.value import field_names, frozen
from platform_abi.resolver.choice import choose_edition

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.platform import Platform

#: A feature or a platform that came or went, what a platform gives a guest, what is said of a
#: feature, and the kernel that a capability is taken to be in.
Change = Literal["feature", "platform", "value", "meaning", "kernel"]

#: How a value ends that a platform gives and does not vouch for.
NOT_LISTED = ", not listed"

_Edition = tuple[int, ...]


@frozen(kw_only=True)
class EditionDifference:
    """Something that two editions do not agree on; None where one does not have it.

    *platforms* are those that it changes; none where it is no matter of single ones. *why* is the
    title of what came, or the reason of a correction.
    """

    change: Change
    what: str
    before: str | None
    after: str | None
    platforms: tuple[str, ...] = ()
    why: str = ""


def diff_editions(catalogue: Catalogue, before: str, after: str) -> list[EditionDifference]:
    """Return what edition *after* has otherwise than *before*, features first, then platforms.

    Raises UnknownNameError for an edition that there is not.
    """
    first, second = (
        edition_key(choose_edition(catalogue, PlatformReference(name="", edition=edition)))
        for edition in (before, after)
    )
    names = catalogue.platform_names()
    platforms = [catalogue.platform(name) for name in names]
    rows = [*_platforms(platforms, before, after)]
    shared = [p for p in platforms if p.is_at(before) and p.is_at(after)]
    for feature in catalogue.every_feature():
        rows += _feature(catalogue, feature, first, second, shared)
    rows += _kernels(catalogue, first, second)
    order = ("feature", "meaning", "value", "platform", "kernel")
    return sorted(rows, key=lambda row: (order.index(row.change), row.what))


def _platforms(
    platforms: Sequence[Platform], before: str, after: str
) -> Iterator[EditionDifference]:
    for platform in platforms:
        there = platform.is_at(before), platform.is_at(after)
        if there[0] != there[1]:
            yield EditionDifference(
                change="platform",
                what=platform.name,
                before="there" if there[0] else None,
                after="there" if there[1] else None,
                why=platform.title,
            )


def _feature(
    catalogue: Catalogue,
    feature: Feature,
    before: _Edition,
    after: _Edition,
    platforms: Sequence[Platform],
) -> Iterator[EditionDifference]:
    first, second = feature.at(before), feature.at(after)
    if first is None or second is None:
        if first is not second:
            yield EditionDifference(
                change="feature",
                what=feature.id,
                before=None if first is None else first.kind,
                after=None if second is None else second.kind,
                why=feature.title,
            )
        return
    why = "; ".join(dict.fromkeys(_reasons(feature, before, after)))
    for key in field_names(FeatureBefore):
        texts = [_text(getattr(each, key, "")) for each in (first, second)]
        if texts[0] != texts[1]:
            what = f"{feature.id} {key.replace('_', '-')}"
            yield EditionDifference(
                change="meaning", what=what, before=texts[0], after=texts[1], why=why
            )
    if feature.kind in ("setting", "guard"):
        of: dict[tuple[str, str], list[str]] = {}
        for platform in platforms:
            listing = catalogue.listing(platform, feature)
            said = [None if listing is None else listing.at(at) for at in (before, after)]
            pair = _given(first, said[0]), _given(second, said[1])
            if pair[0] != pair[1]:
                of.setdefault(pair, []).append(platform.name)
        for (was, now), names in sorted(of.items()):
            yield EditionDifference(
                change="value",
                what=feature.id,
                before=was,
                after=now,
                platforms=tuple(names),
                why=why or feature.title,
            )


def _given(feature: Feature, listed: str | None) -> str:
    """Return what a platform that lists *listed* gives, and whether it vouches for it."""
    return f"{feature.fallback}{NOT_LISTED}" if listed is None else listed


def _reasons(feature: Feature, before: _Edition, after: _Edition) -> Iterator[str]:
    low, high = sorted((before, after))
    for edition in sorted(feature.before, key=edition_key):
        if low < edition_key(edition) <= high:
            yield feature.before[edition].why


def _text(value: object) -> str:
    """Return *value* of a feature as a definition would have it on one line."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "items"):
        return "; ".join(f"{name}: {_text(needs)}" for name, needs in value.items())
    return "nothing" if value is None else str(value)


def _kernels(
    catalogue: Catalogue, before: _Edition, after: _Edition
) -> Iterator[EditionDifference]:
    low, high = sorted((before, after))
    for name, capability in catalogue.capabilities().items():
        said = [capability.since_at(at) for at in (before, after)]
        if said[0] != said[1]:
            corrected = sorted(capability.before, key=edition_key)
            yield EditionDifference(
                change="kernel",
                what=name,
                before=said[0],
                after=said[1],
                why="; ".join(
                    capability.before[e].why for e in corrected if low < edition_key(e) <= high
                ),
            )
