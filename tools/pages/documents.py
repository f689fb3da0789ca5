"""The page about the JSON documents, from their schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tools.pages.markdown import anchor, table

_PACKAGE: Final = Path(__file__).resolve().parents[2] / "src" / "platform_abi"


def documents_page() -> str:
    """Return the page about every JSON document: its keys and their types."""
    found = {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text("utf-8"))
        for path in schemas()
    }
    lines = [
        "# JSON documents",
        "",
        "What `--json` prints and what a report is, by the schemas that `platform-abi schema NAME`",
        "prints. A key in italics need not be there. What each is about, and when:",
        "[verbs](verbs.md), [hosts and verdicts](hosts.md), [interface](interface.md).",
        "",
    ]
    types = _types(found)
    for name, schema in found.items():
        lines += [f"## {name}", "", f"[schemas/{name}.schema.json](schemas/{name}.schema.json)", ""]
        lines += _keys(schema, types[name])
    lines += ["## What documents are made of", ""]
    written: set[str] = set()
    for name, schema in found.items():
        for inner, definition in schema.get("$defs", {}).items():
            title = types[name][inner]
            if title not in written:
                written.add(title)
                lines += [f"### {title}", "", *_keys(definition, types[name])]
    return "\n".join(lines)


def schemas() -> list[Path]:
    """Return the files of all schemas, by name."""
    return sorted(
        [*(_PACKAGE / "schemas").glob("*.schema.json"), *(_PACKAGE / "host").glob("*.schema.json")],
        key=lambda path: path.name,
    )


def _types(schemas: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return by document what its types are called: with its name where documents disagree."""
    meanings: dict[str, set[str]] = {}
    for schema in schemas.values():
        for inner, definition in schema.get("$defs", {}).items():
            meanings.setdefault(inner, set()).add(json.dumps(definition, sort_keys=True))
    return {
        name: {
            inner: inner if len(meanings[inner]) == 1 else f"{inner} of {name}"
            for inner in schema.get("$defs", {})
        }
        for name, schema in schemas.items()
    }


def _keys(schema: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[str]:
    """Yield a table of the keys of an object; of anything else its type."""
    if "properties" not in schema:
        yield from (_type(schema, types), "")
        return
    needed = schema.get("required", ())
    rows = (
        (f"`{key}`" if key in needed else f"*`{key}`*", _type(value, types))
        for key, value in schema["properties"].items()
    )
    yield from table(("key", "value"), rows)
    rest = schema.get("additionalProperties", True)
    if isinstance(rest, dict):
        yield from (f"Any other key: {_type(rest, types)}.", "")


def _type(schema: Any, types: Mapping[str, str]) -> str:
    """Return what a schema allows, in a few words."""
    if not isinstance(schema, dict) or not schema:
        return "anything"
    for key, said in _SAID_BY.items():
        if key in schema:
            return said(schema[key], types)
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(_type({**schema, "type": each}, types) for each in kind)
    if kind == "array":
        return f"list of {_type(schema.get('items'), types)}"
    if kind == "object":
        return f"object of {_type(schema.get('additionalProperties'), types)} by name"
    return f"{kind} like `{schema['pattern']}`" if "pattern" in schema else str(kind)


def _reference(to: str, types: Mapping[str, str]) -> str:
    title = types[to.rpartition("/")[2]]
    return f"[{title}](#{anchor(title)})"


def _one_of(schemas: list[Any], types: Mapping[str, str]) -> str:
    return " or ".join(_type(each, types) for each in schemas)


def _in_turn(schemas: list[Any], types: Mapping[str, str]) -> str:
    return f"list of {', '.join(_type(each, types) for each in schemas)}"


def _values(values: list[Any], types: Mapping[str, str]) -> str:
    del types
    return ", ".join(f"`{json.dumps(each)}`" for each in values)


def _fields(properties: Mapping[str, Any], types: Mapping[str, str]) -> str:
    fields = (f"`{key}`: {_type(value, types)}" for key, value in properties.items())
    return f"object of {'; '.join(fields)}"


#: What a key of a schema says, where it is the one that counts.
_SAID_BY: Final[Mapping[str, Callable[[Any, Mapping[str, str]], str]]] = {
    "$ref": _reference,
    "const": lambda value, types: _values([value], types),
    "enum": _values,
    "anyOf": _one_of,
    "oneOf": _one_of,
    "prefixItems": _in_turn,
    "properties": _fields,
}
