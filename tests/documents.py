"""JSON documents held to the schemas that are shipped."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = files("platform_abi") / "schemas"


@cache
def schema(name: str) -> dict[str, Any]:
    """Return the schema *name*, which is a valid one."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(found)
    return found


def validated(name: str, text: str) -> dict[str, Any]:
    """Return the document that *text* is, with its keys in the order that the schema has them."""
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator(schema(name)).validate(document)
    known = list(schema(name)["properties"])
    assert list(document) == [key for key in known if key in document]
    return document
