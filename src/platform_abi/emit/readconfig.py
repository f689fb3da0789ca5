"""A guest ABI as a file for QEMU's ``-readconfig``."""

from __future__ import annotations

from collections.abc import Iterable

from platform_abi.emit.arguments import chosen_options, global_settings, own_settings
from platform_abi.errors import UsageError
from platform_abi.model.abi import GuestAbi

#: QEMU reads a value into an array of 1024 bytes and knows no escapes (util/qemu-config.c).
_LONGEST = 1023


def readconfig(abi: GuestAbi) -> str:
    """Return *abi* as the text of a ``-readconfig`` file.

    Raises UsageError (``readconfig-impossible``) for what such a file cannot say: ``-cpu``, and
    values with quotes, newlines or more than 1023 bytes.
    """
    vm = abi.vm
    if vm.cpu is not None:
        raise UsageError(
            "-readconfig has no section for -cpu",
            code="readconfig-impossible",
            help="leave --cpu to QEMU's own command line, or emit arguments",
        )
    out = _section("machine", [("type", vm.machine), *vm.machine_options, *chosen_options(abi)])
    out += _section("accel", [("accel", vm.accelerator)])
    for s in global_settings(abi):
        pairs = [("driver", s.driver), ("property", s.property), ("value", s.value)]
        out += _section("global", pairs)
    for device, own in own_settings(abi):
        pairs = [("driver", device.driver), *device.properties]
        pairs += [(s.property, s.value) for s in own]
        title = "device" if device.id is None else f'device "{_plain(device.id)}"'
        out += _section(title, pairs)
    return out


def _section(title: str, pairs: Iterable[tuple[str, str]]) -> str:
    lines = [f'  {key} = "{_plain(value)}"' for key, value in pairs]
    return "\n".join([f"[{title}]", *lines, "", ""])


def _plain(value: str) -> str:
    if any(char in value for char in '"\n\r\0') or len(value.encode()) > _LONGEST:
        raise UsageError(
            f"-readconfig cannot say the value {value[:80]!r}",
            code="readconfig-impossible",
            help="it has no escapes for quotes and newlines; emit arguments instead",
        )
    return value
