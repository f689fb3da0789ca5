"""Move every device between every two QEMUs, and write what cannot move as a definition file.

    python tools/stream_matrix.py FOLDER [--arch ARCH] [--machines N | --more N] [--pair FROM TO]

FOLDER is what ``tests/live/install-qemu`` filled; the file is ``definitions/streams/ARCH.toml``.
For each two builds that are there, both ways, and for each to itself, a paused machine with a
device of every driver of ``tests/live/drivers.toml`` that both have and migrate is moved from one
to the other, as ``rehearse`` does it: its virtio drivers have taken all that is offered. Where that
fails, the devices that it fails by are told, and QEMU's own words. N machine types of each family
are tried, of those that both have the newest first, then the oldest; with --pair, only those pairs
are tried again, and the others stay as they are. With --more, what is recorded stays, and N types
of each family are tried besides, one of every pair before a second one of any. --fill moves no
devices: it writes anew which drivers had no part in the moves, and which backends do not move.

What is recorded of a pair is tried first: what stops, each alone, and the rest together. Only where
that is not so any more is it looked for again.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, pairwise, product
from pathlib import Path
from typing import Any

import platform_abi as pa
from platform_abi.definitions.files import natural
from platform_abi.diagnosis.diagnosis import diagnose
from platform_abi.emit.toml import toml_text
from platform_abi.errors import PlatformAbiError
from platform_abi.files import write_text
from platform_abi.qemu.stdio_qmp import Qmp
from platform_abi.rehearsal.move import Stage
from platform_abi.resolver.layers import inner_device, inner_types

_ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(_ROOT))

from tests.live.conftest import BUILD_OF  # noqa: E402 - the tests are beside this folder
from tests.live.realized import Machine, assemble  # noqa: E402

DEFINITIONS = _ROOT / "definitions"
_PLATFORM = "linux-6.9"
_TIMEOUT = 120.0

#: The families of machine types of an architecture, and the set of devices that they take.
_FAMILIES = {
    "x86_64": (("pc-q35", "pc-i440fx"), "first"),
    "aarch64": (("virt",), "pci"),
    "ppc64": (("pseries",), "pci"),
    "riscv64": (("virt",), "pci"),
    "s390x": (("s390-ccw-virtio",), "ccw"),
}

#: The CPU that a board gets, where its own is none that anybody uses.
_CPU = {"aarch64": ("-cpu", "cortex-a57")}

#: Kinds of network backends that have a part of a stream.
_WITH_STATE = ("user",)

#: Where a machine that stops by itself does so by what TCG, and it alone, has in a CPU's section:
#: on Arm the accelerator decides which registers there are (target/arm/machine.c, vmstate_arm_cpu).
_OF_TCG = ("aarch64",)


class Matrix:
    """Moves of one architecture between the binaries in a *folder*."""

    def __init__(self, catalogue: pa.FileCatalogue, folder: Path, arch: str = "x86_64") -> None:
        self._catalogue = catalogue
        self._folder = folder
        self.arch = arch
        self.families, self._set = _FAMILIES[arch]

    def builds(self) -> list[str]:
        """Return the builds that are there."""
        return [build for build in BUILD_OF.values() if self._binary(build).exists()]

    def _binary(self, build: str) -> Path:
        version = next(version for version, name in BUILD_OF.items() if name == build)
        return self._folder / "bin" / f"qemu-system-{self.arch}-{version}"

    def machines(
        self, pair: Sequence[str], most: int, begun: Collection[str] = ()
    ) -> Iterator[str]:
        """Yield *most* versioned machine types of each family that both builds have.

        First comes the newest, then the oldest, then what halves the widest gap between those. Of a
        board without versions the one that there is. Those *begun* with are among them, whatever
        they are, and are not yielded.
        """
        catalogue, arch = self._catalogue, self.arch
        both = set.intersection(*(set(catalogue.build(b, arch).machines) for b in pair))
        for family in self.families:
            known = sorted(
                (m for m in both if m.startswith(f"{family}-")),
                key=lambda m: (natural(catalogue.machine(pair[0], m, arch).generation or "0"), m),
            ) or sorted({family} & both)
            done = {at for at, name in enumerate(known) if name in begun}
            chosen = sorted(done)
            for end in (len(known) - 1, 0):
                if known and len(chosen) < most and end not in chosen:
                    chosen = sorted([*chosen, end])
            while len(chosen) < min(most, len(known)):
                gap, at = max((b - a, a) for a, b in pairwise(chosen))
                chosen = sorted([*chosen, at + gap // 2])
            yield from (known[at] for at in chosen if at not in done)

    def place(self, machine: str) -> tuple[int, Any]:
        """Return by what machine types are sorted: by family, each by release."""
        family = _family(machine, self.families)
        return self.families.index(family), natural(machine)

    def _still(self, build: str) -> frozenset[str]:
        """Return the drivers of *build* that it does not migrate."""
        types = self._catalogue.types(build, self.arch)
        inside = inner_types(self._catalogue, types)
        never = self._catalogue.unmigratable(build, self.arch) or frozenset()
        return frozenset(
            name
            for name in types.parents
            if never & {*types.ancestry(name), inner_device(types, inside, name)}
        )

    def _lacking(self, pair: Sequence[str]) -> frozenset[str]:
        """Return the drivers that cannot be moved between two builds, or not here."""
        source, destination = (self._catalogue.types(build, self.arch).parents for build in pair)
        return frozenset().union(
            *(self._still(build) for build in pair),
            (name for name in source if name not in destination),
            (
                name
                for each in self._catalogue.devices().blockers
                if not each.since
                for name in each.drivers
            ),
            *({*destination} - installed(str(self._binary(build))) for build in pair),
        )

    def assembled(
        self, pair: Sequence[str], machine: str, without: Collection[str] = ()
    ) -> Machine:
        """Return the machine that is moved, with all devices but those *without*."""
        lacking = {*self._lacking(pair), *without}
        # TPMs are not migrated, and no other entry asks for one.
        return assemble(
            self._catalogue,
            pair[0],
            machine,
            _PLATFORM,
            tpm="/dev/null",
            of=self._set,
            arch=self.arch,
            without=lacking,
        )

    def moved(
        self, pair: tuple[str, str], machine: str, expected: Collection[str] = ()
    ) -> tuple[frozenset[str], dict[str, str]]:
        """Return which drivers were moved, and why each that stopped did.

        Those of *expected* are tried alone, and the others without them; if any of them moves, or
        any other stops, all are tried together.
        """
        if expected and "" not in expected:
            drivers, stopped = self._moved(pair, machine, expected)
            every = {name for name, _ in self._drivers(pair, machine)}
            for name in every & {*expected} if not stopped else ():
                alone, why = self._moved(pair, machine, every - {name})
                drivers |= alone
                stopped |= why
            if drivers == every and {*stopped} == every & {*expected}:
                return drivers, stopped
        return self._moved(pair, machine)

    def backends(self, pair: tuple[str, str], machines: Sequence[str]) -> list[dict[str, Any]]:
        """Return with how many backends of a kind a machine stops that has nothing else."""
        source, destination = (str(self._binary(build)) for build in pair)
        stage = Stage(source=source, destination=destination, timeout=_TIMEOUT)
        for machine, kind, count in product(machines, _WITH_STATE, (1, 2)):
            words = ["-machine", f"{machine},accel=tcg", "-nodefaults", "-display", "none", "-S"]
            own = [("-netdev", f"{kind},id=n{number}") for number in range(count)]
            move = stage.move([*words, *chain.from_iterable(own)], lambda _machine: None)
            if move.ended == "failed":
                told = diagnose(self._catalogue, move.said).findings
                causes = [f"{each.says} ({each.text.strip()})" for each in told if each.backend]
                return [{"backend": kind, "devices": count, "reason": why} for why in causes[:1]]
        return []

    def _drivers(self, pair: tuple[str, str], machine: str) -> list[tuple[str, str]]:
        made = self.assembled(pair, machine)
        return [(device.driver, label) for label, device in made.abi.vm.labelled()]

    def _moved(
        self, pair: tuple[str, str], machine: str, without: Collection[str] = ()
    ) -> tuple[frozenset[str], dict[str, str]]:
        made = self.assembled(pair, machine, without)
        drivers = {label: device.driver for label, device in made.abi.vm.labelled()}
        binaries = [str(self._binary(build)) for build in pair]
        words = [*_without_state(made.arguments), *_CPU.get(self.arch, ())]
        way = pa.rehearse(
            self._catalogue, made.abi, *binaries, words=words, timeout=_TIMEOUT
        ).forward
        reasons, left_out = dict[str, str](), set[str]()
        for finding in way.findings:
            if finding.code in ("device-stopped", "machine-stopped"):
                reasons[finding.device or ""] = _PLACE.sub("", finding.message.partition(": ")[2])
            elif finding.code == "not-rehearsed":
                print(f"    {finding.message}")
                left_out.add(drivers.get(finding.device or "", ""))
            elif finding.code == "not-repeated":
                print(f"    {finding.message}")
        stopped = {}
        for label, why in reasons.items():
            driver = drivers.get(label, "")
            # One of several moved: it is not for its driver that the other does not.
            if driver and not {o for o in drivers if drivers[o] == driver} <= {*reasons}:
                print(f"    only {label} of several: {driver}: {why}")
            else:
                stopped[driver] = why
        # Of a machine that does not move by itself, no device was tried.
        tried = frozenset() if "" in stopped else frozenset(drivers.values()) - left_out
        return tried, stopped


@cache
def installed(binary: str) -> frozenset[str]:
    """Return the drivers that a binary has: of modules that are packaged apart it may lack some."""
    with Qmp(binary, ["-machine", "none"], timeout=_TIMEOUT) as qmp:
        return frozenset(
            each["name"] for each in qmp.execute("qom-list-types", implements="device")
        )


#: Where QEMU says that a device is: in front of its name in a stream.
_PLACE = re.compile(r"\b[0-9a-f]{4}:[0-9a-f:.]+/|\b/?[0-9a-f]{2}\.[0-9a-f]\.[0-9a-f]{4}/")


def _without_state(words: Sequence[str]) -> list[str]:
    """Return *words* with network backends that have no part of a stream, as ``user`` has one."""
    return [re.sub(r"^user,id=", "hubport,hubid=0,id=", word) for word in words]


# --- the file -------------------------------------------------------------------------------------

#: Rows of the file by pair; the drivers that were moved by pair and machine type.
_Rows = dict[tuple[str, str], dict[str, Any]]
_Tried = dict[tuple[tuple[str, str], str], frozenset[str]]


#: What a row says besides what had no part in it.
_KEYS = ("source", "destination", "machines", "backends", "stopped")


def read_rows(file: Path) -> tuple[_Rows, _Tried]:
    """Return what the file says."""
    document = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    rows = {(row["source"], row["destination"]): row for row in document.get("pair", ())}
    drivers = document.get("drivers", {})
    tried = {}
    for pair, row in rows.items():
        for machine in row["machines"]:
            gone = {
                name
                for entry in row.get("untried", ())
                if machine in entry["machines"]
                for name in entry["drivers"]
            }
            every = drivers.get(_family(machine, drivers), ())
            tried[pair, machine] = frozenset(every) - gone
    return rows, tried


def _family(machine: str, families: Iterable[str]) -> str:
    return next((f for f in families if f"{machine}-".startswith(f"{f}-")), "")


def write_rows(file: Path, families: Sequence[str], rows: _Rows, tried: _Tried) -> None:
    """Write the file: the drivers of each family once, and of a pair what had no part in it."""
    drivers = {
        family: sorted(
            frozenset[str]().union(
                *(d for (_, m), d in tried.items() if _family(m, families) == family)
            )
        )
        for family in families
    }
    pairs = []
    for pair in sorted(rows, key=lambda key: [*map(natural, key)]):
        gone: dict[tuple[str, ...], list[str]] = {}
        for machine in rows[pair]["machines"]:
            every = drivers[_family(machine, families)]
            missing = tuple(name for name in every if name not in tried[pair, machine])
            gone.setdefault(missing, []).append(machine)
        untried = [
            {"machines": machines, "drivers": list(names)}
            for names, machines in gone.items()
            if names
        ]
        row = {key: rows[pair][key] for key in _KEYS if key in rows[pair]}
        pairs.append(row | ({"untried": untried} if untried else {}))
    write_text(file, toml_text({"schema": 1, "drivers": drivers, "pair": pairs}))


def tried_on(
    matrix: Matrix,
    pair: tuple[str, str],
    machines: Iterable[str],
    row: dict[str, Any],
    had: _Tried,
    *,
    anew: bool,
) -> dict[str, Any]:
    """Return what came of moving every device from one build to the other, as the file has it.

    What its *row* says of other types than *machines* stays, unless it is to be made *anew*.
    """
    expected = {stop["driver"] for stop in row.get("stopped", ())}
    kept = {} if anew else row
    moved, reasons = [*kept.get("machines", ())], dict[tuple[str, str], list[str]]()
    for stop in kept.get("stopped", ()):
        reasons[stop["driver"], stop["reason"]] = [*stop["machines"]]
    for machine in machines:
        print(f"{pair[0]} -> {pair[1]}, {machine}", flush=True)
        try:
            had[pair, machine], stopped = matrix.moved(pair, machine, expected)
        except PlatformAbiError as error:
            print(f"    not tried: {error.message}")
            continue
        moved.append(machine)
        expected = {*stopped}
        for driver, why in stopped.items():
            print(f"    {driver or 'the machine'}: {why}", flush=True)
            reasons.setdefault((driver, why), []).append(machine)
    stops = [
        {"driver": driver, "machines": sorted(on, key=matrix.place), "reason": why}
        | ({} if driver or matrix.arch not in _OF_TCG else {"accelerator": "tcg"})
        for (driver, why), on in reasons.items()
    ]
    moved.sort(key=matrix.place)
    found: dict[str, Any] = {"source": pair[0], "destination": pair[1], "machines": moved}
    backends = kept.get("backends") or matrix.backends(pair, moved[-1:])
    if backends:
        found["backends"] = backends
    return found | ({"stopped": stops} if stops else {})


def main() -> int:
    """Move, and write the file after each pair."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--arch", default="x86_64", choices=_FAMILIES)
    parser.add_argument("--machines", type=int, default=2, metavar="N")
    parser.add_argument("--more", type=int, default=0, metavar="N")
    parser.add_argument("--pair", nargs=2, action="append", metavar=("FROM", "TO"))
    parser.add_argument("--fill", action="store_true")
    given = parser.parse_args()
    catalogue = pa.FileCatalogue([DEFINITIONS], compiled=False)
    matrix = Matrix(catalogue, given.folder, given.arch)
    file = DEFINITIONS / "streams" / f"{given.arch}.toml"
    rows, tried = read_rows(file)
    if given.fill:
        for pair, row in rows.items():
            for machine in row["machines"]:
                made = matrix.assembled(pair, machine)
                tried[pair, machine] = frozenset(d.driver for d in made.abi.vm.devices)
            backends = matrix.backends(pair, row["machines"][:1])
            row.update({"backends": backends} if backends else {})
        write_rows(file, matrix.families, rows, tried)
        return 0
    pairs = given.pair or [*product(matrix.builds(), repeat=2)]
    for source, destination in given.more * pairs if given.more else pairs:
        key = (source, destination)
        row = rows.get(key, {})
        begun = row.get("machines", ()) if given.more else ()
        counts = Counter(_family(each, matrix.families) for each in begun)
        most = max(counts.values(), default=0) + 1 if given.more else given.machines
        machines = matrix.machines(key, most, begun)
        rows[key] = tried_on(matrix, key, machines, row, tried, anew=not given.more)
        write_rows(file, matrix.families, rows, tried)
    return 0


if __name__ == "__main__":
    sys.exit(main())
