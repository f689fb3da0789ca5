"""The shipped differences between machine types are those of the real QEMU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError
from platform_abi.resolver.machine_diff import diff_builds, diff_machines
from platform_abi.resolver.machine_table import known_build
from platform_abi.resolver.realize import within
from platform_abi.resolver.spelling import spelled
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

ARCH = "x86_64"

#: Neighbours, a long way, two families, and a board without versions.
PAIRS = {
    "10.0": [
        ("pc-q35-9.0", "pc-q35-9.1"),
        ("pc-q35-8.1", "pc-q35-8.2"),
        ("pc-q35-2.4", "pc-q35-10.0"),
        ("pc-i440fx-2.12", "pc-q35-6.2"),
        ("microvm", "pc-i440fx-7.2"),
    ],
    "11.1": [
        ("pc-q35-9.0", "pc-q35-9.1"),
        ("pc-q35-8.1", "pc-q35-8.2"),
        ("pc-q35-6.0", "pc-q35-11.1"),
        ("pc-i440fx-10.1", "pc-i440fx-10.2"),
        ("microvm", "pc-i440fx-7.2"),
    ],
}

#: device-list-properties hid names that begin so before QEMU 11, and with them their defaults.
_HIDDEN = "legacy-"

#: Driver and property to value.
Values = dict[tuple[str, str], str | None]


class Answers:
    """What one QEMU without a machine says of its machine types, types and defaults."""

    def __init__(self, binary: Path) -> None:
        with Qmp(str(binary), ["-machine", "none", "-nodefaults"], timeout=60) as qemu:
            machines = qemu.execute("query-machines", **{"compat-props": True})
            self.compat = {m["name"]: m["compat-props"] for m in machines}
            self.types = [t["name"] for t in qemu.execute("qom-list-types", abstract=True)]
            self.below = {
                name: [t["name"] for t in qemu.execute("qom-list-types", implements=name)]
                for name in self.types
            }
            self.listed = {
                name: found
                for name in self.below["device"]
                if (found := _listed(qemu, name)) is not None
            }

    def values(self, machine: str, kinds: Mapping[str, Mapping[str, str]]) -> Values:
        """Return the value of every property of every device under a machine type.

        Nothing of this project is asked but how a value of each type is spelled: *kinds*.
        """
        known = {
            (driver, name): _spelled(kinds, driver, name, answer.get("default-value"))
            for driver, listed in self.listed.items()
            for name, answer in listed.items()
            if not answer["type"].startswith(("child<", "link<irq>"))
            and not name.startswith(_HIDDEN)
        }
        # An inner device comes before the outer ones, which pass its properties on.
        inner = dict(self._inner())
        for outer in (False, True):
            for entry in self.compat[machine]:
                for driver in self.below.get(entry["qom-type"], ()):
                    name, value = entry["property"], entry["value"]
                    for reached in _reached(driver, inner, outer=outer):
                        if (reached, name) in known:
                            known[reached, name] = _spelled(kinds, reached, name, value)
        return known

    def _inner(self) -> Iterator[tuple[str, str]]:
        for driver, listed in self.listed.items():
            backend = listed.get("virtio-backend")
            if backend is not None:
                yield driver, backend["type"].removeprefix("child<").removesuffix(">")


def _reached(driver: str, inner: Mapping[str, str], *, outer: bool) -> list[str]:
    if outer:
        return [driver] if driver in inner else []
    proxies = [proxy for proxy, of in inner.items() if of == driver]
    return [] if driver in inner else [driver, *proxies]


def _listed(qemu: Qmp, name: str) -> dict[str, Any] | None:
    try:
        answers = qemu.execute("device-list-properties", typename=name)
    except QmpCommandError:
        return None
    return {answer["name"]: answer for answer in answers}


def _spelled(
    kinds: Mapping[str, Mapping[str, str]], driver: str, name: str, value: object
) -> str | None:
    if value is None:
        return None
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    return spelled(kinds.get(driver, {}).get(name, ""), text)


@pytest.fixture(scope="module")
def answers() -> dict[str, Answers]:
    """Keep what was asked: it takes a second or two."""
    return {}


def _asked(version: str, answers: dict[str, Answers], binaries: Mapping[str, Path]) -> Answers:
    if version not in answers:
        answers[version] = Answers(binaries[version])
    return answers[version]


def _kinds(catalogue: pa.Catalogue, version: str, asked: Answers) -> dict[str, Mapping[str, str]]:
    known = known_build(catalogue, BUILD_OF[version], ARCH)
    return {driver: known.kinds(driver) for driver in asked.listed}


def _differing(before: Values, after: Values) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {
        key: (before[key], after[key])
        for key in before.keys() & after.keys()
        if before[key] != after[key]
    }


@pytest.mark.parametrize(
    ("version", "pair"), [(version, pair) for version, pairs in PAIRS.items() for pair in pairs]
)
def test_two_machine_types_differ_as_qemu_says(
    version: str,
    pair: tuple[str, str],
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
    answers: dict[str, Answers],
) -> None:
    """Every property of every device: both values, and nothing more and nothing less."""
    asked = _asked(version, answers, qemu_binaries)
    kinds = _kinds(catalogue, version, asked)
    known = [_with_initial(catalogue, version, asked.values(m, kinds)) for m in pair]
    live = _differing(*known)
    rows = diff_machines(catalogue, BUILD_OF[version], *pair, ARCH)
    shipped = {
        (row[0], row[1]): (row[2], row[3])
        for row in rows
        if row[0] in asked.listed
        # A property that device-list-properties hides can be compared with nothing.
        and row[1] in asked.listed[row[0]]
        and not row[1].startswith(_HIDDEN)
    }
    assert shipped == live
    assert live


def _with_initial(catalogue: pa.Catalogue, version: str, values: Values) -> Values:
    """Return *values* with the defaults that QEMU lists nowhere: instances give them themselves.

    Devices themselves are asked for those in ``test_full.py``.
    """
    build = catalogue.build(BUILD_OF[version], ARCH)
    types = catalogue.types(build.name, ARCH)
    rows = [
        (entry, set(entry.drivers))
        for entry in catalogue.realize().initial
        if within(build.version, entry.qemu_since, entry.qemu_until)
    ]
    found = dict(values)
    for (driver, name), value in values.items():
        for entry, drivers in rows:
            if value is None and name in entry.properties and driver in types:
                reached = not drivers.isdisjoint(types.ancestry(driver))
                found[driver, name] = entry.value if reached else found[driver, name]
    return found


@pytest.mark.parametrize("machine", ["pc-q35-9.1", "pc-i440fx-7.2", "pc-q35-6.0"])
def test_two_builds_differ_as_both_say(
    machine: str,
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
    answers: dict[str, Answers],
) -> None:
    """What one name means in two builds, for every device that both have."""
    found = {version: _asked(version, answers, qemu_binaries) for version in PAIRS}
    values = [
        _with_initial(catalogue, version, asked.values(machine, _kinds(catalogue, version, asked)))
        for version, asked in found.items()
    ]
    live = _differing(*values)
    rows = diff_builds(catalogue, BUILD_OF["10.0"], BUILD_OF["11.1"], machine, ARCH)
    shipped = {
        (row[0], row[1]): (row[2], row[3])
        for row in rows
        if row[4] in ("changed", "unstated") and (row[0], row[1]) in values[0].keys() & values[1]
    }
    assert shipped == live
    assert live
