"""A guest ABI as the JSON document that ``resolve --json`` prints."""

from __future__ import annotations

from typing import Any, Final, Literal

from platform_abi.emit.arguments import arguments
from platform_abi.emit.plain import Shapes, document
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.resolver.digest import abi_digest

#: Whether a guest can be migrated, as documents say it.
Migratable = Literal[True, False, "unknown"]


def migratable(abi: GuestAbi) -> Migratable:
    """Return whether *abi* is migratable, as documents say it."""
    return "unknown" if abi.migratable is None else abi.migratable


SHAPES: Final[Shapes] = {
    GuestAbi: (
        *("machine:vm.machine", "build:vm.build", "platform", "accelerator:vm.accelerator"),
        ("arguments", arguments),
        *("settings", "preconditions", "unpinned", "beyond_platform:beyond"),
        *("notes", "obstacles"),
        ("migratable", migratable),
        "machine_digest",
        ("digest", abi_digest),
    ),
    Setting: ("driver", "property", "value", "device", "layer", "source"),
}


def abi_document(abi: GuestAbi) -> dict[str, Any]:
    """Return *abi* as plain data, in the shape that ``resolve --json`` prints."""
    return document(abi, SHAPES)
