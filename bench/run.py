"""How fast it is, each figure a ratio to a baseline of the same run.

    .venv/bin/python bench/run.py [startup] [resolve] [catalogue] [query]

Absolute times are this machine's at this moment; only the ratios travel. Start-up is that of an
installed wheel, in CPU time of whole processes that are interleaved with those of a bare
interpreter; where the line says first, it is the first process after the installation, of a user
without any files.

Where a goal is not reached: attrs, by which all values are made, is 4.3 to 4.6 by itself, and what
every verb imports of the standard library 2.3, so that 4.5 is out of reach for any verb. Measured
last (CPython 3.11, a busy machine): resolve 7.0 to 7.6, of which reading and resolving is 0.5 and
the rest imports, half of these the making of some fifty classes; platforms --host 9.3 to 10.9;
check, which reads a lockfile, is blocked here and ranks what would help, 14.0 to 14.3; host
--no-qemu, which asks the kernel in a process of its own, 13.0. resolve() with arguments() is past
its goal.
"""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import platform_abi as pa
from bench.installed import built, cpu_seconds, environment, in_turn, installed, row
from bench.machines import machine, per_second

_RUNS = 25
_PYTHON = sys.executable
_ROOT = Path(__file__).parents[1]
_HOST = _ROOT / "tests/captures/this-host.json"
_VM = [
    *("resolve", "--machine", "pc-q35-9.1", "--platform", "linux-6.9"),
    *("--device", "virtio-net-pci,netdev=n0,id=net0", "--netdev", "tap,id=n0"),
]
#: So often a fresh installation is made, to see what its first process costs.
_FIRST = 3


def startup() -> None:
    """Print what starting costs, against an interpreter that does nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        home = environment(scratch)
        wheel = built(Path(scratch))
        first = []
        for turn in range(_FIRST):
            programs = installed(wheel, Path(scratch, f"environment-{turn}"))
            first.append(cpu_seconds([str(programs / "platform-abi"), *_VM], home))
        python, program = str(programs / "python"), str(programs / "platform-abi")
        lock = f"{scratch}/vm.lock"
        cpu_seconds([program, *_VM, "--lock", lock], home)
        commands: dict[str, tuple[list[str], float]] = {
            "python -c pass": ([python, "-c", "pass"], 0),
            # What every verb imports: none can cost less.
            "python -c 'import attr'": ([python, "-c", "import attr"], 0),
            "import argparse, json, typing": ([python, "-c", "import argparse, json, typing"], 0),
            "import platform_abi": ([python, "-c", "import platform_abi"], 1.5),
            "resolve": ([program, *_VM], 4.5),
            "platforms --names": ([program, "platforms", "--names"], 4.5),
            "platforms --host FILE": ([program, "platforms", "--host", str(_HOST)], 7),
            "check LOCK --host FILE": (
                [program, "check", lock, "--host", str(_HOST), "--force"],
                7,
            ),
            "host --no-qemu": ([program, "host", "--no-qemu", "--json"], 10),
        }
        taken = in_turn(
            {name: command for name, (command, _) in commands.items()},
            lambda command: cpu_seconds(command, home),
            _RUNS,
        )
    bare = taken["python -c pass"]
    print(f"start-up of an installed wheel, CPU time, median of {_RUNS}")
    for name, (_, goal) in commands.items():
        if name == "resolve":
            row("resolve, first", first, bare, goal)
        row(name, taken[name], bare, goal)


def resolving() -> None:
    """Print how many different ten-device machines are resolved in a second, on one core."""
    catalogue = pa.load_catalogue()
    reference = pa.parse_platform("linux-6.9")
    machines = [machine(number) for number in range(4096)]
    override = pa.GlobalProperty(driver="virtio-net-device", property="host_uso", value="off")
    explicit = [
        pa.VirtualMachine(machine=m.machine, devices=m.devices, globals=(override,))
        for m in machines[:256]
    ]
    pa.resolve(catalogue, machines[0], reference)
    yardstick = per_second(lambda _: hashlib.sha256(b"x" * 4096).digest(), machines)
    print("resolve, warm, 4096 different machines of ten devices")
    print("(goal: 30000 a second with arguments())")
    rows: list[tuple[str, float]] = [
        ("SHA-256 of 4 KiB, for scale", yardstick),
        ("resolve()", per_second(lambda m: pa.resolve(catalogue, m, reference), machines)),
        (
            "resolve() with an explicit -global",
            per_second(lambda m: pa.resolve(catalogue, m, reference), explicit),
        ),
        (
            "resolve() and arguments()",
            per_second(lambda m: pa.arguments(pa.resolve(catalogue, m, reference)), machines[:512]),
        ),
        (
            "resolve() and abi_digest()",
            per_second(
                lambda m: pa.abi_digest(pa.resolve(catalogue, m, reference)), machines[:512]
            ),
        ),
    ]
    for name, rate in rows:
        print(f"  {name:36} {1e6 / rate:8.1f} us  {rate:9.0f}/s  {rate / yardstick:6.3f}x")


_EVERYTHING = """
import time
begin = time.process_time()
import platform_abi as pa
catalogue = pa.FileCatalogue()
catalogue.devices(); catalogue.capabilities(); catalogue.masks(); catalogue.examined()
features = [f for stem in catalogue.feature_stems() for f in catalogue.features(stem)]
for name in catalogue.platform_names():
    for feature in features:
        catalogue.listing(catalogue.platform(name), feature)
for build in catalogue.builds("x86_64"):
    catalogue.types(build, "x86_64")
    for machine in catalogue.build(build, "x86_64").machines:
        catalogue.machine(build, machine, "x86_64")
seconds = time.process_time() - begin
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(seconds, peak / 1024)
"""


def whole_catalogue() -> None:
    """Print what it takes to load every definition there is."""
    print("the whole catalogue (goal: 0.5 s and 64 MiB)")
    with tempfile.TemporaryDirectory() as scratch:
        home = environment(scratch)
        compiled = installed(built(Path(scratch)), Path(scratch, "environment")) / "python"
        for name, python in (("parsed", _PYTHON), ("as compiled", str(compiled))):
            bare = statistics.median(cpu_seconds([python, "-c", "pass"], home) for _ in range(9))
            figures = []
            for _ in range(7):
                done = subprocess.run(
                    [python, "-c", _EVERYTHING],
                    env=home,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                figures.append([float(word) for word in done.stdout.split()])
            seconds = statistics.median(f[0] for f in figures)
            peak = max(f[1] for f in figures)
            times = f"{seconds:6.3f} s  {seconds / bare:5.1f}x a bare start"
            print(f"  {name:20} {times}, peak {peak:5.1f} MiB")
    print(f"  files: {_size('definitions')}")


def _size(folder: str) -> str:
    files = list((_ROOT / folder).rglob("*.toml"))
    return f"{len(files)}, {sum(f.stat().st_size for f in files) / 1024:.0f} KiB"


def querying() -> None:
    """Print what it takes to judge every platform by a report."""
    catalogue = pa.load_catalogue()
    report = pa.read_report(_HOST.read_bytes(), _HOST.name)
    begin = time.perf_counter()
    found = pa.query_platforms(catalogue, report)
    first = time.perf_counter() - begin
    best = min(_timed(lambda: pa.query_platforms(catalogue, report)) for _ in range(50))
    print(
        f"  query_platforms() of {len(found)}: {first * 1e3:.1f} ms at first, {best * 1e3:.2f} ms"
    )


def _timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    parts = {
        "startup": startup,
        "resolve": resolving,
        "catalogue": whole_catalogue,
        "query": querying,
    }
    for part in sys.argv[1:] or list(parts):
        parts[part]()
