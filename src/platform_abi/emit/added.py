"""What a platform adds to a command line that is there, as arguments behind all others of it."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.emit.arguments import (
    chosen_options,
    global_argument,
    global_settings,
    netdev_options,
    own_settings,
    set_argument,
    settable,
    shell_words,
)
from platform_abi.errors import UsageError, printable
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.device import NETDEV


def added_arguments(abi: GuestAbi) -> Iterator[tuple[str, str]]:
    """Yield the options, each with its value, that give the command line of *abi* its platform.

    They are for the end of it: QEMU merges a second ``-machine``, and ``-set`` changes a device or
    netdev that stands before it, unless that is JSON (system/vl.c, qemu_set_option). What the user
    says stands on the command line already.

    Raises UsageError (``device-nameless``) for a device that needs values of its own and has no id.
    """
    for name, value in chosen_options(abi):
        yield "-machine", f"{name}={value}"
    for setting in global_settings(abi):
        if setting.layer == "platform":
            yield "-global", global_argument(setting)
    for device, own in own_settings(abi):
        for setting in own:
            yield "-set", _set("device", device.id or "", setting)
    for name, setting in netdev_options(abi):
        yield "-set", _set(NETDEV, name, setting)


def _set(group: str, name: str, setting: Setting) -> str:
    if not settable(name):
        raise UsageError(
            f"{group} of {printable(setting.device or '')}: it needs {setting.property}="
            f"{setting.value} of its own, and has no id by which -set could say it",
            code="device-nameless",
            help="give it an id, or take --format lines, which writes its -device anew",
        )
    return set_argument(name, setting, group)


def added_lines(abi: GuestAbi, *, terminal: bool = False) -> str:
    """Return these arguments one option with its value per line, quoted for a shell."""
    return "".join(
        f"{option} {shell_words([value], terminal=terminal)}\n"
        for option, value in added_arguments(abi)
    )


def pve_line(abi: GuestAbi) -> str:
    """Return the line of a Proxmox VE configuration that hands these arguments to its QEMU.

    Proxmox VE takes them apart as a shell does, and puts them behind all of its own
    (PVE/QemuServer.pm, config_to_command; PVE::Tools, split_args).

    Raises UsageError (``value-lines``) for a value of several lines, which no line can hold.
    """
    words = [word for pair in added_arguments(abi) for word in pair]
    long = next((word for word in words if not word.isprintable()), None)
    if long is not None:
        raise UsageError(
            f"not for one line of a configuration: {printable(repr(long))}", code="value-lines"
        )
    return f"args: {shell_words(words)}\n"
