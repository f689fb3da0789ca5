"""The proof: every property of every device is what the full property set says it is.

For every versioned q35 and i440fx machine type of each QEMU, a paused QEMU has a device of every
driver in drivers.toml. Whatever is predicted, after the rules of definitions/realize/, is compared
with what QEMU reads back of the realized device. There are no exceptions here: what a value
becomes is for the rules to say.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.model.driver import DriverProperty
from platform_abi.model.machine import CompatProperty, MachineType
from platform_abi.model.realize import DeviceProperties, PropertyValue, RealizeTable
from platform_abi.qemu.stdio_qmp import Qmp
from platform_abi.resolver.full import full_properties
from tests.conftest import DEFINITIONS
from tests.live.conftest import BUILD_OF, MORE_QEMU_VERSIONS
from tests.live.realized import Machine, answering_tpm, assemble, read_back, spelled

pytestmark = pytest.mark.live

#: Vendors' names too: pc-q35-noble-v2.
_BOARD: Final = re.compile(r"pc-(q35|i440fx)-.+")
#: Whether every machine type of other architectures is started, and not those at the ends alone.
_ALL: Final = "PLATFORM_ABI_LIVE_BOARDS" in os.environ
#: Of builds that few tests ask for, so many of each and those at the ends.
_SAMPLE: Final = int(os.environ.get("PLATFORM_ABI_LIVE_BOARDS", "8"))
_PLATFORM: Final = "linux-6.9"
#: Most of the time goes into QEMU, which needs a core each.
_AT_ONCE: Final = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Lab:
    """One QEMU and the definitions of its build."""

    catalogue: pa.FileCatalogue
    build: str
    qemu: Path
    #: Drivers of the definitions that this binary lacks: of modules that are packaged apart.
    without: frozenset[str] = frozenset()

    def boards(self) -> list[str]:
        """Return the versioned q35 and i440fx machine types, newest of each family first."""
        machines = self.catalogue.build(self.build, "x86_64").machines
        return [name for name in machines if _BOARD.fullmatch(name)]

    def ends(self) -> list[str]:
        """Return the newest and the oldest machine type of each family."""
        families = [[b for b in self.boards() if word in b] for word in ("q35", "i440fx")]
        return [family[at] for family in families for at in (0, -1)]

    def start(self, board: str, of: str) -> Seen:
        """Start a machine with the set of devices called *of*, and read everything back."""
        with answering_tpm() as tpm:
            machine = assemble(
                *(self.catalogue, self.build, board, _PLATFORM),
                tpm=tpm,
                of=of,
                without=self.without,
            )
            full = predicted(self.catalogue, machine)
            wanted = {name: [*device.properties] for name, device in full.items()}
            real = read_back(self.qemu, machine, wanted)
        return Seen(board=board, machine=machine, full=full, real=real)


@dataclass(frozen=True)
class Seen:
    """What was predicted of a machine, and what its QEMU said."""

    board: str
    machine: Machine
    full: Mapping[str, DeviceProperties]
    real: Mapping[str, Mapping[str, Any]]


@dataclass
class Score:
    """How the properties of many machines fared."""

    counted: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    drivers: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)

    def add(self, seen: Seen) -> None:
        """Compare all properties of one machine."""
        self.machines.add(seen.board)
        self.drivers |= {device.driver for device in seen.full.values()}
        for place, value, found in compared(seen.full, seen.real):
            verdict = judged(value, found)
            self.counted[verdict] += 1
            if verdict == "unexplained":
                self.unexplained.append(
                    f"{seen.board} {place}: {found!r}, not {value.final!r} (of {value.value!r})"
                )

    def report(self, title: str) -> None:
        """Print the figures that this test is for."""
        c = self.counted
        left = sum(n for verdict, n in c.items() if verdict.startswith("left to"))
        print(  # noqa: T201
            f"\n{title}: {len(self.machines)} machine types, {len(self.drivers)} drivers, "
            f"{c.total()} points compared: {c['equal'] + c['empty']} equal, "
            f"{c['by rule'] + left} explained by a rule ({left} of them left to others), "
            f"{c['unexplained']} unexplained"
        )


def predicted(catalogue: pa.FileCatalogue, machine: Machine) -> dict[str, DeviceProperties]:
    """Return the full property set of *machine*, whose netdevs have one queue pair."""
    queues = dict.fromkeys(machine.abi.vm.labels(), 1)
    return full_properties(catalogue, machine.abi, vcpus=machine.vcpus, queues=queues)


def compared(
    full: Mapping[str, DeviceProperties], real: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, PropertyValue, str]]:
    """Yield every property with what was predicted and what QEMU said."""
    for label, device in full.items():
        for name, value in device.properties.items():
            yield f"{label}: {device.driver}.{name}", value, spelled(real[label][name])


def judged(value: PropertyValue, found: str) -> str:
    """Return how one property fared."""
    if value.left_to is not None:
        # Nobody knows what it becomes; but it does not stay what it was.
        return f"left to {value.left_to}" if found != (value.value or "") else "unexplained"
    if value.final is None:
        # Nothing sets it and QEMU tells no default: it is empty, or a rule would say why not.
        return "empty" if found in ("", "[]") else "unexplained"
    if found != value.final:
        return "unexplained"
    return "equal" if value.rule is None else "by rule"


@pytest.fixture
def lab(catalogue: pa.FileCatalogue, qemu_version: str, qemu: Path) -> Lab:
    """Return what every test here needs."""
    build = BUILD_OF[qemu_version]
    return Lab(catalogue=catalogue, build=build, qemu=qemu)


def _lacking(
    catalogue: pa.FileCatalogue, build: str, qemu: Path, arch: str = "x86_64"
) -> frozenset[str]:
    """Return the drivers of *build* that *qemu* does not have, for want of a module."""
    with Qmp(str(qemu), ["-machine", "none"], timeout=60) as qmp:
        known = {each["name"] for each in qmp.execute("qom-list-types", implements="device")}
    types = catalogue.types(build, arch)
    return frozenset(types.parents.keys() - types.abstract - known)


def _all(lab: Lab, starts: Sequence[tuple[str, str]]) -> Score:
    score = Score()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for seen in pool.map(lambda start: lab.start(*start), starts):
            score.add(seen)
    return score


def test_every_property_of_every_device_is_the_predicted_one(lab: Lab) -> None:
    """On every board, whatever is predicted of a device is what QEMU says once it is realized."""
    score = _all(lab, [(board, "first") for board in lab.boards()])
    score.report(lab.build)
    assert len(score.machines) >= 30
    assert len(score.drivers) >= 40
    assert score.counted["equal"] > 5 * score.counted["by rule"]
    assert score.unexplained == []


@pytest.mark.parametrize("version", MORE_QEMU_VERSIONS)
def test_so_are_those_of_builds_of_other_vendors_and_releases(
    version: str, catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path]
) -> None:
    """On a sample of their boards, always the same; PLATFORM_ABI_LIVE_BOARDS=200 takes them all."""
    build, qemu = BUILD_OF[version], qemu_binaries[version]
    lab = Lab(catalogue=catalogue, build=build, qemu=qemu, without=_lacking(catalogue, build, qemu))
    boards = lab.boards()
    sample = random.Random(version).sample(boards, min(_SAMPLE, len(boards)))
    score = _all(lab, [(board, "first") for board in sorted({*lab.ends(), *sample})])
    score.report(lab.build)
    assert len(score.drivers) >= 40
    assert score.unexplained == []


def test_so_are_those_of_devices_that_exclude_each_other(lab: Lab) -> None:
    """What the first machine has no room for, and what follows from two vCPUs, is predicted too."""
    score = _all(lab, [(board, of) for board in lab.ends() for of in ("second", "third")])
    score.report(f"{lab.build}, other devices")
    assert {"tpm-crb", "tpm-tis"} <= score.drivers
    assert score.unexplained == []


#: Architecture, family of machine types, and the set of devices that goes into it.
_ELSEWHERE: Final = [
    ("aarch64", "virt", "more-pci"),
    ("riscv64", "virt", "more-pci"),
    ("ppc64", "pseries", "more-pci"),
    ("s390x", "s390-ccw-virtio", "more-ccw"),
]


@pytest.mark.parametrize("version", ["10.0", "11.1"])
@pytest.mark.parametrize("board", _ELSEWHERE, ids="-".join)
def test_so_are_those_of_other_architectures(
    version: str,
    board: tuple[str, str, str],
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
) -> None:
    """On the newest and the oldest machine type of each board, under TCG; see ``_ALL``."""
    arch, family, of = board
    binary = qemu_binaries[version]
    binary = binary.with_name(binary.name.replace("x86_64", arch))
    if not os.access(binary, os.X_OK):
        if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
            pytest.fail(f"required, but missing: {binary.name}", pytrace=False)
        pytest.skip(f"no {binary.name}; tests/live/install-qemu can get it")
    build = BUILD_OF[version]
    names = [
        name
        for name in catalogue.build(build, arch).machines
        if catalogue.machine(build, name, arch).family == family
    ]
    without = _lacking(catalogue, build, binary, arch)
    score = Score()
    for name in names if _ALL else sorted({names[0], names[-1]}):
        machine = assemble(
            catalogue, build, name, _PLATFORM, tpm="", of=of, arch=arch, without=without
        )
        full = predicted(catalogue, machine)
        wanted = {label: [*device.properties] for label, device in full.items()}
        real = read_back(binary, machine, wanted)
        score.add(Seen(board=name, machine=machine, full=full, real=real))
    score.report(f"{build} {arch}")
    assert len(score.drivers) >= 40
    assert score.unexplained == []


# --- that the comparison can fail ----------------------------------------------------------------


class Planted(pa.FileCatalogue):
    """The definitions with one thing wrong."""

    default: tuple[str, str, str] = ("", "", "")
    compat: tuple[CompatProperty, ...] = ()
    without_rules_for: str = ""
    becomes: tuple[str, str] = ("", "")

    def driver_properties(self, build: str, arch: str, driver: str) -> Mapping[str, DriverProperty]:
        """Return the properties, perhaps with a wrong default."""
        found = dict(super().driver_properties(build, arch, driver))
        name, key, value = self.default
        if name == driver:
            found[key] = evolve(found[key], default=value)
        return found

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        """Return the machine type, perhaps with a wrong compat property."""
        found = super().machine(build, name, arch)
        return evolve(found, compat=(*found.compat, *self.compat))

    def realize(self) -> RealizeTable:
        """Return the rules, perhaps without some, or with one that says something else."""
        table = super().realize()
        name, value = self.becomes
        return evolve(
            table,
            rules=tuple(
                evolve(rule, becomes=value) if name in rule.properties and rule.becomes else rule
                for rule in table.rules
                if self.without_rules_for not in rule.properties
            ),
        )


def _compat(driver: str, name: str, value: str) -> tuple[CompatProperty, ...]:
    return (CompatProperty(driver=driver, property=name, value=value),)


#: What is planted, and every property that it makes wrong.
_FAULTS: Final[dict[str, tuple[dict[str, Any], set[str]]]] = {
    "a wrong default": (
        {"default": ("virtio-blk-pci", "seg-max-adjust", "off")},
        {"blk: virtio-blk-pci.seg-max-adjust"},
    ),
    "a wrong compat property": (
        {"compat": _compat("e1000-base", "migrate_tso_props", "off")},
        {
            "e1000: e1000.migrate_tso_props",
            "e1000-82544gc: e1000-82544gc.migrate_tso_props",
            "e1000-82545em: e1000-82545em.migrate_tso_props",
        },
    ),
    "a wrong compat property of an inner device": (
        {"compat": _compat("virtio-rng-device", "max-bytes", "0x10")},
        {"rng: virtio-rng-pci.max-bytes"},
    ),
    "no rule": ({"without_rules_for": "hba_serial"}, {"megasas", "megasas2"}),
    "a wrong rule": ({"becomes": ("ver", "2.4")}, {"idehd", "idecd", "scsihd", "scsicd"}),
}


def test_whatever_is_wrong_in_the_definitions_is_found(lab: Lab) -> None:
    """A wrong default, compat property or rule shows as just the properties that it concerns."""
    seen = lab.start(lab.boards()[0], "first")
    for what, (fault, concerned) in _FAULTS.items():
        planted = Planted([DEFINITIONS])
        for name, value in fault.items():
            setattr(planted, name, value)
        full = predicted(planted, seen.machine)
        wrong = {
            place
            for place, value, found in compared(full, seen.real)
            if judged(value, found) == "unexplained"
        }
        assert {p if ":" in next(iter(concerned)) else p.partition(":")[0] for p in wrong} == (
            concerned
        ), what
