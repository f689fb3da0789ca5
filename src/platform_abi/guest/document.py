"""Guest views as JSON: one form for what is shipped, stored and exchanged, the same to the byte.

Machine types of one binary differ in little, so each says only what it does not share with another
one of the document; a fact that it lacks is null. Views come from other hosts and, at worst, other
people: nothing of a document is believed before it was checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from platform_abi.definitions.files import natural
from platform_abi.errors import ReportError
from platform_abi.files import read_bytes
from platform_abi.guest.view import BinaryView, Facts, GuestView

#: The one layout of views that this version writes and reads.
VIEW_SCHEMA = 1
KIND = "guest-view"

#: No binary's views are larger; a larger document is a mistake or an attack. In bytes.
MAX_SIZE = 16 * 1024 * 1024

#: What a machine type says of its parts: fact by part, null for what it lacks of another's.
_Parts = Mapping[str, Mapping[str, str | None] | None]

_PARTS = ("devices", "cpus")


def view_text(view: BinaryView) -> str:
    """Return *view* as the text of a JSON document, a device a line."""
    head = {
        "schema_version": VIEW_SCHEMA,
        "kind": KIND,
        "version": view.version,
        "package": view.package,
        "arch": view.arch,
    }
    lines = [f"{_json(key)}: {_json(value)}," for key, value in head.items()]
    machines = _newest_first(view.machines)
    entries = []
    for index, machine in enumerate(machines):
        earlier = [machines[i] for i in sorted({0, index - 1}) if 0 <= i < index]
        entries.append("\n".join(_machine_lines(machine, earlier)))
    body = ",\n".join(entries)
    return "{\n" + "\n".join(lines) + f'\n"machines": [\n{body}\n]\n}}\n'


def _newest_first(machines: Mapping[str, GuestView]) -> list[GuestView]:
    """Return machine types by family, the newest first."""
    names = sorted(machines, key=natural, reverse=True)
    return [machines[name] for name in names]


def _machine_lines(machine: GuestView, earlier: list[GuestView]) -> Iterator[str]:
    """Yield one entry of ``machines``, as what differs from the nearest of *earlier*."""
    changes = [(base.machine, _changes(base, machine)) for base in earlier]
    changes.append(("", _changes(GuestView(machine="", arch=""), machine)))
    inherits, changed = min(changes, key=lambda each: len(_json(each[1])))
    yield "{"
    yield f'"machine": {_json(machine.machine)},'
    if inherits:
        yield f'"inherits": {_json(inherits)},'
    for part in _PARTS:
        rows = [f"{_json(name)}: {_json(facts)}" for name, facts in changed[part].items()]
        body = "{\n" + ",\n".join(rows) + "\n}" if rows else "{}"
        yield f'"{part}": {body},'
    yield f'"unseen": {_json(dict(sorted(machine.unseen.items())))}'
    yield "}"


def _changes(base: GuestView, machine: GuestView) -> dict[str, _Parts]:
    return {
        "devices": _changed(base.devices, machine.devices),
        "cpus": _changed(base.cpus, machine.cpus),
    }


def _changed(base: Mapping[str, Facts], own: Mapping[str, Facts]) -> _Parts:
    found: dict[str, Mapping[str, str | None] | None] = {}
    for name in sorted(base.keys() | own.keys()):
        if name not in own:
            found[name] = None
        elif name not in base or base[name] != own[name]:
            before = base.get(name, {})
            keys = sorted(before.keys() | own[name].keys())
            found[name] = {
                key: own[name].get(key) for key in keys if before.get(key) != own[name].get(key)
            }
    return found


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


# --- reading -------------------------------------------------------------------------------------


def read_view(text: str | bytes, name: str) -> BinaryView:
    """Return the views that *text* holds; *name* is what errors call the document.

    Raises ReportError: ``view-syntax`` for what is no JSON, ``view-schema`` for another schema,
    ``view-invalid`` for a document that is no view.
    """
    body = _parsed(text, name)
    try:
        machines: dict[str, GuestView] = {}
        arch = _text(body["arch"])
        for entry in body["machines"]:
            machine = _machine(entry, arch, machines)
            machines[machine.machine] = machine
        return BinaryView(
            version=_text(body["version"]),
            package=_text(body["package"]),
            arch=arch,
            machines=machines,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReportError(
            f"{name}: no guest view: {type(error).__name__}: {str(error)[:200]}",
            code="view-invalid",
            help="'platform-abi audit-qemu BINARY --view FILE' writes one",
        ) from None


def recorded_view(locate: Callable[[str], str | None], build: str, arch: str) -> BinaryView | None:
    """Return the views that are shipped of *build*, None where none were recorded.

    *locate* finds a definition file, as a catalogue does.
    """
    path = locate(f"machines/{build}/{arch}-view.json")
    return None if path is None else read_view(read_bytes(path, MAX_SIZE), path)


def _parsed(text: str | bytes, name: str) -> dict[str, Any]:
    help_ = "'platform-abi audit-qemu BINARY --view FILE' writes one"
    if len(text) > MAX_SIZE:
        raise ReportError(f"{name}: larger than any guest view", code="view-syntax", help=help_)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{name}: not a guest view: {error}", code="view-syntax", help=help_
        ) from None
    if not isinstance(body, dict) or body.get("kind") != KIND:
        raise ReportError(
            f'{name}: not a guest view: expected an object with "kind": "{KIND}"',
            code="view-syntax",
            help=help_,
        )
    version = body.get("schema_version")
    if version != VIEW_SCHEMA or isinstance(version, bool):
        raise ReportError(
            f"{name}: expected schema_version {VIEW_SCHEMA}",
            code="view-schema",
            help="it was written by another version of platform-abi",
        )
    return body


def _machine(entry: Mapping[str, Any], arch: str, earlier: Mapping[str, GuestView]) -> GuestView:
    base = earlier[entry["inherits"]] if "inherits" in entry else GuestView(machine="", arch="")
    name = _text(entry["machine"])
    if name in earlier:
        raise ValueError(f"{name} stands twice")
    return GuestView(
        machine=name,
        arch=arch,
        devices=_whole(base.devices, entry["devices"]),
        cpus=_whole(base.cpus, entry["cpus"]),
        unseen={_text(key): _text(value) for key, value in entry["unseen"].items()},
    )


def _whole(base: Mapping[str, Facts], changed: Mapping[str, Any]) -> dict[str, Facts]:
    found = dict(base)
    for name, facts in changed.items():
        if facts is None:
            del found[_text(name)]
            continue
        merged = {**found.get(_text(name), {}), **facts}
        found[name] = {_text(k): _text(v) for k, v in merged.items() if v is not None}
    return dict(sorted(found.items()))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {str(value)[:40]}")
    value.encode()
    return value
