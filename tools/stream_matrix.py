"""Move every device between every two QEMUs, and write what cannot move as a definition file.

    python tools/stream_matrix.py FOLDER [--machines N] [--pair FROM TO]

FOLDER is what ``tests/live/install-qemu`` filled; the file is ``definitions/streams/x86_64.toml``.
For each two builds that are there, both ways, and for each to itself, a paused machine with a
device of every driver of ``tests/live/drivers.toml`` that both have and migrate is moved from one
to the other, as ``rehearse`` does it: its virtio drivers have taken all that is offered. Where that
fails, the devices that it fails by are told, and QEMU's own words. N machine types of each family
are tried, of those that both have the newest first, then the oldest; with --pair, only those pairs
are tried again, and the others stay as they are.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import platform_abi as pa
from platform_abi.definitions.files import natural
from platform_abi.emit.toml import toml_text
from platform_abi.errors import PlatformAbiError
from platform_abi.files import write_text
from platform_abi.qemu.stdio_qmp import Qmp
from platform_abi.resolver.layers import inner_device, inner_types

_ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(_ROOT))

from tests.live.conftest import BUILD_OF  # noqa: E402 - the tests are beside this folder
from tests.live.realized import answering_tpm, assemble  # noqa: E402

DEFINITIONS = _ROOT / "definitions"
FILE = DEFINITIONS / "streams" / "x86_64.toml"
ARCH = "x86_64"
_FAMILIES = ("pc-q35", "pc-i440fx")
_PLATFORM = "linux-6.9"
_TIMEOUT = 120.0


def common_machines(catalogue: pa.FileCatalogue, pair: Sequence[str], most: int) -> Iterator[str]:
    """Yield *most* versioned machine types of each family that both builds have.

    First comes the newest, then the oldest, then what halves the widest gap between those.
    """
    both = set.intersection(*(set(catalogue.build(b, ARCH).machines) for b in pair))
    for family in _FAMILIES:
        known = sorted(
            (m for m in both if m.startswith(f"{family}-")),
            key=lambda m: (natural(catalogue.machine(pair[0], m, ARCH).generation or "0"), m),
        )
        chosen = sorted({len(known) - 1} | ({0} if most > 1 else set())) if known else []
        while len(chosen) < min(most, len(known)):
            gap, at = max((b - a, a) for a, b in pairwise(chosen))
            chosen = sorted([*chosen, at + gap // 2])
        yield from (known[at] for at in chosen[:most])


def still(catalogue: pa.FileCatalogue, build: str) -> frozenset[str]:
    """Return the drivers of *build* that it does not migrate."""
    types = catalogue.types(build, ARCH)
    inside = inner_types(catalogue, types)
    never = catalogue.unmigratable(build, ARCH) or frozenset()
    return frozenset(
        name
        for name in types.parents
        if never & {*types.ancestry(name), inner_device(types, inside, name)}
    )


@cache
def installed(binary: str) -> frozenset[str]:
    """Return the drivers that a binary has: of modules that are packaged apart it may lack some."""
    with Qmp(binary, ["-machine", "none"], timeout=_TIMEOUT) as qmp:
        return frozenset(
            each["name"] for each in qmp.execute("qom-list-types", implements="device")
        )


#: Where QEMU says that a device is: in front of its name in a stream.
_PLACE = re.compile(r"\b[0-9a-f]{4}:[0-9a-f:.]+/")


def moved(
    catalogue: pa.FileCatalogue,
    folder: Path,
    pair: tuple[str, str],
    machine: str,
) -> tuple[int, dict[str, str]]:
    """Return how many drivers were moved, and why each that stopped did."""
    source, destination = pair
    versions = {build: version for version, build in BUILD_OF.items()}
    binaries = [str(folder / "bin" / f"qemu-system-{ARCH}-{versions[b]}") for b in pair]
    types = catalogue.types(destination, ARCH).parents
    lacking = still(catalogue, source) | still(catalogue, destination)
    lacking |= {name for name in catalogue.types(source, ARCH).parents if name not in types}
    lacking |= {name for each in catalogue.devices().blockers for name in each.drivers}
    lacking |= set[str]().union(*({*types} - installed(binary) for binary in binaries))
    with answering_tpm() as tpm:
        made = assemble(catalogue, source, machine, _PLATFORM, tpm=tpm, of="first", without=lacking)
        drivers = {label: device.driver for label, device in made.abi.vm.labelled()}
        way = pa.rehearse(
            catalogue, made.abi, *binaries, words=_without_state(made.arguments), timeout=_TIMEOUT
        ).forward
    reasons = {}
    for finding in way.findings:
        if finding.code in ("device-stopped", "machine-stopped"):
            reasons[finding.device or ""] = _PLACE.sub("", finding.message.partition(": ")[2])
        elif finding.severity == "unknown" and finding.code != "not-seen":
            print(f"    {finding.message}")
    stopped = {}
    for label, why in reasons.items():
        driver = drivers.get(label, "")
        # One of several moved: it is not for its driver that the other does not.
        if driver and not {other for other in drivers if drivers[other] == driver} <= {*reasons}:
            print(f"    only {label} of several: {driver}: {why}")
        else:
            stopped[driver] = why
    return len({*drivers.values()}), stopped


def _without_state(words: Sequence[str]) -> list[str]:
    """Return *words* with network backends that have no part of a stream, as ``user`` has one."""
    return [re.sub(r"^user,id=", "hubport,hubid=0,id=", word) for word in words]


def tried(
    catalogue: pa.FileCatalogue,
    folder: Path,
    pair: tuple[str, str],
    most: int,
) -> Any:
    """Return what came of moving every device from one build to the other, as the file has it."""
    machines, counts, reasons = [], set(), dict[tuple[str, str], list[str]]()
    for machine in common_machines(catalogue, pair, most):
        print(f"{pair[0]} -> {pair[1]}, {machine}", flush=True)
        try:
            count, stopped = moved(catalogue, folder, pair, machine)
        except PlatformAbiError as error:
            print(f"    not tried: {error.message}")
            continue
        machines.append(machine)
        counts.add(count)
        for driver, why in stopped.items():
            print(f"    {driver or 'the machine'}: {why}", flush=True)
            reasons.setdefault((driver, why), []).append(machine)
    row = {
        "source": pair[0],
        "destination": pair[1],
        "machines": machines,
        "drivers": max(counts, default=0),
    }
    stops = [
        {"driver": driver, "machines": on, "reason": why} for (driver, why), on in reasons.items()
    ]
    return row | ({"stopped": stops} if stops else {})


def main() -> int:
    """Move, and write the file after each pair."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--machines", type=int, default=2, metavar="N")
    parser.add_argument("--pair", nargs=2, action="append", metavar=("FROM", "TO"))
    given = parser.parse_args()
    catalogue = pa.FileCatalogue([DEFINITIONS], compiled=False)
    there = [
        build
        for version, build in BUILD_OF.items()
        if (given.folder / "bin" / f"qemu-system-{ARCH}-{version}").exists()
    ]
    rows = {}
    if FILE.exists():
        for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["pair"]:
            rows[row["source"], row["destination"]] = row
    for source, destination in given.pair or product(there, there):
        pair = (source, destination)
        rows[pair] = tried(catalogue, given.folder, pair, given.machines)
        ordered = [rows[key] for key in sorted(rows, key=lambda key: [*map(natural, key)])]
        write_text(FILE, toml_text({"schema": 1, "pair": ordered}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
