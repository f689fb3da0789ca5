"""The verb ``schema``: the JSON Schema of every document that is printed or read."""

from __future__ import annotations

from importlib.resources import files

from platform_abi.cli.options import SchemaOptions
from platform_abi.cli.render import say, write_data
from platform_abi.errors import unknown

_ENDING = ".schema.json"


def run(options: SchemaOptions) -> int:
    """Print one schema, or the names of all of them."""
    package = files("platform_abi")
    places = {
        entry.name.removesuffix(_ENDING): entry
        for folder in (package / "schemas", package / "host")
        for entry in folder.iterdir()
        if entry.name.endswith(_ENDING)
    }
    if options.name is None:
        for name in sorted(places):
            say(name)
        return 0
    if options.name not in places:
        raise unknown("schema", options.name, places, code="unknown-schema")
    write_data(places[options.name].read_text(encoding="utf-8"))
    return 0
