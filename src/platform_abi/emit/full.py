"""The full property set as the JSON object that tools build on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from platform_abi.model.realize import DeviceProperties, PropertyValue


def full_document(full: Mapping[str, DeviceProperties]) -> dict[str, Any]:
    """Return *full* as plain data: what ``resolve --full --json`` adds to the ABI's document.

    ``value`` is what the layers say, null where none does. Where QEMU makes something else of it
    when it realizes the device, ``realized`` is that, null where ``left_to`` says who decides, and
    ``because`` gives the reason. ``netdev`` is there where the platform sets options on what is
    behind a device.
    """
    return {
        "devices": {
            label: {
                "driver": device.driver,
                "properties": _documents(device.properties),
                **({"netdev": _documents(device.netdev)} if device.netdev else {}),
            }
            for label, device in full.items()
        }
    }


def _documents(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    return {name: property_document(value) for name, value in sorted(values.items())}


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
