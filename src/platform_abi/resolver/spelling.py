"""How QEMU reads a value of each type of property, and writes it back."""

from __future__ import annotations

import re

from platform_abi.resolver.explicit import BOOLEANS, decimal

_INTEGER = re.compile(r"(?P<unsigned>u?)int(?P<bits>8|16|32|64)?")


def spelled(kind: str, text: str) -> str:
    """Return *text*, a value of a property of QEMU's type *kind*, as definitions spell it.

    Booleans are ``on`` or ``off``, numbers decimal and sizes in bytes; everything else, and what
    QEMU would refuse, stays as it is.
    """
    if kind == "bool":
        return BOOLEANS.get(text, text)
    if kind == "size":
        found = decimal(text, sized=True)
        return text if found is None else found
    match = _INTEGER.fullmatch(kind)
    if match is None:
        return text
    negative = text.startswith("-")
    found = decimal(text.removeprefix("-"), sized=False)
    if found is None:
        return text
    value = -int(found) if negative else int(found)
    if match["unsigned"] and value < 0:
        value %= 1 << int(match["bits"] or 64)
    return str(value)
