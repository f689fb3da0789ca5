"""A guest ABI as a file for QEMU's ``-readconfig``."""

from __future__ import annotations

from collections.abc import Iterable

from platform_abi.emit.arguments import (
    chosen_options,
    global_settings,
    netdev_options,
    own_settings,
)
from platform_abi.errors import UsageError
from platform_abi.model.abi import GuestAbi

#: QEMU reads a line into an array of 1024 bytes, keys and ids into arrays of 64, and knows no
#: escapes (util/qemu-config.c, qemu_config_foreach).
_LONGEST_LINE = 1023
_LONGEST_NAME = 63


def readconfig(abi: GuestAbi) -> str:
    """Return *abi* as the text of a ``-readconfig`` file.

    Raises UsageError (``readconfig-impossible``) for what such a file cannot say: ``-cpu``, what is
    to be set on a netdev that is somewhere else, and
    values with quotes or newlines, lines of more than 1023 bytes, keys and ids of more than 63.
    """
    vm = abi.vm
    if vm.cpu is not None:
        raise UsageError(
            "-readconfig has no section for -cpu",
            code="readconfig-impossible",
            help="leave --cpu to QEMU's own command line, or emit arguments",
        )
    for netdev, setting in netdev_options(abi):
        raise UsageError(
            f"-readconfig cannot set {setting.property}={setting.value} on netdev {netdev!r}, "
            "which is not in it",
            code="readconfig-impossible",
            help=f"write {setting.property}={setting.value} on the netdev and resolve again",
        )
    out = _section("machine", [("type", vm.machine), *vm.machine_options, *chosen_options(abi)])
    out += _section("accel", [("accel", vm.accelerator)])
    for s in global_settings(abi):
        pairs = [("driver", s.driver), ("property", s.property), ("value", s.value)]
        out += _section("global", pairs)
    for device, own in own_settings(abi):
        pairs = [("driver", device.driver), *device.properties]
        pairs += [(s.property, s.value) for s in own]
        title = "device" if device.id is None else f'device "{_name(device.id)}"'
        out += _section(title, pairs)
    return out


def _section(title: str, pairs: Iterable[tuple[str, str]]) -> str:
    lines = [f'  {_name(key)} = "{_plain(value)}"' for key, value in pairs]
    for line in lines:
        if _size(line) > _LONGEST_LINE:
            raise _impossible(line.strip())
    return "\n".join([f"[{title}]", *lines, "", ""])


def _plain(value: str) -> str:
    if any(char in value for char in '"\n\r\0'):
        raise _impossible(value)
    return value


def _name(value: str) -> str:
    """Return a key or an id, which have no spaces either."""
    if _size(value) > _LONGEST_NAME or any(char.isspace() for char in value):
        raise _impossible(value)
    return _plain(value)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _impossible(text: str) -> UsageError:
    return UsageError(
        f"-readconfig cannot say {text[:80]!r}",
        code="readconfig-impossible",
        help="it has no escapes for quotes and newlines, and short lines; emit arguments instead",
    )
