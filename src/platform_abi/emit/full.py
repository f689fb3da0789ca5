"""The full property set as the JSON object that tools build on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from platform_abi.model.realize import DeviceProperties, PropertyValue


def full_document(full: Mapping[str, DeviceProperties]) -> dict[str, Any]:
    """Return *full* as plain data: what ``resolve --full --json`` adds to the ABI's document.

    ``value`` is what the layers say, null where none does. Where QEMU makes something else of it
    when it realizes the device, ``realized`` is that, null where ``left_to`` says who decides, and
    ``because`` gives the reason.
    """
    return {
        "devices": {
            label: {
                "driver": device.driver,
                "properties": {
                    name: property_document(value)
                    for name, value in sorted(device.properties.items())
                },
            }
            for label, device in full.items()
        }
    }


def property_document(value: PropertyValue) -> dict[str, Any]:
    """Return one property's value as plain data."""
    document: dict[str, Any] = {
        "value": value.value,
        "layer": value.layer,
        "source": value.source,
    }
    if value.rule is not None:
        document["realized"] = value.realized
        if value.left_to is not None:
            document["left_to"] = value.left_to
        document["because"] = value.rule.reason
    return document
