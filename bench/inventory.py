"""What the matrix of a fleet takes, and how that grows with the kinds of hosts and lockfiles.

    .venv/bin/python bench/inventory.py [grown] [goal] [spark]

A store is filled first, by a process of its own, so that what is measured is the question alone:
the store is read, every term answered, the matrix joined by DuckDB. The goal is 500 kinds of
100 000 hosts by 2 000 lockfiles of 1 000 000 virtual machines in 30 s and 4 GiB on two cores; a
sample of the million verdicts is held against ``check``. ``spark`` asks Spark the same.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import platform_abi as pa
from platform_abi.inventory import questions
from platform_abi.inventory.engine import duckdb_engine, spark_engine
from platform_abi.inventory.store import Store, lock_digest
from platform_abi.inventory.tables import LEVELS, fleet_tables
from platform_abi.model.host import FleetHost
from platform_abi.model.value import evolve
from tests.compat.strategies import full_report, variants
from tests.resolver.shipped import PINNED_CPU, machine_with_nics

_PLATFORMS = ("linux-5.15", "linux-6.1", "linux-6.2", "linux-6.6", "linux-6.9", "linux-6.12")
_BACKENDS = ("tap", "user")
_SAMPLE = 200


def _abis(catalogue: pa.FileCatalogue, count: int) -> dict[str, tuple[str, pa.GuestAbi]]:
    """Return *count* lockfiles of many machine types, platforms and backends, no two alike."""
    build = catalogue.build("qemu-11.1.3", "x86_64")
    machines = [name for name in build.machines if name.startswith(("pc-q35-", "pc-i440fx-"))]
    kinds = [(m, p, b) for m in sorted(machines) for p in _PLATFORMS for b in _BACKENDS]
    found: dict[str, tuple[str, pa.GuestAbi]] = {}
    for number in range(count):
        machine, platform, backend = kinds[number % len(kinds)]
        vm = machine_with_nics(catalogue, machine, backend, cpu=PINNED_CPU)
        abi = evolve(pa.resolve(catalogue, vm, platform), notes=(f"number {number}",))
        text = pa.lock_text(abi, definitions="0123456789abcdef")
        found[lock_digest(text)] = text, abi
    return found


def _fill(path: str, hosts: int, kinds: int, vms: int, locks: int) -> None:
    catalogue = pa.load_catalogue()
    each = hosts // kinds
    fleet = [
        FleetHost(report=report, count=each, names=tuple(f"h{n}-{i}" for i in range(each)))
        for n, report in enumerate(variants(full_report(catalogue), kinds))
    ]
    known = _abis(catalogue, locks)
    digests = [*known]
    with Store.open(Path(path), write=True) as store:
        store.record_hosts(fleet)
        store.record_vms(known, [(f"vm{n}", digests[n % locks]) for n in range(vms)])
        store.export(Path(path).parent)


def _ask(path: str, master: str) -> None:
    """Print what the matrix took, as JSON."""
    begin, used = time.perf_counter(), time.process_time()
    catalogue = pa.load_catalogue()
    with Store.open(Path(path)) as store:
        abis, reports = store.abis(), store.reports()
    read = time.process_time() - used
    tables = fleet_tables(catalogue, abis, reports)
    answered = time.process_time() - used - read
    store_, data = Path(path), Path(path).parent
    engine = spark_engine(master, data) if master else duckdb_engine(store_)
    found = engine.table(questions.matrix(engine.asked(tables)))
    wall, cpu = time.perf_counter() - begin, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for row in random.Random(1).sample(found.to_pylist(), min(_SAMPLE, found.num_rows)):
        verdict = pa.check(catalogue, abis[row["lock"]], reports[row["report"]])
        assert verdict.status == row["status"], row
    assert {*found.column("status").to_pylist()} <= {*LEVELS}
    said = {"rows": found.num_rows, "wall": wall, "cpu": cpu, "read": read, "answered": answered}
    print(json.dumps({**said, "peak": peak}))


def _row(hosts: int, kinds: int, vms: int, locks: int, *masters: str) -> None:
    me = [sys.executable, str(Path(__file__))]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/fleet.duckdb"
        subprocess.run([*me, "fill", path, *map(str, (hosts, kinds, vms, locks))], check=True)
        size = Path(path).stat().st_size / (1 << 20)
        print(f"  {hosts:7,} hosts of {kinds:3}, {vms:9,} VMs of {locks:5}, store {size:.0f} MiB")
        for master in masters:
            done = subprocess.run([*me, "ask", path, master], stdout=subprocess.PIPE, check=True)
            took: dict[str, Any] = json.loads(done.stdout)
            print(
                f"    {master or 'DuckDB':10} {took['rows']:9,} verdicts  "
                f"{took['cpu']:6.1f} s CPU "
                f"(read {took['read']:.1f}, terms {took['answered']:.1f}), "
                f"{took['wall']:6.1f} s wall, peak {took['peak']:,.0f} MiB"
            )


def grown() -> None:
    """Print how the matrix grows with kinds of hosts and with lockfiles."""
    for kinds, locks in ((50, 200), (100, 200), (200, 200), (50, 400), (50, 800)):
        _row(10_000, kinds, 100_000, locks, "")


def goal() -> None:
    """Print what the goal takes."""
    _row(100_000, 500, 1_000_000, 2_000, "")


def spark() -> None:
    """Print what DuckDB and Spark take for one fleet."""
    _row(10_000, 100, 100_000, 400, "", "local[2]")


if __name__ == "__main__":
    parts = {"grown": grown, "goal": goal, "spark": spark}
    match sys.argv[1:]:
        case ["fill", path, *numbers]:
            _fill(path, *map(int, numbers))
        case ["ask", path, master]:
            _ask(path, master)
        case asked:
            for part in asked or list(parts):
                parts[part]()
