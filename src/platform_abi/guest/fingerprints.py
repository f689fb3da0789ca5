"""What a guest finds of each device of a machine type, as fingerprints that a report can carry."""

from __future__ import annotations

from collections.abc import Collection

from platform_abi.guest.comparison import lasting
from platform_abi.guest.view import BOARD, REFUSED, GuestView
from platform_abi.model.digest import canonical_digest
from platform_abi.model.guest import GuestDevices, label

#: So many hexadecimal digits tell what two QEMUs show of one device.
_DIGITS = 16


def view_fingerprints(view: GuestView, looked_at: GuestDevices) -> dict[str, str]:
    """Return, by label, a fingerprint of what a guest finds of each device, sorted by label.

    Of devices that stand on something of the host's there is none, nor of CPU models: what is found
    of these says as much of the host. And none of a device that this QEMU does not start with,
    which is not what a guest finds.
    """
    of_host = {
        label(device, port=port)
        for device in looked_at.device
        if device.node
        for port in (False, True)
    }
    return {
        name: canonical_digest(dict(lasting(facts))).partition(":")[2][:_DIGITS]
        for name, facts in sorted(view.devices.items())
        if name not in of_host and REFUSED not in facts
    }


def labels_of(looked_at: GuestDevices, drivers: Collection[str]) -> frozenset[str]:
    """Return what views call devices of *drivers*, at whatever place."""
    return frozenset(
        label(device, port=port)
        for device in looked_at.device
        if device.driver in drivers
        for port in (False, True)
    )


def of_board(name: str) -> bool:
    """Return whether *name*, a label of a view, is of what the board itself has."""
    return name.startswith(BOARD)
