"""Explicit values: which ``-global`` or device property reaches a device, and what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from platform_abi.errors import UsageError
from platform_abi.model.abi import Layer
from platform_abi.model.feature import UNDECIDED, Feature
from platform_abi.model.machine import TypeTable
from platform_abi.model.value import frozen
from platform_abi.model.vm import GlobalProperty, Properties

#: How QEMU spells booleans (util/qapi, qapi_bool_parse).
BOOLEANS = {
    **dict.fromkeys(("on", "yes", "true", "y"), "on"),
    **dict.fromkeys(("off", "no", "false", "n"), "off"),
}
_NUMBER = re.compile(
    r"(?P<hex>0x[0-9a-f]{1,16})|(?P<digits>0|[1-9][0-9]{0,19})(?P<suffix>[bkmgtpe]?)",
    re.IGNORECASE | re.ASCII,
)
_SIZE_SUFFIXES = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}


@frozen(kw_only=True)
class Instance:
    """One device of a family, as the resolver sees it.

    *types* are the QOM types that its outer object is of, *inner* those of its inner device:
    QEMU initialises the inner one first, so whatever reaches the outer one wins.
    """

    label: str | None
    driver: str
    backends: tuple[str, ...]
    properties: Properties = ()
    types: frozenset[str] = frozenset()
    inner: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Explicit:
    """A value that a user gave, and at which layer."""

    value: str
    layer: Layer
    #: The value reaches only the inner device, not the outer object.
    inner: bool = False


def explicit(instance: Instance, name: str, globals_: Sequence[GlobalProperty]) -> Explicit | None:
    """Return the explicit value of property *name* of *instance*, by QEMU's precedence.

    A device property beats any ``-global``. Among ``-global`` entries one that reaches the outer
    object beats one that reaches only the inner device, and the last of equals wins, however
    specific its type is.
    """
    for key, value in reversed(instance.properties):
        if key == name:
            return Explicit(value=value, layer="device")
    for types in (instance.types, instance.inner):
        for entry in reversed(globals_):
            if entry.property == name and entry.driver in types:
                inner = types is instance.inner and types is not instance.types
                return Explicit(value=entry.value, layer="global", inner=inner)
    return None


def type_sets(types: TypeTable, driver: str, inner: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the QOM types of the outer object and of its inner device."""
    inner_types = frozenset(types.ancestry(inner)) | {inner}
    if driver == inner:
        return inner_types, inner_types
    return frozenset(types.ancestry(driver)) | {driver}, inner_types


def normal(feature: Feature, text: str, place: str) -> str:
    """Return an explicit value as definitions spell it: ``true`` is ``on``, ``2M`` is in bytes.

    Raises UsageError (``property-value``) for what QEMU would refuse. *place* is what the error
    calls the property.
    """
    if text in UNDECIDED:
        return text
    value = text
    if feature.type == "bool":
        value = BOOLEANS.get(text, text)
    elif feature.type in ("int", "size"):
        number = decimal(text, sized=feature.type == "size")
        if number is None:
            raise UsageError(f"{place}={text}: expected a number", code="property-value")
        value = number
    elif feature.type == "enum" and text not in feature.values:
        value = BOOLEANS.get(text, text)
    problem = feature.problem(value)
    if problem:
        raise UsageError(f"{place}={text}: {problem}", code="property-value")
    return value


def decimal(text: str, *, sized: bool) -> str | None:
    """Return a number of 64 bits in decimal digits, or None for what QEMU reads as none.

    Only sizes have a suffix. A leading zero means octal to QEMU's integers and nothing to its
    sizes, so it is taken for neither.
    """
    match = _NUMBER.fullmatch(text)
    if match is None or (match["suffix"] and not sized):
        return None
    shift = _SIZE_SUFFIXES[(match["suffix"] or "b").lower()]
    number = int(match["hex"] or match["digits"], 0) << shift
    return str(number) if number < 1 << 64 else None
