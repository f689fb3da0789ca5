"""A guest ABI as the JSON object that tools build on."""

from __future__ import annotations

import json
from typing import Any

from platform_abi.emit.arguments import arguments
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.resolver.digest import abi_digest

#: The version of every JSON document that this package prints; it grows when a field changes.
SCHEMA_VERSION = 1


def abi_document(abi: GuestAbi) -> dict[str, Any]:
    """Return *abi* as plain data, in the shape that ``resolve --json`` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "machine": abi.vm.machine,
        "build": abi.vm.build,
        "platform": abi.platform,
        "accelerator": abi.vm.accelerator,
        "arguments": arguments(abi),
        "settings": [setting_document(setting) for setting in abi.settings],
        "preconditions": [
            {"capability": entry.capability, "because": list(entry.because)}
            for entry in abi.preconditions
        ],
        "unpinned": [
            {"what": entry.what, "pin": entry.pin, "migration": entry.migration}
            for entry in abi.unpinned
        ],
        "beyond_platform": [
            {
                "feature": entry.feature,
                "driver": entry.driver,
                "property": entry.property,
                "value": entry.value,
                "device": entry.device,
                "missing": list(entry.missing),
                "reason": entry.reason,
            }
            for entry in abi.beyond
        ],
        "notes": list(abi.notes),
        "migratable": abi.migratable,
        "machine_digest": abi.machine_digest,
        "digest": abi_digest(abi),
    }


def setting_document(setting: Setting) -> dict[str, Any]:
    """Return one setting as plain data."""
    return {
        "driver": setting.driver,
        "property": setting.property,
        "value": setting.value,
        "device": setting.device,
        "layer": setting.layer,
        "source": setting.source,
    }


def to_json(document: Any) -> str:
    """Return *document* as the text that ``--json`` prints, the same on every host."""
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"
