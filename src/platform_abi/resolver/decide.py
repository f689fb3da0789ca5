"""What a platform decides for one feature behind one backend."""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.abi import Layer
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.feature import Feature
from platform_abi.model.names import feature_stem
from platform_abi.model.platform import Mask, Platform, PlatformReference, edition_key
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import choose_edition


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
    return Choice(
        platform=platform,
        edition=edition,
        overrides=dict(reference.overrides),
        masks={m.feature: m for m in catalogue.masks() if m.covers(platform.name)},
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
    definition = f"features/{feature_stem(feature.id)}.toml"
    layer: Layer = "platform"
    if feature.id in choice.overrides:
        value, source = choice.overrides[feature.id], "argument"
    elif mask is not None:
        value, source = feature.fallback, f"{mask.source}: {mask.reason}"
    elif needs is not None and listed is not None:
        value, source = listed, listing.source if listing is not None else ""
    elif free:
        value, source = feature.when_supported or feature.fallback, definition
    else:
        value, source = feature.fallback, definition
    if feature.opt_in and value == feature.fallback and feature.id not in choice.overrides:
        layer = "default"
        source = definition if mask is None else source
    return Decision(
        feature=feature,
        value=value,
        layer=layer,
        source=source,
        needs=needs,
        guaranteed=guaranteed,
    )
