"""The QEMUs of a host in its report, written in one form and read back with every fault named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from platform_abi.host.checked import Checked
from platform_abi.model.reported import ReportedMachine, ReportedQemu

_NAMES = ("arch", "version", "package", "identity", "build", "path", "fingerprint")
_KEYS = (*_NAMES, "usual", "machines", "cpus", "views", "lacking", "drivers", "content")
_MACHINE_KEYS = ("aliases", "default", "deprecated", "fingerprint")

#: What the definitions of a QEMU come to, deflated, is far below this. In characters.
_MAX_CONTENT = 1024 * 1024


def qemu_document(qemu: ReportedQemu, *, brief: bool = False) -> dict[str, Any]:
    """Return *qemu* as plain data, keys in order; what says nothing is left out.

    *brief* leaves out what most of it is, and who knows that QEMU can do without: what it makes of
    its machine types, what guests find in them, and the flags of its CPUs.
    """
    document: dict[str, Any] = {key: getattr(qemu, key) for key in _NAMES if getattr(qemu, key)}
    if qemu.usual:
        document["usual"] = True
    document["machines"] = {
        machine.name: _machine_document(machine, brief=brief) for machine in qemu.machines
    }
    if qemu.cpus and not brief:
        document["cpus"] = {model: sorted(flags) for model, flags in sorted(qemu.cpus.items())}
    if qemu.views and not brief:
        document["views"] = {
            machine: dict(sorted(labels.items())) for machine, labels in sorted(qemu.views.items())
        }
    if qemu.lacking is not None:
        document["lacking"] = list(qemu.lacking)
    if qemu.drivers is not None and not brief:
        document["drivers"] = list(qemu.drivers)
    if qemu.content and not brief:
        document["content"] = qemu.content
    return document


def _machine_document(machine: ReportedMachine, *, brief: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "aliases": list(machine.aliases),
        "default": machine.default,
        "deprecated": machine.deprecated,
        "fingerprint": "" if brief else machine.fingerprint,
    }
    return {key: value for key, value in said.items() if value}


def read_qemus(checked: Checked, place: str, value: Any) -> tuple[ReportedQemu, ...]:
    """Return the QEMUs that *value* at *place* of a report holds; *checked* notes what is wrong."""

    def machines(at: str, table: Any) -> tuple[ReportedMachine, ...]:
        def machine(at: str, body: Any) -> ReportedMachine:
            known = checked.object(at, body, _MACHINE_KEYS)
            return ReportedMachine(
                name=at[len(place_of) + 1 :],
                aliases=checked.texts(f"{at}.aliases", known.get("aliases", [])),
                default=checked.truth(f"{at}.default", known.get("default", False)),
                deprecated=checked.truth(f"{at}.deprecated", known.get("deprecated", False)),
                fingerprint=checked.text(f"{at}.fingerprint", known.get("fingerprint", "")),
            )

        place_of = at
        return tuple(checked.table(at, table, machine).values())

    def view(at: str, labels: Any) -> Mapping[str, str]:
        return checked.table(at, labels, checked.text)

    def drivers(at: str, known: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
        return checked.members(f"{at}.{key}", known[key]) if key in known else None

    def qemu(at: str, body: Any) -> ReportedQemu:
        known = checked.object(at, body, _KEYS)
        return ReportedQemu(
            **{key: checked.text(f"{at}.{key}", known.get(key, "")) for key in _NAMES},
            usual=checked.truth(f"{at}.usual", known.get("usual", False)),
            machines=machines(f"{at}.machines", known.get("machines", {})),
            cpus=checked.table(f"{at}.cpus", known.get("cpus", {}), checked.members),
            views=checked.table(f"{at}.views", known.get("views", {}), view),
            lacking=drivers(at, known, "lacking"),
            drivers=drivers(at, known, "drivers"),
            content=checked.text(f"{at}.content", known.get("content", ""), _MAX_CONTENT),
        )

    return tuple(sorted(checked.array(place, value, qemu), key=lambda each: each.order))
