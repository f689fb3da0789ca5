"""Constructed QEMU binaries, and who is left of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.qemu.programs import qemu

COMMANDS = (
    "device-list-properties", "human-monitor-command", "qom-list-properties", "qom-list-types",
    "query-cpu-definitions", "query-machines", "query-target", "query-version",
)  # fmt: skip


def version(text: str, package: str = "") -> dict[str, Any]:
    """Return an answer of ``query-version``."""
    major, minor, micro = map(int, text.split("."))
    return {"qemu": {"major": major, "minor": minor, "micro": micro}, "package": package}


def machine(
    name: str, compat: Iterable[Sequence[str]] = (), *, alias: str = "", default: bool = False
) -> dict[str, Any]:
    """Return a machine type as ``query-machines`` says it, rows of *compat* in their order."""
    more = ({"alias": alias} if alias else {}) | ({"is-default": True} if default else {})
    keys = ("qom-type", "property", "value")
    rows = [dict(zip(keys, row, strict=True)) for row in compat]
    return {"name": name, "cpu-max": 1, "compat-props": rows, **more}


#: What an ordinary binary answers: a NIC in two transports, and a board.
ORDINARY: dict[str, Any] = {
    "query-version": version("9.1.0"),
    "query-target": {"arch": "x86_64"},
    "query-machines": [
        machine("none"),
        machine("pc-q35-9.0", [("net-device", "uso", "false")]),
        machine("pc-q35-9.1", alias="q35", default=True),
    ],
    "qom-list-types": [
        {"name": "net-pci", "parent": "device"},
        {"name": "net-device", "parent": "device"},
        {"name": "device", "parent": "object", "abstract": True},
    ],
    "device-list-properties": {
        "net-device": [
            {"name": "uso", "type": "bool", "default-value": True},
            {"name": "mac", "type": "str"},
            {"name": "irq[0]", "type": "link<irq>"},
        ],
        "net-pci": [
            {"name": "uso", "type": "bool", "default-value": True},
            {"name": "vectors", "type": "uint32", "default-value": 4294967295},
        ],
    },
    "qom-list-properties": {
        "net-device": [
            {"name": "uso", "type": "bool"},
            {"name": "mac", "type": "str"},
            {"name": "legacy-mac", "type": "str"},
            {"name": "legacy-mode", "type": "bool"},
        ],
        "net-pci": [{"name": "uso", "type": "bool"}, {"name": "vectors", "type": "uint32"}],
    },
    "human-monitor-command": 'name "net-pci", bus PCI, alias "net"\r\n',
    "query-cpu-definitions": [
        {"name": "EPYC", "typename": "EPYC-x86_64-cpu", "alias-of": "EPYC-v1"},
        {"name": "EPYC-v1", "typename": "EPYC-v1-x86_64-cpu", "deprecated": True},
    ],
}


def binary(folder: Path, answers: Mapping[str, Any] | None = None, **how: object) -> str:
    """Make a QEMU in *folder*: an ordinary one, but for *answers* and *how* it goes about it.

    An answer of None is a command that it does not have.
    """
    answered = {n: each for n, each in {**ORDINARY, **(answers or {})}.items() if each is not None}
    return qemu(folder, answered, **how)


def left(folder: Path) -> list[str]:
    """Return the command lines of all processes that name *folder*."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found
