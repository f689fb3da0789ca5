"""The text of a build's definition files: one that people read and compare line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from platform_abi.author.inheritance import Properties, own_properties, whole_properties
from platform_abi.author.observation import BuildDefinition, DeviceType
from platform_abi.definitions.checks import SCHEMA
from platform_abi.emit.toml import toml_text
from platform_abi.model.driver import CpuModel
from platform_abi.model.machine import CompatProperty, MachineType, QemuBuild

_WIDTH = 100


def file_texts(seen: BuildDefinition) -> dict[str, str]:
    """Return the files of the build by name: machine types, QOM types, properties."""
    arch = seen.build.arch
    whole = whole_properties(seen.types)
    return {
        f"{arch}-types.toml": _types_text(seen.types, whole, seen.aliases),
        f"{arch}-properties.toml": _properties_text(seen.types, whole, seen.cpu_models),
        f"{arch}.toml": _machines_text(seen.build, seen.machines),
    }


def _machines_text(build: QemuBuild, machines: Sequence[MachineType]) -> str:
    head = {
        "schema": SCHEMA,
        "build": {
            "name": build.name,
            "version": build.version,
            "vendor": build.vendor,
            "package": build.package,
            "arch": build.arch,
        },
    }
    lines = [toml_text(head).rstrip("\n")]
    for index, machine in enumerate(machines):
        lines += ["", *_machine_lines(machine, base_of(machines, index))]
    return "\n".join(lines) + "\n"


def base_of(machines: Sequence[MachineType], index: int) -> MachineType | None:
    """Return the next newer machine type of the family if its whole list starts this one's."""
    if index == 0:
        return None
    machine, newer = machines[index], machines[index - 1]
    if newer.family != machine.family:
        return None
    return newer if machine.compat[: len(newer.compat)] == newer.compat else None


def _machine_lines(machine: MachineType, base: MachineType | None) -> Iterator[str]:
    yield "[[machine]]"
    yield f"name = {_literal(machine.name)}"
    yield f"family = {_literal(machine.family)}"
    if machine.generation is not None:
        yield f"generation = {_literal(machine.generation)}"
    if machine.aliases:
        yield f"aliases = {_array(machine.aliases)}"
    if machine.default:
        yield "default = true"
    if machine.deprecated:
        yield "deprecated = true"
    if machine.cpu:
        yield f"cpu = {_literal(machine.cpu)}"
    if base is not None:
        yield f"inherits = {_literal(base.name)}"
    yield from _compat_lines(machine.compat[len(base.compat) if base else 0 :])


def _compat_lines(entries: Sequence[CompatProperty]) -> Iterator[str]:
    """Yield ``compat = [...]``, an entry a line, so that a diff shows single entries."""
    if not entries:
        yield "compat = []"
        return
    yield "compat = ["
    for entry in entries:
        optional = ["optional"] if entry.optional else []
        yield f"    {_array([entry.driver, entry.property, entry.value, *optional])},"
    yield "]"


def _types_text(types: Sequence[DeviceType], whole: Properties, aliases: Mapping[str, str]) -> str:
    lines = [f"schema = {SCHEMA}", "", "[aliases]"]
    lines += [f"{_literal(alias)} = {_literal(name)}" for alias, name in sorted(aliases.items())]
    for each in types:
        lines += ["", f"[type.{_literal(each.name)}]", f"parent = {_literal(each.parent)}"]
        if each.abstract:
            lines.append("abstract = true")
        names = own_names(each, whole)
        if names:
            lines += wrapped("properties", names)
    return "\n".join(lines) + "\n"


def own_names(each: DeviceType, whole: Properties) -> list[str]:
    """Return the properties of a type that its parent does not have, sorted."""
    return sorted(whole[each.name].keys() - whole.get(each.parent, {}).keys())


def _properties_text(
    types: Sequence[DeviceType], whole: Properties, cpu_models: Mapping[str, CpuModel]
) -> str:
    lines = [f"schema = {SCHEMA}"]
    if cpu_models:
        lines += ["", "[cpu]"]
        lines += [f"{_literal(n)} = {_cpu(model)}" for n, model in sorted(cpu_models.items())]
    for name, properties in own_properties(types, whole).items():
        if properties:
            lines += ["", f"[type.{_literal(name)}]"]
        for key, found in properties.items():
            default = [] if found.default is None else [found.default]
            lines.append(f"{_key(key)} = {_array([found.type, *default])}")
    return "\n".join(lines) + "\n"


def _cpu(model: CpuModel) -> str:
    pairs = [f"type = {_literal(model.type)}"]
    if model.alias_of:
        pairs.append(f"alias-of = {_literal(model.alias_of)}")
    if model.deprecated:
        pairs.append("deprecated = true")
    return "{ " + ", ".join(pairs) + " }"


def _key(name: str) -> str:
    """Write a key, quoted where it has to be."""
    return toml_text({name: 0}).removesuffix(" = 0\n")


def _literal(value: str) -> str:
    """Write a string on one line."""
    return toml_text({"x": value}).removeprefix("x = ").rstrip("\n")


def _array(values: Iterable[str]) -> str:
    return "[" + ", ".join(map(_literal, values)) + "]"


def wrapped(key: str, values: Sequence[str]) -> Iterator[str]:
    """Yield the lines of ``key = [...]``: one where it fits, else filled to the line width."""
    single = f"{key} = {_array(values)}"
    if len(single) <= _WIDTH:
        yield single
        return
    yield f"{key} = ["
    line = "   "
    for value in values:
        item = f" {_literal(value)},"
        if len(line) + len(item) > _WIDTH:
            yield line
            line = "   "
        line += item
    yield line
    yield "]"
