"""``features/FAMILY.toml``: the features of one family."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_abi.definitions.checks import (
    Fault,
    Path,
    correction_faults,
    edition_faults,
    name_faults,
    range_faults,
    version_faults,
)
from platform_abi.definitions.groups import group_faults, said_of, spread_feature
from platform_abi.definitions.reading import Reader, merge
from platform_abi.errors import DefinitionError
from platform_abi.model.backend_group import GROUP
from platform_abi.model.feature import Feature
from platform_abi.model.names import feature_stem
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.definitions.files import File

_PROPERTY = r"[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+"


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    feature: tuple[Feature, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from name_faults(("feature",), (each.id for each in self.feature))
        for index, feature in enumerate(self.feature):
            for path, message in _faults(feature):
                yield ("feature", index, *path), message


def _faults(feature: Feature) -> Iterator[Fault]:
    yield from edition_faults(("edition",), feature.edition)
    for key in ("generation", "until"):
        yield from version_faults((key,), getattr(feature, key), "a QEMU release such as '8.2'")
    yield from range_faults(("until",), feature.generation, feature.until)
    for index, text in enumerate(feature.properties):
        if not re.fullmatch(_PROPERTY, text):
            yield ("properties", index), f"expected 'driver.property', found '{text}'"
    pinning = feature.kind in ("setting", "guard")
    if pinning and not feature.properties:
        yield (), f"a {feature.kind} needs properties"
    if feature.kind == "unpinnable" and not feature.pin:
        yield (), "an unpinnable feature must say in 'pin' what to write explicitly"
    if pinning:
        yield from _value_faults(("fallback",), feature, feature.fallback)
        if feature.when_supported is not None:
            yield from _value_faults(("when-supported",), feature, feature.when_supported)
    if feature.type == "enum" and not feature.values:
        yield (), "a feature of type enum must list its values"
    for edition in feature.before:
        yield from correction_faults(("before", edition), edition, feature.edition)


def _value_faults(path: Path, feature: Feature, value: str) -> Iterator[Fault]:
    problem = feature.problem(value)
    if problem:
        yield path, problem


def merged(reader: Reader, family: str) -> tuple[Feature, ...]:
    """Return the features that the files of *family* define together, sorted by id."""
    features: dict[str, tuple[Feature, File]] = {}
    for document, file in reader.every(Document, "features", family):
        for index, feature in enumerate(document.feature):
            own = feature_stem(feature.id)
            if own != family:
                message = f"feature '{feature.id}' belongs into {own}.toml"
                fault = reader.fault(file, ("feature", index, "id"), message)
                raise DefinitionError([fault], code="definition-name")
            meant = _spread(reader, ("feature", index), feature, file)
            merge(features, f"feature {feature.id}", feature.id, meant, file)
    return tuple(features[name][0] for name in sorted(features))


def _spread(reader: Reader, path: Path, feature: Feature, file: File) -> Feature:
    """Return *feature* with what it requires by backend; who names no group reads none."""
    if not any(name.startswith(GROUP) for _, said in said_of(feature) for name in said):
        return feature
    from platform_abi.definitions.kinds.devices import backend_groups

    groups = backend_groups(reader)
    faults = [
        reader.fault(file, (*path, *place, *at), message)
        for place, requires in said_of(feature)
        for at, message in group_faults(requires, groups)
    ]
    if faults:
        raise DefinitionError(faults, code="definition-invalid")
    return spread_feature(feature, groups)
