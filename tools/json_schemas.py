#!/usr/bin/env python3
"""Keeps the JSON Schema of every document that --json prints in step with what prints it.

The shapes that documents are made by, and the types of the values that they are made of, say what
each document holds; the schemas are derived from both, and shipped in src/platform_abi/schemas.

    tools/json_schemas.py            says which schema is not what it should be; 1 if there is one
    tools/json_schemas.py --write    writes them
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from platform_abi.author.audited import Audited
from platform_abi.author.editions import Freeze
from platform_abi.author.installing import Installed
from platform_abi.cli import (
    audit_qemu,
    capabilities,
    diff,
    explain,
    explain_error,
    features,
    freeze,
    identified,
    import_qemu,
    install,
    kernel,
    lint,
    listed,
    site,
    start_document,
    where,
)
from platform_abi.compat import document as compat
from platform_abi.compat.agreement import HostDifference
from platform_abi.compat.finding import CheckVerdict, MigrationVerdict
from platform_abi.compat.machine_content import MachineDifference
from platform_abi.diagnosis.diagnosis import Diagnosis
from platform_abi.emit import document as emit
from platform_abi.emit.plain import SCHEMA_VERSION, Shapes
from platform_abi.errors import UsageError
from platform_abi.files import write_text
from platform_abi.fleet import document as fleet
from platform_abi.inventory import document as inventory
from platform_abi.model.abi import GuestAbi, Layer
from platform_abi.model.guest import MachineView
from platform_abi.model.host import Fact
from platform_abi.model.realize import LeftTo
from platform_abi.model.reported import ReportedQemu
from platform_abi.model.visibility import Seen
from platform_abi.rehearsal import document as rehearsal
from platform_abi.rehearsal.result import Rehearsal
from platform_abi.resolver.compare import AbiDifference, PlatformDifference
from platform_abi.resolver.edition_diff import EditionDifference
from platform_abi.resolver.explain import Explanation
from platform_abi.verifier import document as verifier
from platform_abi.verifier.verification import Verification

FOLDER = Path(__file__).parents[1] / "src" / "platform_abi" / "schemas"

Schema = dict[str, Any]

#: By the name of the document: what it is made of, and the shapes that say how.
DOCUMENTS: Final[Mapping[str, tuple[type, Shapes]]] = {
    "audit-qemu": (audit_qemu.Audit, audit_qemu.SHAPES),
    "baseline": (fleet.FleetAnswer, fleet.SHAPES),
    "capabilities": (capabilities.CapabilityList, capabilities.SHAPES),
    "check": (CheckVerdict, compat.SHAPES),
    "check-migration": (MigrationVerdict, compat.SHAPES),
    "diff": (diff.Differences, {}),
    "explain": (Explanation, explain.SHAPES),
    "explain-error": (Diagnosis, explain_error.SHAPES),
    "explain-id": (identified.Identified, identified.SHAPES),
    "features": (features.FeatureList, features.SHAPES),
    "fleet": (inventory.FleetReply, inventory.SHAPES),
    "freeze": (Freeze, freeze.SHAPES),
    "import-qemu": (import_qemu.ImportedQemu, import_qemu.SHAPES),
    "install": (Installed, install.SHAPES),
    "kernel": (kernel.KernelSeen, kernel.SHAPES),
    "lint": (lint.Linted, lint.SHAPES),
    "platform": (listed.PlatformListing, listed.SHAPES),
    "platforms": (listed.PlatformList, listed.SHAPES),
    "platforms-host": (compat.SupportedPlatforms, compat.SHAPES),
    "rehearse": (Rehearsal, rehearsal.SHAPES),
    "resolve": (GuestAbi, emit.SHAPES),
    "run": (start_document.StartDocument, compat.SHAPES),
    "site": (site.Site, site.SHAPES),
    "where": (where.Where, where.SHAPES),
    "verify": (Verification, verifier.SHAPES),
}

#: Names that modules import for type checkers only, and that annotations have all the same.
_NAMES = {
    "Any": Any, "Mapping": Mapping, "Sequence": Sequence, "Audited": Audited,
    "Fact": Fact, "MachineView": MachineView, "ReportedQemu": ReportedQemu, "Seen": Seen,
    "Difference": PlatformDifference | AbiDifference | HostDifference | EditionDifference,
}  # fmt: skip


def schemas() -> dict[str, Schema]:
    """Return every schema by the name of its file."""
    found = {name: _document(*of) for name, of in DOCUMENTS.items()}
    found["resolve"] = _with_properties(found["resolve"])
    found |= {"diff-machine": _machines(), "error": _error(), "monitor": _monitor()}
    return {
        f"{name}.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": name,
            **schema,
        }
        for name, schema in sorted(found.items())
    }


# --- what a shape says ---------------------------------------------------------------------------


def _document(root: type, shapes: Shapes) -> Schema:
    definitions: dict[str, Schema] = {}
    body = _Derivation(shapes, definitions).object_of(root)
    head = {"schema_version": {"const": SCHEMA_VERSION}, **body["properties"]}
    inner = {"$defs": dict(sorted(definitions.items()))} if definitions else {}
    return {**_object(head), **inner}


def _object(properties: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


class _Derivation:
    """Schemas of types; those of classes are collected in *definitions*."""

    def __init__(self, shapes: Shapes, definitions: dict[str, Schema]) -> None:
        self._shapes = shapes
        self._definitions = definitions

    def object_of(self, kind: type) -> Schema:
        """Return the schema of what a value of *kind* becomes."""
        shape = self._shapes.get(kind) or tuple(field.name for field in attrs.fields(kind))
        return _object(dict(self._entry(kind, entry) for entry in shape))

    def _entry(
        self, kind: type, entry: str | tuple[str, Callable[[Any], Any]]
    ) -> tuple[str, Schema]:
        if not isinstance(entry, str):
            return entry[0], self.of(get_type_hints(entry[1], localns=_NAMES)["return"])
        key, _, path = entry.removesuffix("?").partition(":")
        found: Any = kind
        missing = entry.endswith("?")
        for name in (path or key).split("."):
            found = _attribute(found, name)
            found, optional = _without_none(found)
            missing = missing or optional
        return key, _nullable(self.of(found)) if missing else self.of(found)

    def of(self, kind: Any) -> Schema:
        """Return the schema of what a value of the type *kind* becomes."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in (Union, types.UnionType):
            bare, optional = _without_none(kind)
            return _nullable(self.of(bare)) if optional else {"anyOf": [*map(self.of, arguments)]}
        if origin in (tuple, list) or (isinstance(origin, type) and issubclass(origin, Sequence)):
            return {"type": "array", "items": self.of(arguments[0])}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return {"type": _PLAIN[kind]} if kind in _PLAIN else self._reference(kind)

    def _reference(self, kind: type) -> Schema:
        name = kind.__name__
        if name not in self._definitions:
            self._definitions[name] = self.object_of(kind)
        return {"$ref": f"#/$defs/{name}"}


_PLAIN: Final[dict[Any, str]] = {str: "string", int: "integer", bool: "boolean"}


def _attribute(kind: type, name: str) -> Any:
    """Return the type of an attribute or a property of *kind*."""
    described = getattr(kind, name, None)
    if isinstance(described, property):
        assert described.fget is not None
        return get_type_hints(described.fget, localns=_NAMES)["return"]
    return get_type_hints(kind, localns=_NAMES)[name]


def _without_none(kind: Any) -> tuple[Any, bool]:
    if get_origin(kind) not in (Union, types.UnionType):
        return kind, False
    rest = [each for each in get_args(kind) if each is not type(None)]
    return Union[tuple(rest)], len(rest) < len(get_args(kind))  # noqa: UP007 - made at run time


def _nullable(schema: Schema) -> Schema:
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str) and schema["type"] in _PLAIN.values():
        return {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


# --- what no shape says --------------------------------------------------------------------------

_TEXT: Final[Schema] = {"type": "string"}
_MAYBE: Final[Schema] = {"type": ["string", "null"]}


def _with_properties(schema: Schema) -> Schema:
    """Return the schema of ``resolve`` with what ``--full`` adds."""
    value = _object(
        {
            "value": _MAYBE,
            "layer": {"enum": list(get_args(Layer))},
            "source": _TEXT,
            "realized": _MAYBE,
            "left_to": {"enum": list(get_args(LeftTo))},
            "because": _TEXT,
        },
        optional=("realized", "left_to", "because"),
    )
    values = {"type": "object", "additionalProperties": value}
    device = _object(
        {"driver": _TEXT, "properties": values, "netdev": values}, optional=("netdev",)
    )
    devices = {"type": "object", "additionalProperties": device}
    return {**schema, "properties": {**schema["properties"], "devices": devices}}


def _machines() -> Schema:
    row = {
        **dict.fromkeys(("driver", "property"), _TEXT),
        **dict.fromkeys(("before", "after"), _MAYBE),
        "change": {"enum": list(get_args(get_type_hints(MachineDifference)["change"]))},
        "seen": {"enum": list(get_args(Seen))},
        "feature": _TEXT,
    }
    head = ("before", "after", "build", "machine", "arch")
    properties = {
        "schema_version": {"const": SCHEMA_VERSION},
        **dict.fromkeys(head, _TEXT),
        "fingerprints": _object({"before": _TEXT, "after": _TEXT}),
        "differences": {"type": "array", "items": _object(row)},
    }
    return _object(properties, optional=("build", "machine", "fingerprints"))


def _error() -> Schema:
    words = dict.fromkeys(UsageError("", code="").as_dict(), _TEXT)
    faults = {"type": "array", "items": _TEXT}
    error = _object({**words, "faults": faults}, optional=("faults",))
    return _object({"schema_version": {"const": SCHEMA_VERSION}, "error": error})


def _monitor() -> Schema:
    return _object({"schema_version": {"const": SCHEMA_VERSION}, "listening": _TEXT})


# --- files ---------------------------------------------------------------------------------------


def texts() -> dict[str, str]:
    """Return the text of every schema by the name of its file."""
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas().items()}


def main() -> int:
    """Write the schemas, or say which are not what they should be."""
    wrong = [
        name
        for name, text in texts().items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text("utf-8") != text
    ]
    if "--write" in sys.argv:
        FOLDER.mkdir(exist_ok=True)
        for name in wrong:
            write_text(FOLDER / name, texts()[name])
    for name in wrong:
        print(f"{name}: {'written' if '--write' in sys.argv else 'not what documents are made by'}")
    return int(bool(wrong) and "--write" not in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
