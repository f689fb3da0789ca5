"""A command line with the values of a guest ABI in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from platform_abi.emit.arguments import (
    chosen_options,
    global_argument,
    netdev_options,
    own_settings,
    set_argument,
)
from platform_abi.errors import UsageError
from platform_abi.launch.command_line import PLATFORM, CommandLine, without
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.device import MACHINE
from platform_abi.model.option_language import join_options
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.machine_table import known_build

if TYPE_CHECKING:
    from platform_abi.launch.described import Described
    from platform_abi.model.catalogue import Catalogue


def rewrite(
    catalogue: Catalogue, line: CommandLine, found: Described, abi: GuestAbi
) -> tuple[str, ...]:
    """Return the words of *line* with the values of *abi*, which is what *found* was resolved to.

    The platform's values come first, so that every ``-global`` of the user's comes after them and
    counts (qom/object.c, object_apply_global_props: the last one); a value of one device alone is
    added to its own ``-device``, one of its netdev to its ``-netdev`` or ``-nic``. ``-platform``
    disappears; every other word stays as it is, in its order.

    One that no ``-device`` names, such as the NIC of ``-nic``, has its own values from ``-global``:
    where devices of a kind disagree every other one has values of its own, which win.

    Raises UsageError (``device-unnamed``) where two that nothing names disagree.
    """
    words = list(line.words)
    behind = _netdevs(catalogue, line, found, abi, words)
    labels = dict(zip(abi.vm.labels(), found.places, strict=True))
    unnamed: dict[tuple[str, str], Setting] = {}
    for device, own in own_settings(abi):
        label = own[0].device or ""
        place = labels[label]
        if place is None:
            for setting in own:
                first = unnamed.setdefault((setting.driver, setting.property), setting)
                if first.value != setting.value:
                    raise UsageError(
                        f"{device.driver} needs {_assignments(own)}, and another one that no "
                        "-device names does not",
                        code="device-unnamed",
                        help="create it with -device, and its network with -netdev",
                    )
            continue
        at = line.options[place].at + 1
        words[at] = _with(words[at], own, partial(_kinds, catalogue, abi, device.driver))
    bare = without(CommandLine(words=tuple(words), options=line.options), PLATFORM)
    wide = [word for s in unnamed.values() for word in ("-global", global_argument(s))]
    return (*platform_words(abi), *wide, *bare.words, *behind)


def _netdevs(
    catalogue: Catalogue, line: CommandLine, found: Described, abi: GuestAbi, words: list[str]
) -> list[str]:
    """Write what the platform sets on netdevs into *words*, and return what goes behind them.

    A netdev of ``-readconfig`` gets it by ``-set``. Raises UsageError (``netdev-unnamed``) for one
    there that ``-set`` cannot name.
    """
    behind: list[str] = []
    kinds = {known.option: known.type for known in catalogue.devices().netdev_options}
    places = dict(zip(abi.vm.labels(), found.netdevs, strict=True))
    for name, setting in netdev_options(abi):
        place = places[setting.device or ""]
        if place is not None:
            at = line.options[place].at + 1
            words[at] = _with(words[at], [setting], lambda: kinds)
        elif name:
            behind += ["-set", set_argument(name, setting)]
        else:
            raise UsageError(
                f"the netdev of {setting.device} needs {setting.property}={setting.value}, and "
                "-set cannot name it",
                code="netdev-unnamed",
                help=f"write {setting.property}={setting.value} on it",
            )
    return behind


def platform_words(abi: GuestAbi) -> list[str]:
    """Return what the platform of *abi* adds for the whole virtual machine.

    Several ``-machine`` are merged (system/vl.c, qemu_init), so the user's own stays as it is.
    """
    out: list[str] = []
    for name, value in chosen_options(abi):
        out += ["-machine", f"{name}={value}"]
    for setting in abi.settings:
        if setting.device is None and setting.driver != MACHINE and setting.layer == "platform":
            out += ["-global", global_argument(setting)]
    return out


def _with(text: str, own: Sequence[Setting], kinds: Callable[[], Mapping[str, str]]) -> str:
    """Return the argument of an option with *own* values added, in the form that it has.

    *kinds* gives what QEMU calls the types of the properties, which only JSON has to know.
    """
    if text.lstrip().startswith("{"):
        types = kinds()
        head, brace, _ = text.rpartition("}")
        added = "".join(
            f", {json.dumps(s.property)}: {_json_value(s.value, types.get(s.property, ''))}"
            for s in own
        )
        return f"{head.rstrip()}{added}{brace}"
    return join_options("", tuple((s.property, s.value) for s in own)).join([text, ""])


def _kinds(catalogue: Catalogue, abi: GuestAbi, driver: str) -> Mapping[str, str]:
    """Return what QEMU calls the type of each property of *driver*."""
    vm = abi.vm
    build, _ = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
    known = known_build(catalogue, build.name, vm.arch)
    return known.kinds(known.types.canonical(driver))


#: Values of a boolean property, as JSON has them.
_JSON_BOOLEANS = {"on": "true", "off": "false"}

#: What the names of types begin with that JSON has as numbers.
_NUMBERS = ("int", "uint", "size")


def _json_value(value: str, kind: str) -> str:
    """Return *value* of a property of type *kind* as JSON.

    ``-device`` in JSON is typed: OnOffAuto takes text only, and bool takes none
    (qapi/qobject-input-visitor.c).
    """
    # Where the type is not known, it most likely is a boolean.
    if kind in ("bool", "") and value in _JSON_BOOLEANS:
        return _JSON_BOOLEANS[value]
    number = kind.startswith(_NUMBERS) and value.lstrip("-").isdigit()
    return value if number else json.dumps(value)


def _assignments(own: Sequence[Setting]) -> str:
    return ", ".join(f"{setting.property}={setting.value}" for setting in own)
