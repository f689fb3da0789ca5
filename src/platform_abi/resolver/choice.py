"""The spelling of a platform choice: ``linux-6.9@2026.1,virtio-net.rss=on``."""

from __future__ import annotations

import re

from platform_abi.errors import UsageError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.feature import Feature
from platform_abi.model.platform import PlatformReference

_REFERENCE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*)(?:@(?P<edition>\d{4}\.\d{1,3}))?")


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
    """Return the edition to resolve under: the named one, else the newest.

    Raises UnknownNameError for an edition that was never released.
    """
    editions = catalogue.editions()
    if not editions:
        raise UsageError("no edition is defined", code="no-edition")
    if reference.edition is None:
        return editions[-1]
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
