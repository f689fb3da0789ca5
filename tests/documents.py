"""JSON documents held to the schemas that are shipped."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = files("platform_abi") / "schemas"


@cache
def validator(name: str) -> Draft202012Validator:
    """Return what holds a document to the schema *name*."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def validated(name: str, text: str) -> dict[str, Any]:
    """Return the document that *text* is, with its keys in the order that the schema has them."""
    document: dict[str, Any] = json.loads(text)
    validator(name).validate(document)
    known = list(validator(name).schema["properties"])
    assert list(document) == [key for key in known if key in document]
    return document
