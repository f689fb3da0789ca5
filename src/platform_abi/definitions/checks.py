"""What a definition must satisfy beyond its types: names, values, versions, references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import singledispatch

from platform_abi.definitions.documents import (
    CapabilityFile,
    DeviceFile,
    EditionFile,
    FeatureFile,
    GuestFile,
    MachineEntry,
    MachineFile,
    MaskFile,
    NamesFile,
    OptionFile,
    PlatformFile,
    PropertiesFile,
    RealizeFile,
    TypesFile,
    VisibilityFile,
)
from platform_abi.definitions.positions import Path
from platform_abi.errors import suggest
from platform_abi.model.device import VirtioBit
from platform_abi.model.feature import UNDECIDED, Feature
from platform_abi.model.guest import label
from platform_abi.model.platform import ANY_PLATFORM, EDITION
from platform_abi.model.realize import BoardValue, InitialValue, RealizeRule
from platform_abi.model.visibility import ANY, SameValues

Fault = tuple[Path, str]

#: Platform, feature, capability, build and machine names: no separators of paths or of options.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,5}){0,3}")
_PROPERTY = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+")


@singledispatch
def check(document: object) -> Iterator[Fault]:
    """Yield every fault of *document* that its types do not catch."""
    raise NotImplementedError(type(document))


@check.register
def _(document: FeatureFile) -> Iterator[Fault]:
    yield from _names(("feature",), (f.id for f in document.feature))
    for index, feature in enumerate(document.feature):
        for path, message in _feature(feature):
            yield ("feature", index, *path), message


def _feature(feature: Feature) -> Iterator[Fault]:
    yield from _edition(("edition",), feature.edition)
    for key, version in (("generation", feature.generation), ("until", feature.until)):
        if version is not None and not _VERSION.fullmatch(version):
            yield (key,), f"expected a QEMU release such as '8.2', found '{version}'"
    for index, text in enumerate(feature.properties):
        if not _PROPERTY.fullmatch(text):
            yield ("properties", index), f"expected 'driver.property', found '{text}'"
    pinning = feature.kind in ("setting", "guard")
    if pinning and not feature.properties:
        yield (), f"a {feature.kind} needs properties"
    if feature.kind == "unpinnable" and not feature.pin:
        yield (), "an unpinnable feature must say in 'pin' what to write explicitly"
    if pinning:
        yield from _value(("fallback",), feature, feature.fallback)
        if feature.when_supported is not None:
            yield from _value(("when-supported",), feature, feature.when_supported)
    if feature.type == "enum" and not feature.values:
        yield (), "a feature of type enum must list its values"


def _value(path: Path, feature: Feature, value: str) -> Iterator[Fault]:
    problem = feature.problem(value)
    if problem:
        yield path, problem


@check.register
def _(document: CapabilityFile) -> Iterator[Fault]:
    yield from _names(("capability",), (c.id for c in document.capability))
    for index, capability in enumerate(document.capability):
        since = capability.since
        if since is not None and since != "never" and not _VERSION.fullmatch(since):
            message = f"expected a kernel release such as '6.2', or 'never'; found '{since}'"
            yield ("capability", index, "since"), message


@check.register
def _(document: DeviceFile) -> Iterator[Fault]:
    yield from _names(("family",), (f.name for f in document.family))
    yield from _bits(("common-bit",), document.common_bit)
    for index, family in enumerate(document.family):
        yield from _bits(("family", index, "bit"), family.bit)


def _bits(path: Path, bits: Iterable[VirtioBit]) -> Iterator[Fault]:
    seen: dict[int, str] = {}
    for index, bit in enumerate(bits):
        if not 0 <= bit.bit < 128:  # noqa: PLR2004 - virtio has 128 feature bits
            yield (*path, index, "bit"), "expected a bit from 0 to 127"
        elif bit.bit in seen:
            yield (*path, index), f"bit {bit.bit} is already {seen[bit.bit]}"
        seen[bit.bit] = bit.name


@check.register
def _(document: PlatformFile) -> Iterator[Fault]:
    head = document.platform
    yield from _name(("platform", "name"), head.name)
    if head.extends:
        yield from _name(("platform", "extends"), head.extends)
    for subsystem, level in head.levels.items():
        if not _VERSION.fullmatch(level):
            message = f"expected a kernel release such as '5.14', found '{level}'"
            yield ("platform", "levels", subsystem), message
    for feature, value in document.features.items():
        path: Path = ("features", feature)
        yield from _name(path, feature)
        if isinstance(value, str) and value in UNDECIDED:
            yield path, f"'{value}' leaves the value to the host; write a concrete one"
        if isinstance(value, dict):
            if not value:
                yield path, "expected at least one edition"
            for edition, chosen in value.items():
                yield from _edition((*path, edition), edition)
                if chosen in UNDECIDED:
                    yield (*path, edition), f"'{chosen}' leaves the value to the host"


@check.register
def _(document: MaskFile) -> Iterator[Fault]:
    for index, mask in enumerate(document.mask):
        if mask.platform != ANY_PLATFORM:
            yield from _name(("mask", index, "platform"), mask.platform)
        yield from _name(("mask", index, "feature"), mask.feature)
        if not mask.reason.strip():
            yield ("mask", index, "reason"), "a mask must say why"


@check.register
def _(document: MachineFile) -> Iterator[Fault]:
    yield from _name(("build", "name"), document.build.name)
    version = document.build.version
    if not _VERSION.fullmatch(version):
        yield ("build", "version"), f"expected a QEMU release such as '9.1.2', found '{version}'"
    yield from _names(("machine",), (m.name for m in document.machine))
    names = {m.name: m for m in document.machine}
    taken: dict[str, str] = dict.fromkeys(names, "a machine type")
    for index, machine in enumerate(document.machine):
        for at, alias in enumerate(machine.aliases):
            if alias in taken:
                yield ("machine", index, "aliases", at), f"'{alias}' is already {taken[alias]}"
            taken[alias] = f"an alias of {machine.name}"
        if machine.generation is not None and not _VERSION.fullmatch(machine.generation):
            message = f"expected a QEMU release such as '9.1', found '{machine.generation}'"
            yield ("machine", index, "generation"), message
        if machine.inherits and machine.inherits not in names:
            hint = suggest(machine.inherits, names)
            yield ("machine", index, "inherits"), f"no machine type '{machine.inherits}'{hint}"
        elif machine.inherits and _in_cycle(machine.name, names):
            yield ("machine", index, "inherits"), f"'{machine.name}' inherits from itself"
        for at, row in enumerate(machine.compat):
            if len(row) not in (3, 4) or (len(row) == 4 and row[3] != "optional"):  # noqa: PLR2004
                message = 'expected [driver, property, value] and perhaps "optional"'
                yield ("machine", index, "compat", at), message


def _in_cycle(name: str, machines: dict[str, MachineEntry]) -> bool:
    at = machines[name].inherits
    steps = 0
    while at and at != name and steps <= len(machines):
        at = machines[at].inherits if at in machines else ""
        steps += 1
    return bool(at) and at == name


@check.register
def _(document: TypesFile) -> Iterator[Fault]:
    for name, entry in document.type.items():
        if entry.parent == name:
            yield ("type", name, "parent"), f"'{name}' is its own parent"


@check.register
def _(document: PropertiesFile) -> Iterator[Fault]:
    for name, rows in document.type.items():
        for property_name, row in rows.items():
            if len(row) not in (1, 2):
                path = ("type", name, property_name)
                yield path, "expected [type], or [type, default]"
    for name, cpu in document.cpu.items():
        if cpu.alias_of and cpu.alias_of not in document.cpu:
            hint = suggest(cpu.alias_of, document.cpu)
            yield ("cpu", name, "alias-of"), f"no CPU model '{cpu.alias_of}'{hint}"


@check.register
def _(document: RealizeFile) -> Iterator[Fault]:
    for index, rule in enumerate(document.rule):
        path = ("rule", index)
        outcomes = [rule.becomes is not None, rule.of is not None, rule.form is not None]
        if sum(outcomes) + (rule.left_to is not None and rule.of is None) != 1:
            yield path, "expected one of becomes, of, form and left-to"
        if bool(rule.values or rule.unset) == (rule.form is not None):
            yield path, "expected values or unset = true; a form is about all values"
        yield from _founded(path, rule)
    for index, initial in enumerate(document.initial):
        yield from _founded(("initial", index), initial)
    for index, board in enumerate(document.board):
        yield from _founded(("board", index), board)
        if not board.machines:
            yield ("board", index), "expected at least one family of machine types"
    for index, entry in enumerate(document.inner):
        if not entry.drivers:
            yield ("inner", index, "drivers"), "expected at least one driver"


def _founded(
    path: Path, entry: RealizeRule | InitialValue | BoardValue | SameValues
) -> Iterator[Fault]:
    """Yield what an entry lacks of a subject, a reason and versions."""
    if not entry.drivers or not entry.properties:
        yield path, "expected at least one driver and one property"
    if not entry.reason or not entry.source:
        yield path, "expected a reason, and a source: file and function of QEMU"
    for key in ("since", "until", "qemu_since", "qemu_until"):
        version = getattr(entry, key, None)
        if version is not None and not _VERSION.fullmatch(version):
            message = f"expected a QEMU release such as '9.1', found '{version}'"
            yield (*path, key.replace("_", "-")), message


@check.register
def _(document: NamesFile) -> Iterator[Fault]:
    yield from _names(("vendor",), (v.name for v in document.vendor))
    for index, vendor in enumerate(document.vendor):
        try:
            groups = re.compile(vendor.package).groups
        except (re.error, OverflowError, RecursionError) as error:
            yield ("vendor", index, "package"), f"expected a regular expression: {error}"
        else:
            if groups != 1:
                message = f"expected one group, for what to keep; found {groups}"
                yield ("vendor", index, "package"), message


@check.register
def _(document: VisibilityFile) -> Iterator[Fault]:
    for index, rule in enumerate(document.rule):
        if not rule.reason.strip():
            yield ("rule", index, "reason"), "a rule must say why"
        if not rule.properties:
            yield ("rule", index, "properties"), "expected at least one property"
        for at, name in enumerate(rule.properties):
            if ANY in name[1:-1] or name.count(ANY) > 1:
                yield ("rule", index, "properties", at), f"expected one '{ANY}', at an end"
    for index, board in enumerate(document.board):
        if not board.families:
            yield ("board", index, "families"), "expected at least one family"
    yield from _same(document.same)


#: One value is the same as itself without anybody saying so.
_AT_LEAST_TWO = 2


def _same(entries: Iterable[SameValues]) -> Iterator[Fault]:
    """Yield what is wrong with values that are said to be the same to a guest."""
    said: set[tuple[str, str, str]] = set()
    for index, entry in enumerate(entries):
        path = ("same", index)
        yield from _founded(path, entry)
        if len(set(entry.values)) < _AT_LEAST_TWO:
            yield (*path, "values"), "expected at least two values"
        meant = {
            (driver, name, value)
            for driver in entry.drivers
            for name in entry.properties
            for value in entry.values
        }
        if said & meant:
            yield (*path, "values"), "a value is the same as those of one entry only"
        said |= meant


@check.register
def _(document: GuestFile) -> Iterator[Fault]:
    labels: set[str] = set()
    for index, device in enumerate(document.device):
        name = label(device)
        if name in labels:
            yield ("device", index, "driver"), f"'{name}' stands twice; give one a backend"
        labels.add(name)


@check.register
def _(document: EditionFile) -> Iterator[Fault]:
    yield from _edition(("edition",), document.edition)


def _names(path: Path, names: Iterable[str]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        yield from _name((*path, index), name)
        if name in seen:
            yield (*path, index), f"'{name}' is already defined by {path[0]}[{seen[name] + 1}]"
        seen.setdefault(name, index)


def _name(path: Path, name: str) -> Iterator[Fault]:
    if not NAME.fullmatch(name):
        yield path, f"expected a name of letters, digits and '._+-', found {name[:60]!r}"


def _edition(path: Path, edition: str) -> Iterator[Fault]:
    if not EDITION.fullmatch(edition):
        yield path, f"expected an edition such as '2026.1', found '{edition[:60]}'"


@check.register
def _(document: OptionFile) -> Iterator[Fault]:
    for index, name in enumerate(document.plain):
        if name in document.argument:
            yield ("plain", index), f"'{name}' takes an argument or takes none, not both"
    for key, names in (("argument", document.argument), ("plain", document.plain)):
        for index, name in enumerate(names):
            if name.startswith("-"):
                yield (key, index), "expected a name without dashes"
    for name, words in document.alias.items():
        if not 0 < len(words) <= _ALIAS_WORDS:
            yield ("alias", name), "expected an option, and a value for one that takes none"
    for index, entry in enumerate(document.device):
        if entry.option not in document.argument:
            yield ("device", index, "option"), "expected an option of this file with an argument"


#: An abbreviation stands for an option, or for an option and its value.
_ALIAS_WORDS = 2
