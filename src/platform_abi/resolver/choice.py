"""The choice of a platform, ``linux-6.9@2026.1,virtio-net.rss=on``, and what it decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, unknown
from platform_abi.model.feature import Feature
from platform_abi.model.names import feature_stem
from platform_abi.model.platform import Platform, PlatformReference, edition_key
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.model.abi import Layer
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.mask import Mask

_REFERENCE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*)(?:@(?P<edition>\d{4}\.\d{1,3}))?")


def reference_of(platform: str | PlatformReference) -> PlatformReference:
    """Return the choice that *platform* is, or says as ``parse_platform`` reads it."""
    return parse_platform(platform) if isinstance(platform, str) else platform


@lru_cache(maxsize=256)
def parse_platform(text: str) -> PlatformReference:
    """Return the choice that *text* spells: ``NAME[@EDITION][,FEATURE=VALUE...]``.

    Raises UsageError (``platform-syntax``) for anything else. Names are not looked up here.
    """
    head, *rest = text.split(",")
    match = _REFERENCE.fullmatch(head)
    if match is None:
        raise UsageError(
            f"not a platform: {head[:80]!r}",
            code="platform-syntax",
            help="expected NAME, NAME@EDITION or NAME,feature=value, as in linux-6.9@2026.1",
        )
    overrides: dict[str, str] = {}
    for item in rest:
        feature, separator, value = item.partition("=")
        if not separator or not feature or not value:
            raise UsageError(
                f"not an override: {item[:80]!r} in {text[:200]!r}",
                code="platform-syntax",
                help="after the platform's name come overrides: linux-6.9,virtio-net.rss=on",
            )
        if overrides.get(feature, value) != value:
            raise UsageError(
                f"'{feature}' is overridden twice: {overrides[feature]} and {value}",
                code="platform-override",
            )
        overrides[feature] = value
    return PlatformReference(
        name=match["name"], edition=match["edition"], overrides=tuple(sorted(overrides.items()))
    )


def choose_edition(catalogue: Catalogue, reference: PlatformReference) -> str:
    """Return the edition to resolve under: the named one, else the newest released one.

    Raises UnknownNameError for an edition that there is not.
    """
    if reference.edition is None:
        newest = catalogue.newest_edition()
        if newest is None:
            raise UsageError("no edition is released", code="no-edition")
        return newest
    editions = catalogue.editions()
    if reference.edition not in editions:
        raise unknown("edition", reference.edition, editions, code="unknown-edition")
    return reference.edition


def check_override(catalogue: Catalogue, name: str, value: str) -> Feature:
    """Return the feature that ``NAME=VALUE`` behind a platform overrides.

    Raises UnknownNameError for no such feature, UsageError where it cannot have this value or
    where no value of a platform's decides it.
    """
    feature = catalogue.feature(name)
    if feature is None:
        known = [f.id for f in catalogue.every_feature()]
        raise unknown("feature", name, known, code="unknown-feature")
    if feature.kind not in ("setting", "guard"):
        raise UsageError(
            f"feature '{name}' has no property that could be set",
            code="override-impossible",
            help=feature.pin,
        )
    problem = feature.problem(value)
    if problem:
        raise UsageError(f"{name}={value}: {problem}", code="override-value")
    return feature


@frozen(kw_only=True)
class Choice:
    """A platform at an edition, with the overrides that were written behind its name."""

    platform: Platform
    edition: str
    overrides: Mapping[str, str]
    masks: Mapping[str, Mask]

    @property
    def spelled(self) -> str:
        """Return the canonical spelling: ``linux-6.9@2026.1``, with overrides behind it."""
        return str(
            PlatformReference(
                name=self.platform.name,
                edition=self.edition,
                overrides=tuple(sorted(self.overrides.items())),
            )
        )

    def says_the_same(self, other: Choice) -> bool:
        """Return whether this and *other* decide every feature alike, wherever it says so."""
        return (
            self.edition == other.edition
            and self.overrides == other.overrides
            and self.masks.keys() == other.masks.keys()
            and self.platform.says_the_same(other.platform)
        )


@frozen(kw_only=True)
class Decision:
    """The value of one feature behind one backend, and where it came from.

    *needs* is None where the backend cannot carry the feature. *guaranteed* says whether the
    platform vouches for what the feature needs.
    """

    feature: Feature
    value: str
    layer: Layer
    source: str
    needs: tuple[str, ...] | None
    guaranteed: bool


def choose(catalogue: Catalogue, reference: PlatformReference) -> Choice:
    """Return what *reference* means in *catalogue*, with the masks of this site.

    Raises UnknownNameError for a platform or an edition that nothing defines.
    """
    edition = choose_edition(catalogue, reference)
    platform = catalogue.platform(reference.name)
    if not platform.is_at(edition):
        if reference.edition is not None:
            raise UsageError(
                f"edition {edition} has no platform '{platform.name}'",
                code="platform-edition",
                help=f"it is there since edition {platform.edition}",
            )
        # Nothing released means anything by this name.
        edition = platform.edition
    return chosen(platform, edition, catalogue.masks(), reference.overrides)


def chosen(
    platform: Platform,
    edition: str,
    masks: Iterable[Mask],
    overrides: Sequence[tuple[str, str]] = (),
) -> Choice:
    """Return the choice of *platform* at an *edition* that has it, on a site with *masks*."""
    return Choice(
        platform=platform,
        edition=edition,
        overrides=dict(overrides),
        masks={mask.feature: mask for mask in masks if mask.covers(platform.name)},
    )


def decide(catalogue: Catalogue, choice: Choice, feature: Feature, backend: str) -> Decision:
    """Return the value of *feature* behind *backend*: closed world, absent means fallback.

    In this order: an override; a mask of the site; the fallback, if the backend cannot carry the
    feature; what the platform lists; QEMU's own choice, if behind this backend nothing is asked
    of the host; the fallback.
    """
    needs = feature.needs(backend)
    listing = catalogue.listing(choice.platform, feature)
    listed = None if listing is None else listing.at(edition_key(choice.edition))
    mask = choice.masks.get(feature.id)
    free = needs == ()
    guaranteed = mask is None and (free or (needs is not None and listed is not None))
    source: str | None = None
    layer: Layer = "platform"
    if feature.id in choice.overrides:
        value, source = choice.overrides[feature.id], "argument"
    elif mask is not None:
        value, source = feature.fallback, f"{mask.source}: {mask.reason}"
    elif needs is not None and listed is not None:
        value, source = listed, listing.source if listing is not None else ""
    elif free:
        value = feature.when_supported or feature.fallback
    else:
        value = feature.fallback
    if feature.opt_in and value == feature.fallback and feature.id not in choice.overrides:
        layer = "default"
        source = source if mask is not None else None
    return Decision(
        feature=feature,
        value=value,
        layer=layer,
        # What no platform, user or site says, the feature's definition does.
        source=f"features/{feature_stem(feature.id)}.toml" if source is None else source,
        needs=needs,
        guaranteed=guaranteed,
    )
