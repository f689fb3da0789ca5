"""What QEMU makes of a device's properties when it realizes the device, by rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from platform_abi.model.machine import MachineType, QemuBuild
from platform_abi.model.platform import version_key
from platform_abi.model.realize import (
    QUEUES,
    VCPUS,
    InitialValue,
    LeftTo,
    PropertyValue,
    RealizeRule,
)
from platform_abi.model.value import define, field, frozen
from platform_abi.resolver.explicit import decimal

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue

#: A PCI address as a user writes it: slot and function, hexadecimal (hw/core/qdev-properties.c,
#: set_pci_devfn).
_DEVFN = re.compile(
    r"(?:0x)?(?P<slot>[0-9a-f]{1,2})(?:\.(?:0x)?(?P<function>[0-7]))?", re.IGNORECASE | re.ASCII
)

#: The bus of a device ID is called ID or ID.N.
_BUS_NUMBER = re.compile(r"\.\d+$", re.ASCII)


@frozen(kw_only=True)
class Surroundings:
    """What is around a device: the others, by label with all types of each, and the vCPUs."""

    devices: Mapping[str, frozenset[str]] = field(factory=dict)
    vcpus: int | None = None


@define(kw_only=True, eq=False, repr=False)
class Realizer:
    """The rules that can apply to devices of one driver on one machine type of one build."""

    machine: MachineType
    rules: dict[str, list[RealizeRule]]
    #: Properties that are read back in another form, and so are kept as they were written.
    formed: frozenset[str]

    def realize(
        self,
        values: dict[str, PropertyValue],
        bus: str,
        surroundings: Surroundings,
        queues: int | None,
    ) -> None:
        """Settle *values* of a device on *bus*, in place.

        *queues* is the number of queues of its backend, where that is known.
        """
        device = _Device(
            machine=self.machine, values=values, bus=bus, around=surroundings, queues=queues
        )
        for name, rules in self.rules.items():
            found = values[name]
            for rule in rules:
                if device.fits(rule, found.value):
                    values[name] = device.settled(rule, found)
                    break


def realizer(
    catalogue: Catalogue,
    *,
    types: frozenset[str],
    known: Iterable[str],
    build: QemuBuild,
    machine: MachineType,
    accelerator: str,
    where: Callable[[Mapping[str, str]], bool],
) -> Realizer:
    """Return the rules for a driver that is of all of *types* and has the properties *known*.

    *where* tells whether properties of other devices have certain values.
    """
    names = frozenset(known)
    rules: dict[str, list[RealizeRule]] = {}
    for rule in catalogue.realize().rules:
        if (
            not types.isdisjoint(rule.drivers)
            and _holds(rule, build, machine, accelerator)
            and where(rule.where)
        ):
            for name in rule.properties:
                if name in names:
                    rules.setdefault(name, []).append(rule)
    return Realizer(
        machine=machine,
        rules=rules,
        formed=frozenset(n for n, found in rules.items() if any(r.form for r in found)),
    )


def initial_values(
    catalogue: Catalogue, types: frozenset[str], build: QemuBuild
) -> list[InitialValue]:
    """Return the defaults that devices of all of *types* give themselves in *build*."""
    return [
        entry
        for entry in catalogue.realize().initial
        if not types.isdisjoint(entry.drivers)
        and within(build.version, entry.qemu_since, entry.qemu_until)
    ]


def _holds(rule: RealizeRule, build: QemuBuild, machine: MachineType, accelerator: str) -> bool:
    """Return whether *rule* is about this build, machine type and accelerator at all."""
    if rule.accelerators and accelerator not in rule.accelerators:
        return False
    if rule.machines and machine.family not in rule.machines:
        return False
    if rule.arch and machine.arch not in rule.arch:
        return False
    generation = machine.generation or build.version
    return within(generation, rule.since, rule.until) and within(
        build.version, rule.qemu_since, rule.qemu_until
    )


def within(version: str, since: str | None, until: str | None) -> bool:
    """Return whether *version* is *since* or later, and before *until*."""
    key = version_key(version)
    return (since is None or version_key(since) <= key) and (
        until is None or key < version_key(until)
    )


@define(kw_only=True, eq=False, repr=False)
class _Device:
    """One device while its rules are applied."""

    machine: MachineType
    values: dict[str, PropertyValue]
    bus: str
    around: Surroundings
    queues: int | None

    def fits(self, rule: RealizeRule, value: str | None) -> bool:
        """Return whether *rule* applies to a property of this *value*."""
        if value is None:
            if not rule.unset:
                return False
        elif rule.form is None and value not in rule.values:
            return False
        return all(self.has(name, wanted) for name, wanted in rule.when.items()) and (
            not rule.behind or self.is_behind(rule.behind)
        )

    def has(self, name: str, wanted: str) -> bool:
        """Return whether property *name* has the value *wanted* by now."""
        found = self.values.get(name)
        value = None if found is None else found.final
        return bool(value) if wanted == "*" else (value or "") == wanted

    def is_behind(self, types: tuple[str, ...]) -> bool:
        """Return whether the device is on a bus of a device that is of one of *types*."""
        for name in (self.bus, _BUS_NUMBER.sub("", self.bus)):
            found = self.around.devices.get(name)
            if found is not None:
                return not found.isdisjoint(types)
        return False

    def settled(self, rule: RealizeRule, found: PropertyValue) -> PropertyValue:
        """Return *found* with what *rule* makes of it."""
        realized: str | None = None
        left_to = rule.left_to
        if rule.becomes is not None:
            realized = rule.becomes.replace("{generation}", self.machine.generation or "")
        elif rule.form is not None and found.value is not None:
            realized = _formed(rule.form, found.value)
        elif rule.of is not None:
            realized, left_to = self.counted(rule, rule.of)
        return PropertyValue(
            value=found.value,
            layer=found.layer,
            source=found.source,
            realized=realized,
            rule=rule,
            left_to=left_to if realized is None else None,
        )

    def counted(self, rule: RealizeRule, name: str) -> tuple[str | None, LeftTo | None]:
        """Return what *rule* makes of the number *name*, or who decides where it is not known."""
        left_to = rule.left_to
        if name == VCPUS:
            number = self.around.vcpus
        elif name == QUEUES:
            number = self.queues
        else:
            found = self.values.get(name)
            text = decimal((found and found.final) or "", sized=False)
            number = None if text is None else int(text)
            left_to = left_to or (None if found is None else found.left_to)
        if number is None:
            return None, left_to
        number = rule.times * number + rule.plus
        return str(number if rule.at_most is None else min(number, rule.at_most)), None


def _formed(form: str, value: str) -> str:
    """Return *value* as QEMU reads it back."""
    if form == "lower":
        return value.lower()
    if form == "object":
        return f"/objects/{value}"
    if form == "device":
        return f"/machine/peripheral/{value}"
    if form == "handed-on":
        return ""
    match = _DEVFN.fullmatch(value)
    if match is None:
        return value
    return str(int(match["slot"], 16) * 8 + int(match["function"] or "0"))
