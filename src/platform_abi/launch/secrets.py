"""What of a command line is nobody's to read: it is masked before anything is made of it."""

from __future__ import annotations

import json
import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from platform_abi.model.option_table import OptionTable
    from platform_abi.model.vm import Properties

#: What stands in the place of a secret.
MASK = "masked"

_MASKED = re.compile(rf"{MASK}(?:-[0-9]+)?")

#: All options.
_EVERY = "*"

#: A key of QEMU's option language, with its value up to a comma that is not doubled; the last item
#: of a text that QEMU could not read either counts too.
_ITEM = re.compile(r"(?P<key>[^,=]+)=(?P<value>(?:[^,]|,,)*)")

#: The same of JSON that nobody can read.
_MEMBER = re.compile(r'"(?P<key>[^"]+)"\s*:\s*"(?P<value>(?:[^"\\]|\\.)*)"?')


def masked(table: OptionTable, option: str, value: str) -> str:
    """Return the *value* of an *option* with each secret in it masked, as *table* knows them.

    What a guest sees the length of keeps it: ``masked-17``. A value without one is as it was.
    """
    if value.lstrip().startswith("{"):
        value = _masked_json(table, option, value)
    elif option not in table.texts:
        value = _ITEM.sub(lambda m: _masked_pair(table, option, m), value)
    return _masked_texts(table, value)


def masked_pairs(table: OptionTable, option: str, pairs: Properties) -> Properties:
    """Return the keys and values of an *option* with each secret in them masked."""
    out = []
    for key, value in pairs:
        mask = _mask(table, option, key, value)
        out.append((key, _masked_texts(table, value) if mask is None else mask))
    return tuple(out)


def _masked_texts(table: OptionTable, value: str) -> str:
    for pattern in table.secret_texts:
        value = _compiled(pattern).sub(_masked_group, value)
    return value


def _masked_json(table: OptionTable, option: str, value: str) -> str:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return _MEMBER.sub(lambda m: _masked_pair(table, option, m), value)
    changed = _masked_value(table, option, "", found)
    return value if changed == found else json.dumps(changed, separators=(",", ":"))


def _masked_value(table: OptionTable, option: str, key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _masked_value(table, option, f"{key}.{name}" if key else name, inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked_value(table, option, key, inner) for inner in value]
    mask = None if isinstance(value, bool) or value is None else _mask(table, option, key, value)
    return value if mask is None else mask


def _masked_pair(table: OptionTable, option: str, match: re.Match[str]) -> str:
    mask = _mask(table, option, match["key"], match["value"])
    if mask is None:
        return match[0]
    start, end = (at - match.start() for at in match.span("value"))
    return match[0][:start] + mask + match[0][end:]


def _mask(table: OptionTable, option: str, key: str, value: object) -> str | None:
    """Return what stands in the place of the *value* of a key, None where it is no secret."""
    if isinstance(value, str) and _MASKED.fullmatch(value):
        return None
    sized = table.sized_secrets.get(option)
    if sized and _keys(sized).fullmatch(key):
        return f"{MASK}-{len(str(value).encode(errors='surrogateescape'))}"
    named = (*table.secrets.get(option, ()), *table.secrets.get(_EVERY, ()))
    return MASK if named and _keys(named).fullmatch(key) else None


@lru_cache(maxsize=64)
def _keys(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _masked_group(match: re.Match[str]) -> str:
    start, end = (at - match.start() for at in match.span("secret"))
    return match[0][:start] + MASK + match[0][end:]
