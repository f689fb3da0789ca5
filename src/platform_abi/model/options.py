"""QEMU's option language: ``driver,key=value,...`` with commas doubled, or JSON."""

from __future__ import annotations

from typing import Any

from platform_abi.errors import UsageError
from platform_abi.model.vm import Properties


def split_options(text: str, implied: str) -> Properties:
    """Return the keys and values of an option string, as QEMU's QemuOpts reads it.

    A doubled comma is a comma of a value; a first item without ``=`` is the value of the key
    *implied*; a later one is ``on``. A text that begins with ``{`` is JSON: an object of scalars.
    Raises UsageError (``option-syntax``).
    """
    if not text:
        raise UsageError("an option is empty", code="option-syntax")
    if "\0" in text:
        raise UsageError(f"NUL in option {text[:80]!r}", code="option-syntax")
    if text.lstrip().startswith("{"):
        return _from_json(text)
    pairs: list[tuple[str, str]] = []
    for index, item in enumerate(_items(text)):
        key, separator, value = item.partition("=")
        if separator and key:
            pairs.append((key, value))
        elif index == 0 and not separator:
            pairs.append((implied, item))
        elif key and not separator:
            pairs.append((key, "on"))
        else:
            raise UsageError(
                f"expected key=value, found {item[:80]!r} in {text[:200]!r}", code="option-syntax"
            )
    return tuple(pairs)


def _items(text: str) -> list[str]:
    """Split at single commas and undo doubled ones."""
    items, current = [], ""
    at = 0
    while at < len(text):
        if text[at] != ",":
            current += text[at]
        elif text.startswith(",,", at):
            current += ","
            at += 1
        else:
            items.append(current)
            current = ""
        at += 1
    items.append(current)
    return items


def _from_json(text: str) -> Properties:
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not JSON: {error} in {text[:200]!r}", code="option-syntax") from None
    pairs: list[tuple[str, str]] = []
    for key, value in found.items():
        if isinstance(value, (dict, list)):
            # Nested values belong to properties that no host decides; they are kept as written.
            pairs.append((key, json.dumps(value, separators=(",", ":"))))
        else:
            pairs.append((key, _scalar(value)))
    return tuple(pairs)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def join_options(first: str, pairs: Properties) -> str:
    """Return an option string: *first*, then each pair, with commas doubled."""
    return ",".join([first.replace(",", ",,"), *(f"{k}={v.replace(',', ',,')}" for k, v in pairs)])


def cpu_properties(items: Properties) -> Properties:
    """Return the properties of a ``-cpu`` in effect, the last of equals last.

    ``+feature`` and ``-feature`` come after all others, and underscores in names are dashes, as
    QEMU reads them (target/i386/cpu.c, x86_cpu_parse_featurestr).
    """
    plain, signed = [], []
    for key, value in items:
        if key[:1] in "+-" and value == "on":
            signed.append((key[1:].replace("_", "-"), "on" if key[0] == "+" else "off"))
        else:
            plain.append((key.replace("_", "-"), value))
    return tuple(plain + signed)
