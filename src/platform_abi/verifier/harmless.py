"""A command line of a QEMU that may be running already, for one that touches nothing of it.

A second QEMU with the same words would take sockets and files from the first, talk to its other
processes, or write into memory and files that both have. So only what is known to be harmless
(``definitions/harmless``) is handed on; stand-ins are put in the place of backends, and all else is
left out, and named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.configuration import read_configuration
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.harmless import EVERY
from platform_abi.model.option_language import join_options, split_options
from platform_abi.model.vm import Properties, VirtualMachine
from platform_abi.resolver.admission import Known
from platform_abi.resolver.virtual_machine import netdev_of, parse_global
from platform_abi.verifier.stand_in import Backends, Part, StandIn, no_device, no_netdev

#: A disk that is no file.
_NO_DISK = "null-co://"


def harmless(
    catalogue: Catalogue,
    words: Sequence[str],
    vm: VirtualMachine,
    read_file: Callable[[str], str],
) -> StandIn:
    """Return what of *words* touches nothing outside of a QEMU, in parts.

    *vm* says of which architecture and build; *read_file* gives the text of a file of
    ``-readconfig``, whose sections are treated as the options that they are. Raises UsageError for
    what QEMU could not read either.
    """
    reading = _Reading(catalogue, vm)
    for name, value in _options(catalogue, words, read_file):
        reading.take(name, value)
    return reading.finish()


def _options(
    catalogue: Catalogue, words: Sequence[str], read_file: Callable[[str], str]
) -> Iterator[tuple[str, str | None]]:
    """Yield each option and its argument, those of configuration files in their place."""
    for option in read_command_line(catalogue.options(), words).options:
        if option.name != "readconfig" or option.value is None:
            yield option.name, option.value
            continue
        text = read_file(option.value)
        for group, ident, pairs in read_configuration(text, option.value):
            yield group, _joined((*((("id", ident),) if ident else ()), *pairs))


def _joined(pairs: Properties) -> str:
    return join_options("", pairs)[1:]


class _Reading:
    """A command line on its way to a harmless one."""

    def __init__(self, catalogue: Catalogue, vm: VirtualMachine) -> None:
        self._table = catalogue.harmless()
        self._backends = Backends(devices=catalogue.devices(), harmless=self._table)
        self._known = Known(catalogue, vm)
        self._options = catalogue.options()
        self._common: list[tuple[str, ...]] = []
        self._devices: list[tuple[str, str]] = []
        self._nics: list[str] = []
        self._netdevs: dict[str, tuple[str, str]] = {}
        #: What is left out and others may refer to, by id, with the reason.
        self._missing: dict[str, str] = {}
        self._omitted: list[str] = []
        self._index = 0

    def take(self, name: str, value: str | None) -> None:
        """Take in one option."""
        own: Mapping[str, Callable[[str], None]] = {
            "device": self._device,
            "netdev": self._netdev,
            "nic": self._nics.append,
            "object": self._object,
            "global": self._global,
            "machine": self._machine,
            "net": self._net,
        }
        if value is None:
            if name in self._table.options:
                self._common.append((f"-{name}",))
            else:
                self._omitted.append(f"-{name}")
        elif not name:
            self._common.append((_NO_DISK,))
        elif name in own:
            own[name](value)
        elif name in self._table.instead:
            self._common.append((f"-{name}", self._table.instead[name]))
        elif name in self._table.backend:
            self._backend(name, value)
        elif name in self._table.options:
            self._option(name, value)
        else:
            self._leave_out(f"-{name}", value)

    def _leave_out(self, what: str, value: str, why: str = "") -> None:
        self._omitted.append(what)
        given = dict(split_options(value, "value")) if value else {}
        for key in ("id", "node-name"):
            if key in given:
                self._missing[given[key]] = why or f"it needs what came with {what}"

    def _option(self, name: str, value: str) -> None:
        keys = self._table.options[name]
        if not keys or EVERY in keys:
            self._common.append((f"-{name}", value))
            return
        pairs = self._options.pairs(name, value)
        kept = self._kept(f"-{name}", pairs, keys)
        if kept:
            self._common.append((f"-{name}", _joined(kept)))

    def _kept(self, what: str, pairs: Properties, keys: Sequence[str]) -> Properties:
        self._omitted += [f"{what} {key}" for key, _ in pairs if key not in keys]
        return tuple(pair for pair in pairs if pair[0] in keys)

    def _machine(self, value: str) -> None:
        pairs = self._options.pairs("machine", value)
        keys = ("type", "accel", *self._table.machine_options)
        self._common.append(("-machine", _joined(self._kept("-machine", pairs, keys))))

    def _global(self, value: str) -> None:
        each = parse_global(value)
        if self._known.property(each.driver, each.property, each.value):
            self._common.append(("-global", value))
        else:
            self._omitted.append(f"-global {each.driver}.{each.property}")

    def _backend(self, name: str, value: str) -> None:
        """Put a stand-in in the place of a backend of any kind."""
        rule, pairs = self._table.backend[name], self._options.pairs(name, value)
        given = dict(pairs)
        if any(given.get(k) in v for k, v in self._table.unless.get(name, {}).items()):
            self._leave_out(f"-{name}", value)
            return
        self._count(name, given)
        kept = (*(pair for pair in pairs if pair[0] in rule.keys), *rule.fixed.items())
        text = join_options(rule.first, kept) if rule.first else _joined(kept)
        self._common.append((f"-{name}", text))

    def _count(self, name: str, given: Mapping[str, str]) -> None:
        """Count the devices that an option makes without naming them."""
        for entry in self._options.device:
            if (
                entry.option == name
                and not entry.machines
                and all(given.get(k) == v for k, v in entry.when.items())
            ):
                self._index += 1

    def _object(self, value: str) -> None:
        pairs = self._options.pairs("object", value)
        kind = dict(pairs).get("qom-type", "")
        rule = self._table.object.get(kind)
        if rule is None:
            self._leave_out(f"-object {kind}", value)
            return
        kept = tuple(
            (key, text)
            for key, text in pairs
            if key != "qom-type" and (EVERY in rule.keys or key in rule.keys)
        )
        self._common.append(("-object", join_options(rule.kind or kind, kept)))

    def _netdev(self, value: str) -> None:
        pairs = self._options.pairs("netdev", value)
        given = dict(pairs)
        name = given.get("id", "")
        kind = netdev_of(self._backends.devices, pairs).kind
        made = self._backends.netdev(kind)
        if made is None:
            self._leave_out("-netdev", value, no_netdev(kind))
        else:
            self._netdevs[name] = ("-netdev", join_options(made[0], (("id", name), *made[1])))

    def _net(self, value: str) -> None:
        given = dict(self._options.pairs("net", value))
        if given.get("type") == "nic" and "netdev" not in given:
            self._common.append(("-net", value))
        else:
            self._omitted.append("-net")

    # --- devices ---------------------------------------------------------------------------------

    def _device(self, value: str) -> None:
        given = dict(self._options.pairs("device", value))
        label = given.get("id", f"device[{self._index}]")
        if self._known.driver(given.get("driver", "")):
            self._index += 1
        self._devices.append((label, value))

    def _part(self, label: str, value: str) -> Part:
        pairs = self._options.pairs("device", value)
        driver = dict(pairs).get("driver", "")
        why = "" if self._table.driver(driver) else no_device(driver)
        words: list[tuple[str, str]] = []
        kept: list[tuple[str, str]] = []
        for key, text in pairs:
            if key == "driver" or self._known.property(driver, key, text):
                kept.append((key, text))
            else:
                self._omitted.append(f"-device {driver},{key}")
            why = why or self._hindrance(key, text)
            netdev = self._netdevs.get(text) if key == "netdev" else None
            if netdev is not None:
                words.append(netdev)
        if why:
            self._missing[label] = why
            return Part(device=label, why=why)
        return Part(device=label, words=(*words, ("-device", _argument(value, tuple(kept)))))

    def _hindrance(self, key: str, text: str) -> str:
        """Return why a device with this property cannot be had, nothing where it can."""
        if key in self._table.refused:
            return self._table.refused[key]
        if key == "bus":
            return self._missing.get(text.partition(".")[0], "")
        if key == "netdev" or key in self._table.references:
            return self._missing.get(text, "")
        return ""

    def _nic(self, number: int, value: str) -> Part:
        label = f"device[{self._index + number}]"
        pairs = self._options.pairs("nic", value)
        given = dict(pairs)
        if given.get("type") == "none":
            return Part(device=label, words=(("-nic", "none"),))
        kind = netdev_of(self._backends.devices, pairs).kind
        made = self._backends.netdev(kind)
        if made is None:
            return Part(device=label, why=no_netdev(kind))
        own = tuple(pair for pair in pairs if pair[0] in ("model", "mac", "id"))
        return Part(device=label, words=(("-nic", join_options(made[0], (*made[1], *own))),))

    def finish(self) -> StandIn:
        """Return what is left."""
        parts = [self._part(label, value) for label, value in self._devices]
        parts += [self._nic(number, value) for number, value in enumerate(self._nics)]
        return StandIn(
            common=tuple(self._common),
            parts=tuple(parts),
            omitted=tuple(dict.fromkeys(self._omitted)),
        )


def _argument(value: str, kept: Properties) -> str:
    """Return the argument of a -device with what is *kept* of it, in the form that it has."""
    if value.lstrip().startswith("{"):
        keys = {key for key, _ in kept}
        return json.dumps({key: each for key, each in json.loads(value).items() if key in keys})
    return _joined(kept)
