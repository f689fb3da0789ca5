"""Every device type of a QEMU: its place in the hierarchy, its properties, its CPU models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from platform_abi.author.asking import Asked, Refusal
from platform_abi.author.observation import DeviceType
from platform_abi.errors import printable
from platform_abi.model.driver import CpuModel, DriverProperty
from platform_abi.model.option_language import option_value
from platform_abi.qemu.stdio_qmp import QmpCommandError

_ALIAS = re.compile(r'^name "(?P<type>[^"]+)".*, alias "(?P<alias>[^"]+)"', re.MULTILINE)

#: ``device-list-properties`` hides names that begin so, the printable twins that QEMU makes
#: (``legacy-addr`` of ``addr``), and with them properties that are really called so
#: (``legacy-cache``): qdev_prop_is_legacy in ``qom/qom-qmp-cmds.c``.
_TWIN = "legacy-"

#: Is told how many types have been asked about, and of how many: abstract ones are not.
Progress = Callable[[int, int], None]


def device_types(
    qemu: Asked, warnings: list[str], progress: Progress | None = None
) -> tuple[DeviceType, ...]:
    """Return every device type of *qemu*, sorted by name.

    What could not be listed is added to *warnings*, each with the reason.
    """
    answers = qemu.execute("qom-list-types", implements="device", abstract=True)
    answers.sort(key=lambda each: str(each["name"]))
    parents = {each["name"]: each["parent"] for each in answers if not each.get("abstract", False)}
    listed = qemu.about_each([(name, _LISTS[0]) for name in parents])
    settings = {}
    for done, (name, answer) in enumerate(zip(parents, listed, strict=True)):
        settings[name] = answer if isinstance(answer, Refusal) else _settings(answer)
        if progress is not None:
            progress(done + 1, len(parents))
    hidden = _hidden(qemu, parents, settings)
    if qemu.crashes:
        hidden = _in_turn(qemu, parents)
    types = []
    for answer in answers:
        name = answer["name"]
        found: Mapping[str, DriverProperty] | Refusal | None = hidden.get(name)
        if isinstance(found, Refusal):
            reason = printable(found.reason)
            warnings.append(f"{name} is left without properties of its own: {reason}")
            found = None
        types.append(
            DeviceType(
                name=name,
                parent=answer["parent"],
                abstract=answer.get("abstract", False),
                properties=found,
            )
        )
    return tuple(types)


#: What ``-global`` could set of a type by name, or why nobody can know.
_Settings = Mapping[str, DriverProperty] | Refusal


def _settings(listed: Any) -> Mapping[str, DriverProperty]:
    """Return what ``-global`` could set of a type, as far as ``device-list-properties`` says it."""
    return {
        answer["name"]: _property(answer["type"], _default(answer))
        for answer in listed
        if _is_setting(answer)
    }


def _hidden(
    qemu: Asked, parents: Mapping[str, str], settings: Mapping[str, _Settings]
) -> dict[str, _Settings]:
    """Return *settings* by type, with those that ``device-list-properties`` hides.

    Types of one parent that are alike in all else hide the same, so one is asked for them: a
    hundred CPU models have the same thousand properties.
    """
    alike: dict[str, list[str]] = {}
    asked: dict[str, str] = {}
    for name, own in settings.items():
        if not isinstance(own, Refusal):
            others = alike.setdefault(parents[name], [])
            asked[name] = next((other for other in others if settings[other] == own), name)
            if asked[name] == name:
                others.append(name)
    names = [name for name, by in asked.items() if name == by]
    everything = qemu.about_each([(name, _LISTS[1]) for name in names])
    hides = dict(zip(names, map(_hides, everything), strict=True))
    found = dict(settings)
    for name, by in asked.items():
        own, more = settings[name], hides[by]
        if not isinstance(own, Refusal):
            found[name] = more if isinstance(more, Refusal) else {**own, **more}
    return found


def _in_turn(qemu: Asked, names: Iterable[str]) -> dict[str, _Settings]:
    """Return all settings by type, asked of one type after the other by a QEMU that starts anew.

    What ends a QEMU may depend on what it was asked before (satp_mode_str, target/riscv/cpu.c of
    11.1); so the order of questions is always this one where any ends it.
    """
    qemu.begin_again()
    asked = [(name, command) for name in names for command in _LISTS]
    answers = qemu.about_each(asked)
    found: dict[str, _Settings] = {}
    for name in names:
        listed, everything = next(answers), next(answers)
        more = _hides(everything)
        if isinstance(listed, Refusal):
            found[name] = listed
        else:
            found[name] = more if isinstance(more, Refusal) else {**_settings(listed), **more}
    return found


#: What tells the properties of a type: those of a device, then all.
_LISTS = ("device-list-properties", "qom-list-properties")


def _hides(everything: Any) -> _Settings:
    """Return what ``device-list-properties`` hides of a type, by the list of *everything*."""
    if isinstance(everything, Refusal):
        return everything
    types = {answer["name"]: answer["type"] for answer in everything}
    return {
        key: DriverProperty(type=kind)
        for key, kind in types.items()
        if key.startswith(_TWIN) and key.removeprefix(_TWIN) not in types
    }


@lru_cache(maxsize=4096)
def _property(kind: str, default: str | None) -> DriverProperty:
    """Return a property; a hundred CPU models have the same thousand."""
    return DriverProperty(type=kind, default=default)


def _default(answer: Mapping[str, Any]) -> str | None:
    """Return a property's default as a user would write it; None for null, which states nothing."""
    value = answer.get("default-value")
    return None if value is None else option_value(value)


def _is_setting(answer: Mapping[str, Any]) -> bool:
    """Tell whether ``-global`` could set a property: no object inside the device, no wire."""
    kind: str = answer["type"]
    return not kind.startswith("child<") and kind != "link<irq>"


def qom_properties(qemu: Asked, names: Iterable[str]) -> dict[str, dict[str, DriverProperty]]:
    """Return the properties of types that are no devices; a type that is unknown is left out."""
    found = {}
    for name in sorted(names):
        answers = qemu.about(name, "qom-list-properties")
        if not isinstance(answers, Refusal):
            found[name] = {each["name"]: DriverProperty(type=each["type"]) for each in answers}
    return found


def device_aliases(qemu: Asked) -> dict[str, str]:
    """Return the other names under which ``-device`` knows a type: alias to type."""
    # What `-device help` prints; no QMP command knows qdev_alias_table.
    text = qemu.execute("human-monitor-command", **{"command-line": "info qdm"})
    # A monitor ends its lines with CR LF.
    return {match["alias"]: match["type"] for match in _ALIAS.finditer(text)}


def cpu_models(qemu: Asked, types: Sequence[DeviceType]) -> dict[str, CpuModel]:
    """Return the CPU models that *qemu* knows, by name; none where a target has no such list."""
    try:
        answers = qemu.execute("query-cpu-definitions")
    except QmpCommandError:
        return {}
    return {
        answer["name"]: CpuModel(
            type=answer["typename"] or _cpu_type(answer["name"], types),
            alias_of=answer.get("alias-of", ""),
            deprecated=answer.get("deprecated", False),
        )
        for answer in answers
    }


def _cpu_type(model: str, types: Sequence[DeviceType]) -> str:
    """Return the type behind *model* where QEMU leaves it empty, as that for ppc64 does.

    A type is called after its model and CPU_RESOLVING_TYPE (``target/*/cpu-qom.h``), which is the
    type right below ``cpu``.
    """
    known = {each.name for each in types}
    made = (f"{model}-{each.name}" for each in types if each.parent == "cpu")
    return next((name for name in made if name in known), "")
