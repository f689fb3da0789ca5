"""Explicit values: which ``-global`` or device property reaches a device, and what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from platform_abi.errors import UsageError
from platform_abi.model.abi import Layer
from platform_abi.model.feature import UNDECIDED, Feature
from platform_abi.model.value import frozen
from platform_abi.model.vm import GlobalProperty, Properties
from platform_abi.resolver.layers import DeviceTypes, in_order

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

    *types* are the QOM types that a ``-global`` can name to reach it.
    """

    label: str | None
    driver: str
    backends: tuple[str, ...]
    properties: Properties = ()
    types: DeviceTypes
    #: Options of its netdev that a platform may set; those that every kind of it has, where nobody
    #: knows which netdev it will be.
    open_options: tuple[str, ...] = ()


@frozen(kw_only=True)
class Explicit:
    """A value that a user gave, and at which layer."""

    value: str
    layer: Layer
    #: The value reaches only the inner device, not the outer object.
    inner: bool = False


def explicit(instance: Instance, name: str, globals_: Sequence[GlobalProperty]) -> Explicit | None:
    """Return the explicit value of property *name* of *instance*, by QEMU's precedence.

    A device property beats any ``-global``.
    """
    for key, value in reversed(instance.properties):
        if key == name:
            return Explicit(value=value, layer="device")
    if not globals_:
        return None
    given = [entry for entry in globals_ if entry.property == name]
    for entry, outer in reversed([*in_order(instance.types, given)] if given else ()):
        inner = not outer
        return Explicit(value=entry.value, layer="global", inner=inner)
    return None


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
