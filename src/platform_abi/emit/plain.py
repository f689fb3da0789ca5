"""Values as the JSON documents that tools build on, and one rule that makes them.

A value becomes an object whose keys are its fields, in their order. Where a document says it
otherwise, the room that prints it has a *shape* for the class: ``tools/json_schemas.py`` derives
the JSON Schema of each document from the same shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from platform_abi.model.value import field_names

#: The version of every JSON document that this package prints; it grows when a field changes.
SCHEMA_VERSION = 1

#: The keys of an object in their order, and where each has its value from: ``key`` is the attribute
#: of that name, ``key:attribute`` another one, of an inner value with ``key:outer.inner``, which is
#: null where there is no inner value. ``key?`` is null where the value is empty. A pair of a key
#: and a function is what the function makes of the whole value.
Shape = tuple["str | tuple[str, Callable[[Any], Any]]", ...]

#: By class. What is in none has its fields.
Shapes = Mapping[type, Shape]


def document(value: object, shapes: Shapes) -> dict[str, Any]:
    """Return *value*, an attrs class, as the plain data of a whole document."""
    return {"schema_version": SCHEMA_VERSION, **plain(value, shapes)}


def plain(value: object, shapes: Shapes) -> Any:
    """Return *value* as JSON can hold it, objects as *shapes* says; sequences are arrays."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {key: plain(inner, shapes) for key, inner in value.items()}
    kind = type(value)
    shape = shapes.get(kind) or field_names(kind)
    if shape:
        return {key: plain(read(value), shapes) for key, read in _readers(shape)}
    if not isinstance(value, (tuple, list)):
        msg = f"no JSON is made of a {kind.__name__}"
        raise TypeError(msg)
    return [plain(inner, shapes) for inner in value]


@cache
def _readers(shape: Shape) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple(_reader(entry) if isinstance(entry, str) else entry for entry in shape)


def _reader(entry: str) -> tuple[str, Callable[[Any], Any]]:
    key, _, path = entry.rstrip("?").partition(":")
    outer, _, inner = (path or key).rpartition(".")
    read = attrgetter(inner)
    if outer:
        first = attrgetter(outer)
        return key, lambda value: None if first(value) is None else read(first(value))
    return key, (lambda value: read(value) or None) if entry.endswith("?") else read


def to_json(document: Any) -> str:
    """Return *document* as the text that ``--json`` prints, the same on every host."""
    return _plain_ascii(json.dumps(document, indent=2, ensure_ascii=True)) + "\n"


def json_line(document: Any, *, compact: bool = False) -> str:
    """Return *document* as JSON in one line, without its end; if *compact*, without blanks."""
    separators = (",", ":") if compact else None
    return _plain_ascii(json.dumps(document, separators=separators, ensure_ascii=True))


def _plain_ascii(text: str) -> str:
    """Return JSON *text* without the one control character that JSON has no need to escape."""
    return text.replace("\x7f", "\\u007f")
