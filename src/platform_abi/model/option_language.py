"""QEMU's option language: ``driver,key=value,...`` with commas doubled, or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import UsageError

if TYPE_CHECKING:
    from platform_abi.model.vm import Properties


def split_options(text: str, implied: str, *, negated: bool = False) -> Properties:
    """Return the keys and values of an option string, as QEMU's QemuOpts reads it.

    A doubled comma is a comma of a value; a first item without ``=`` is the value of the key
    *implied*; a later one is ``on`` or, with *negated*, ``off`` where it begins with ``no``, as
    QEMU still reads ``-device`` (util/qemu-option.c). A text that begins with ``{`` is JSON: an
    object of scalars.
    Raises UsageError (``option-syntax``).
    """
    if not text:
        raise UsageError("an option is empty", code="option-syntax")
    pairs = (
        _from_json(text)
        if text.lstrip().startswith("{")
        else _from_items(text, implied, negated=negated)
    )
    for key, value in pairs:
        # A doubled comma makes a comma of a value only; in a name QEMU reads it as two.
        if not key or "," in key or "=" in key:
            raise UsageError(
                f"expected key=value, found {key[:80]!r} in {text[:200]!r}", code="option-syntax"
            )
        if "\0" in key or "\0" in value:
            raise UsageError(f"NUL in option {text[:80]!r}", code="option-syntax")
    return pairs


def _from_items(text: str, implied: str, *, negated: bool) -> Properties:
    pairs: list[tuple[str, str]] = []
    for index, item in enumerate(_items(text)):
        key, separator, value = item.partition("=")
        if separator:
            pairs.append((key, value))
        elif index == 0:
            pairs.append((implied, item))
        elif negated and key.startswith("no"):
            pairs.append((key.removeprefix("no"), "off"))
        else:
            pairs.append((key, "on"))
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
    if not found:
        raise UsageError("an option is empty", code="option-syntax")
    pairs: list[tuple[str, str]] = []
    for key, value in found.items():
        if isinstance(value, (dict, list)):
            # Nested values belong to properties that no host decides; they are kept as written.
            pairs.append((key, json.dumps(value, separators=(",", ":"))))
        elif value is None:
            raise UsageError(f"{key[:80]!r} is null in {text[:200]!r}", code="option-syntax")
        else:
            pairs.append((key, option_value(value)))
    return tuple(pairs)


def option_value(value: object) -> str:
    """Return a value of JSON's as an option has it: ``on``, decimal digits, nothing for null."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (dict, list)):
        import json

        return json.dumps(value)
    return "" if value is None else str(value)


def join_options(first: str, pairs: Properties) -> str:
    """Return an option string: *first*, then each pair, with commas doubled."""
    return ",".join([first.replace(",", ",,"), *(f"{k}={v.replace(',', ',,')}" for k, v in pairs)])


def cpu_properties(items: Properties) -> Properties:
    """Return the properties of a ``-cpu`` in effect, the last of equals last.

    All ``+feature`` and then all ``-feature`` come after the others, and underscores in names are
    dashes, as QEMU reads them (target/i386/cpu.c, x86_cpu_parse_featurestr and
    x86_cpu_expand_features).
    """
    plain, plus, minus = [], [], []
    for key, value in items:
        name = key.replace("_", "-")
        if key.startswith("+") and value == "on":
            plus.append((name[1:], "on"))
        elif key.startswith("-") and value == "on":
            minus.append((name[1:], "off"))
        else:
            plain.append((name, value))
    return tuple(plain + plus + minus)
