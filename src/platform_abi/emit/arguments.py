"""QEMU arguments that give a guest exactly the ABI."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from platform_abi.errors import UsageError
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.device import MACHINE, NETDEV
from platform_abi.model.memo import MEMO_LIMIT, remembered_of_same
from platform_abi.model.option_language import join_options
from platform_abi.resolver.layers import UNWRITTEN
from platform_abi.resolver.netdevs import to_write

if TYPE_CHECKING:
    from platform_abi.model.vm import Device, Properties

#: What -set can call a device or netdev: its words end at dots (system/vl.c, qemu_set_option).
_SETTABLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")

#: QEMU scans the short form of -global into arrays of 64 bytes (system/vl.c, qemu_global_option).
_SHORT_NAME = 63


def arguments(abi: GuestAbi) -> list[str]:
    """Return QEMU's arguments for *abi*, for exec: options and values alternate.

    The machine type, the accelerator and an explicit CPU come first, then one ``-global`` for
    every setting that is not QEMU's own constant, then explicit ``-global`` entries in the order
    they were given. A ``-device`` follows, in place of the user's own, for each device that gets
    values of its own because devices of its kind disagree, and last a ``-set`` for each option that
    the platform sets on a netdev. That has to stand behind the user's ``-netdev``, which it changes
    unless that is JSON (system/vl.c, qemu_set_option).

    Raises UsageError (``argument-nul``) for a value that no argument can hold.
    """
    vm = abi.vm
    out = ["-machine", join_options(vm.machine, vm.machine_options)]
    written = _written(abi.settings)
    for chosen in written.machine:
        # QEMU merges every -machine of a command line.
        out += ["-machine", f"{chosen.property}={chosen.value}"]
    out += ["-accel", vm.accelerator]
    if vm.cpu is not None:
        out += ["-cpu", join_options(vm.cpu.model, vm.cpu.properties)]
    out += written.globals
    for device, own in _with_own(abi, written):
        out += ["-device", device_argument(device, own)]
    for name, setting in _of_netdevs(abi, written):
        if name:
            out += ["-set", set_argument(name, setting)]
    if "\0" in "".join(out):
        raise UsageError("a value contains NUL, which no argument can", code="argument-nul")
    return out


class _Written(NamedTuple):
    """The settings of an ABI by where they are written: -machine, -global, the device's -device.

    QEMU's own constants are written nowhere, and explicit device properties stand on the user's
    own -device.
    """

    machine: list[Setting]
    wide: list[Setting]
    own: dict[str, list[Setting]]
    #: Of netdevs, by the label of the device before each.
    netdevs: dict[str, list[Setting]]
    #: What is *wide* as arguments.
    globals: list[str]


@remembered_of_same(MEMO_LIMIT)
def _written(settings: tuple[Setting, ...]) -> _Written:
    """Return where *settings* are written; virtual machines with the same devices have the same."""
    written = _Written([], [], {}, {}, [])
    for s in settings:
        if s.device is not None:
            if s.driver == NETDEV:
                written.netdevs.setdefault(s.device, []).append(s)
            elif s.layer == "platform":
                written.own.setdefault(s.device, []).append(s)
        elif s.driver == MACHINE:
            if s.layer == "platform":
                written.machine.append(s)
        elif s.layer not in UNWRITTEN:
            written.wide.append(s)
            written.globals.extend(("-global", _global(s.driver, s.property, s.value)))
    return written


def chosen_options(abi: GuestAbi) -> Properties:
    """Return the options of -machine that the platform sets, beside the user's own."""
    return tuple((s.property, s.value) for s in _written(abi.settings).machine)


def global_settings(abi: GuestAbi) -> list[Setting]:
    """Return the settings that become ``-global`` arguments, in their order."""
    return list(_written(abi.settings).wide)


def own_settings(abi: GuestAbi) -> Iterator[tuple[Device, list[Setting]]]:
    """Yield each device that gets values of its own, with those that the platform sets."""
    return _with_own(abi, _written(abi.settings))


def _with_own(abi: GuestAbi, written: _Written) -> Iterator[tuple[Device, list[Setting]]]:
    if written.own:
        for label, device in abi.vm.labelled():
            if label in written.own:
                yield device, written.own[label]


def netdev_options(abi: GuestAbi) -> Iterator[tuple[str, Setting]]:
    """Yield each option that the platform sets on a netdev, behind the id of that.

    The id is empty where the device names no netdev, as that of ``-nic``, and where ``-set`` cannot
    say it.
    """
    return _of_netdevs(abi, _written(abi.settings))


def _of_netdevs(abi: GuestAbi, written: _Written) -> Iterator[tuple[str, Setting]]:
    for label, device in abi.vm.labelled() if written.netdevs else ():
        for setting in to_write(device, written.netdevs.get(label, ())):
            name = dict(device.properties).get(NETDEV, "")
            yield name if settable(name) else "", setting


def settable(name: str) -> bool:
    """Return whether ``-set`` can call a device or netdev by the id *name*."""
    return _SETTABLE.fullmatch(name) is not None


def set_argument(name: str, setting: Setting, group: str = NETDEV) -> str:
    """Return the value of ``-set`` for a *setting* of the netdev, or device, with the id *name*."""
    return f"{group}.{name}.{setting.property}={setting.value}"


def global_argument(setting: Setting) -> str:
    """Return the value of ``-global`` for *setting*.

    The short form where QEMU parses it, else the long one with commas doubled.
    """
    return _global(setting.driver, setting.property, setting.value)


@lru_cache(maxsize=4096)
def _global(driver: str, name: str, value: str) -> str:
    short = (
        "." not in driver
        and "=" not in driver + name
        and len(driver.encode()) <= _SHORT_NAME
        and len(name.encode()) <= _SHORT_NAME
    )
    if short:
        return f"{driver}.{name}={value}"
    return join_options(f"driver={driver}", (("property", name), ("value", value)))


def device_argument(device: Device, own: list[Setting]) -> str:
    """Return the value of ``-device`` for *device* with *own* settings added.

    Raises UsageError (``device-nested``) for one that was given as JSON with nested values, which
    the option form cannot say.
    """
    nested = next((key for key, value in device.properties if value[:1] in ("{", "[")), None)
    if nested is not None:
        raise UsageError(
            f"-device {device.driver}: '{nested}' can only be said in JSON, and the device needs "
            f"values of its own: {', '.join(f'{s.property}={s.value}' for s in own)}",
            code="device-nested",
            help="write these values into its JSON",
        )
    pairs: list[tuple[str, str]] = []
    if device.id is not None:
        pairs.append(("id", device.id))
    pairs += device.properties
    pairs += [(s.property, s.value) for s in own]
    return join_options(device.driver, tuple(pairs))


def shell_lines(abi: GuestAbi, *, terminal: bool = False) -> str:
    """Return the arguments one option with its value per line, quoted as ``shell_words`` does."""
    words = arguments(abi)
    pairs = zip(words[::2], words[1::2], strict=True)
    return "".join(
        f"{option} {shell_words([value], terminal=terminal)}\n" for option, value in pairs
    )


def shell_words(words: Iterable[str], *, terminal: bool = False) -> str:
    r"""Return *words* in one line, quoted for any shell, each character as it is.

    For a *terminal*, a word with characters that would steer it is ``$'...'``, with the octal
    numbers of their bytes: the same in every locale, and pasted into a shell the same word
    (POSIX.1-2024, Shell Command Language, 2.2.4; bash, ksh, zsh and busybox have it, dash has not).
    """
    return " ".join(
        _dollar_quoted(word) if terminal and not word.isprintable() else shlex.quote(word)
        for word in words
    )


def _dollar_quoted(word: str) -> str:
    inner = "".join(c if c.isprintable() and c not in "\\'" else _octal(c) for c in word)
    return f"$'{inner}'"


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))
