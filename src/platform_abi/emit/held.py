"""The definitions of one QEMU build written into a text, for a host report to carry."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

from platform_abi.emit.toml import toml_text
from platform_abi.model.value import field_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.definitions.machines import BuildMachines, MachineEntry
    from platform_abi.model.driver import CpuModel


def held_text(catalogue: FileCatalogue, build: str, arch: str) -> str:
    """Return what is known of *build* for *arch*, as ``definitions.held`` reads it.

    That is the definition files of the build: JSON with the text of each by its name, deflated, in
    base 64. The same definitions give the same text.
    """
    packed = zlib.compress(
        json.dumps(build_files(catalogue, build, arch), sort_keys=True).encode(), 9
    )
    return base64.b64encode(packed).decode("ascii")


def build_files(catalogue: FileCatalogue, build: str, arch: str) -> dict[str, str]:
    """Return what is known of *build* for *arch* as the text of definition files, by their names.

    What was never recorded has no file.
    """
    machines: BuildMachines = catalogue.value("machines", build, arch)
    types, rows = catalogue.types(build, arch), catalogue.property_rows(build, arch)
    unmigratable = catalogue.unmigratable(build, arch)
    documents: dict[str, Mapping[str, Any]] = {f"{arch}.toml": _machines(machines)}
    if types:
        documents[f"{arch}-types.toml"] = {
            "schema": 1,
            "aliases": dict(types.aliases),
            "type": {
                name: {
                    "parent": parent,
                    "abstract": name in types.abstract,
                    "properties": list(types.own_properties.get(name, ())),
                }
                for name, parent in types.parents.items()
            },
        }
    if rows:
        models = catalogue.cpu_models(build, arch)
        documents[f"{arch}-properties.toml"] = {
            "schema": 1,
            "type": {
                name: {each: list(row) for each, row in of.items()} for name, of in rows.items()
            },
            "cpu": {name: _dashed(_fields(model)) for name, model in models.items()},
        }
    if unmigratable is not None:
        documents[f"{arch}-migration.toml"] = {"schema": 1, "unmigratable": sorted(unmigratable)}
    return {f"machines/{build}/{name}": toml_text(each) for name, each in documents.items()}


def _machines(machines: BuildMachines) -> Mapping[str, Any]:
    build = machines.build
    names = ("name", "version", "arch", "vendor", "package")
    return {
        "schema": 1,
        "build": {name: getattr(build, name) for name in names},
        "machine": [_machine(entry) for entry in machines.entries.values()],
    }


def _machine(entry: MachineEntry) -> Mapping[str, Any]:
    rows = [list(row) for row in entry.compat]
    return _dashed({**_fields(entry), "aliases": list(entry.aliases), "compat": rows})


def _fields(value: MachineEntry | CpuModel) -> dict[str, Any]:
    return {name: getattr(value, name) for name in field_names(type(value))}


def _dashed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values* under the keys of files, without those that say nothing."""
    return {
        key.replace("_", "-"): value for key, value in values.items() if value not in (None, "")
    }
