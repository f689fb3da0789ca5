"""Whether values are what a schema of query-qmp-schema declares, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Entries = Mapping[str, Mapping[str, Any]]

_JSON: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "int": (int,),
    "number": (int, float),
    "null": (type(None),),
    "value": (object,),
}


def by_name(entries: Iterable[Mapping[str, Any]]) -> Entries:
    """Return *entries* by name; no name may stand twice."""
    listed = list(entries)
    found = {entry["name"]: entry for entry in listed}
    assert len(found) == len(listed)
    return found


def dangling(entries: Entries) -> set[str]:
    """Return the names that something refers to and nothing declares."""
    return {name for entry in entries.values() for name in _references(entry)} - set(entries)


def _references(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from (entry[key] for key in ("arg-type", "ret-type", "element-type") if key in entry)
    for part in ("members", "variants"):
        yield from (inner["type"] for inner in entry.get(part, []) if "type" in inner)


def wrong(entries: Entries, name: str, value: Any, at: str = "") -> list[str]:
    """Return where *value* is not what the type *name* declares; nothing where it is."""
    entry = entries[name]
    kind = entry["meta-type"]
    if kind == "array":
        if not isinstance(value, list):
            return [f"{at}: no array"]
        inner = entry["element-type"]
        return [
            w for i, item in enumerate(value) for w in wrong(entries, inner, item, f"{at}[{i}]")
        ]
    if kind == "enum":
        return [] if value in entry["values"] else [f"{at}: {value!r} is none of {name}"]
    if kind == "object":
        return _wrong_object(entries, entry, value, at)
    right = isinstance(value, _JSON[entry["json-type"]])
    return [] if right and (kind != "int" or not isinstance(value, bool)) else [f"{at}: {value!r}"]


def _wrong_object(entries: Entries, entry: Mapping[str, Any], value: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: no object"]
    members = {member["name"]: member for member in entry["members"]}
    found = [f"{at}.{name}: not declared" for name in value if name not in members]
    for name, member in members.items():
        if name in value:
            found += wrong(entries, member["type"], value[name], f"{at}.{name}")
        elif "default" not in member:
            found.append(f"{at}.{name}: missing")
    return found
