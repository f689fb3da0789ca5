"""What a build's definition files mean, without the files: for what is kept of it and never edited.

Writing the text of half a megabyte and parsing it again takes longer than asking a QEMU.
"""

from __future__ import annotations

from typing import Any

from platform_abi.author.inheritance import own_properties, whole_properties
from platform_abi.author.observation import BuildDefinition
from platform_abi.author.text import base_of, own_names
from platform_abi.definitions.machines import OPTIONAL, BuildMachines, MachineEntry
from platform_abi.model.machine import MachineType, QemuBuild, TypeTable


def definition_values(seen: BuildDefinition) -> dict[str, Any]:
    """Return what a catalogue of the files of ``text.file_texts`` has, by kind of answer.

    The kinds are those of ``definitions.learned``.
    """
    whole = whole_properties(seen.types)
    entries = [_entry(m, base_of(seen.machines, at)) for at, m in enumerate(seen.machines)]
    build = seen.build
    build = QemuBuild(
        name=build.name,
        version=build.version,
        arch=build.arch,
        vendor=build.vendor,
        package=build.package,
        machines=tuple(entry.name for entry in entries),
        aliases={alias: entry.name for entry in entries for alias in entry.aliases},
        source=f"machines/{build.name}/{build.arch}.toml",
    )
    own = {each.name: tuple(own_names(each, whole)) for each in seen.types}
    return {
        "build": build,
        "machines": BuildMachines(build=build, entries={entry.name: entry for entry in entries}),
        "types": TypeTable(
            parents={each.name: each.parent for each in seen.types},
            own_properties={name: names for name, names in own.items() if names},
            abstract=frozenset(each.name for each in seen.types if each.abstract),
            aliases=dict(seen.aliases),
        ),
        "property-rows": {
            name: {
                key: (found.type,) if found.default is None else (found.type, found.default)
                for key, found in properties.items()
            }
            for name, properties in own_properties(seen.types, whole).items()
            if properties
        },
        "cpu-models": dict(sorted(seen.cpu_models.items())),
    }


def _entry(machine: MachineType, base: MachineType | None) -> MachineEntry:
    rest = machine.compat[len(base.compat) if base else 0 :]
    return MachineEntry(
        name=machine.name,
        family=machine.family,
        generation=machine.generation,
        aliases=machine.aliases,
        default=machine.default,
        deprecated=machine.deprecated,
        cpu=machine.cpu,
        inherits="" if base is None else base.name,
        compat=tuple(
            (c.driver, c.property, c.value, *((OPTIONAL,) if c.optional else ())) for c in rest
        ),
    )
