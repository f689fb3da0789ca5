"""What is behind a device once the options are on its netdev that its platform sets there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.device import NETDEV

if TYPE_CHECKING:
    from platform_abi.model.device import DeviceTable
    from platform_abi.model.vm import Device

#: What a platform sets on netdevs, by the label of the device before each.
NetdevSettings = Mapping[str, Sequence[Setting]]


def netdev_settings(settings: Iterable[Setting]) -> NetdevSettings:
    """Return those of *settings* that are options of netdevs."""
    found: dict[str, list[Setting]] = {}
    for setting in settings:
        if setting.driver == NETDEV and setting.device is not None:
            found.setdefault(setting.device, []).append(setting)
    return found


def to_write(device: Device, own: Iterable[Setting]) -> tuple[Setting, ...]:
    """Return those of its *own* settings that are to be written on the netdev of *device*.

    What its user wrote there, or handed over ready-made, stays as it is.
    """
    return tuple(setting for setting in own if setting.property in device.open_options)


def behind(table: DeviceTable, device: Device, own: Iterable[Setting]) -> str:
    """Return the kind of what is behind *device* with its *own* settings on its netdev."""
    kind = device.backend
    for setting in to_write(device, own):
        kind = table.with_option(kind, setting.property, setting.value)
    return kind


def backends(table: DeviceTable, abi: GuestAbi) -> dict[str, str]:
    """Return, by label, the kind of what is behind each device of *abi*; empty: nothing."""
    own = netdev_settings(abi.settings)
    return {label: behind(table, device, own.get(label, ())) for label, device in abi.vm.labelled()}
