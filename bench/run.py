"""How fast it is, each figure a ratio to a baseline of the same run.

    .venv/bin/python bench/run.py [startup] [resolve] [catalogue] [hosts]

Absolute times are this machine's at this moment; only the ratios travel. Start-up is the median of
interleaved runs of whole processes, with compiled bytecode and, but where it says cold, with the
cache of definitions filled.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import platform_abi as pa

_RUNS = 25
_PYTHON = sys.executable
_VM = [
    *("resolve", "--machine", "pc-q35-9.1", "--platform", "linux-6.9"),
    *("--device", "virtio-net-pci,netdev=n0,id=net0", "--netdev", "tap,id=n0"),
]
#: The installed command: what a shell starts.
_CLI = [str(Path(_PYTHON).with_name("platform-abi"))]


def _environment(cache: str) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return env | {"PLATFORM_ABI_CACHE": cache}


def _seconds(command: list[str], env: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - begin


def startup() -> None:
    """Print what starting costs, against an interpreter that does nothing."""
    with tempfile.TemporaryDirectory() as cache:
        commands = {
            "python -c pass": ([_PYTHON, "-c", "pass"], cache, 1.0),
            "import platform_abi": ([_PYTHON, "-c", "import platform_abi"], cache, 3.0),
            "platform-abi resolve": ([*_CLI, *_VM], cache, 6.0),
            "platform-abi platforms --names": ([*_CLI, "platforms", "--names"], cache, 6.0),
            "platform-abi resolve, cold cache": ([*_CLI, *_VM], "", 0.0),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(_RUNS + 1):
            for name, (command, folder, _) in commands.items():
                seconds = _seconds(command, _environment(folder))
                if turn:  # the first turn compiles bytecode and fills the cache
                    taken[name].append(seconds)
    bare = statistics.median(taken["python -c pass"])
    print(f"start-up, median of {_RUNS}")
    for name, (_, _, most) in commands.items():
        median = statistics.median(taken[name])
        goal = f"  (goal: at most {most:.0f}x)" if most > 1 else ""
        print(f"  {name:34} {median * 1e3:7.1f} ms  {median / bare:5.2f}x{goal}")


def _machine(number: int) -> pa.VirtualMachine:
    """Return a virtual machine of ten devices, like no other of its number."""
    nics = [
        pa.Device(
            driver="virtio-net-pci",
            id=f"net{k}-{number}",
            backend="tap",
            properties=(
                ("netdev", f"n{k}"),
                ("mac", f"52:54:00:{number >> 8:02x}:{number & 255:02x}:{k:02x}"),
            ),
        )
        for k in range(3)
    ]
    disks = [
        pa.Device(driver="virtio-blk-pci", id=f"d{k}-{number}", properties=(("drive", f"b{k}"),))
        for k in range(3)
    ]
    others = ["virtio-rng-pci", "virtio-balloon-pci", "virtio-serial-pci", "qemu-xhci"]
    return pa.VirtualMachine(
        machine="pc-q35-9.1", devices=(*nics, *disks, *(pa.Device(driver=d) for d in others))
    )


def _per_second(
    call: Callable[[pa.VirtualMachine], object], machines: list[pa.VirtualMachine]
) -> float:
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        for machine in machines:
            call(machine)
        best = min(best, time.perf_counter() - begin)
    return len(machines) / best


def resolving() -> None:
    """Print how many different ten-device machines are resolved in a second, on one core."""
    catalogue = pa.load_catalogue()
    reference = pa.parse_platform("linux-6.9")
    machines = [_machine(number) for number in range(4096)]
    override = pa.GlobalProperty(driver="virtio-net-device", property="host_uso", value="off")
    explicit = [
        pa.VirtualMachine(machine=m.machine, devices=m.devices, globals=(override,))
        for m in machines[:256]
    ]
    pa.resolve(catalogue, machines[0], reference)
    yardstick = _per_second(lambda _: hashlib.sha256(b"x" * 4096).digest(), machines)
    print("resolve, warm, 4096 different machines of ten devices")
    print("(goal: 30000 a second with arguments())")
    rows: list[tuple[str, float]] = [
        ("SHA-256 of 4 KiB, for scale", yardstick),
        ("resolve()", _per_second(lambda m: pa.resolve(catalogue, m, reference), machines)),
        (
            "resolve() with an explicit -global",
            _per_second(lambda m: pa.resolve(catalogue, m, reference), explicit),
        ),
        (
            "resolve() and arguments()",
            _per_second(
                lambda m: pa.arguments(pa.resolve(catalogue, m, reference)), machines[:512]
            ),
        ),
        (
            "resolve() and abi_digest()",
            _per_second(
                lambda m: pa.abi_digest(pa.resolve(catalogue, m, reference)), machines[:512]
            ),
        ),
    ]
    for name, rate in rows:
        print(f"  {name:36} {1e6 / rate:8.1f} us  {rate:9.0f}/s  {rate / yardstick:6.3f}x")


_EVERYTHING = """
import sys, time
begin = time.perf_counter()
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
seconds = time.perf_counter() - begin
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(seconds, peak / 1024)
"""


def whole_catalogue() -> None:
    """Print what it takes to load every definition there is."""
    print("the whole catalogue (goal: 0.5 s and 64 MiB)")
    bare = statistics.median(_seconds([_PYTHON, "-c", "pass"], _environment("")) for _ in range(9))
    with tempfile.TemporaryDirectory() as cache:
        for name, folder in (
            ("from TOML", ""),
            ("filling the cache", cache),
            ("from the cache", cache),
        ):
            command = [_PYTHON, "-c", _EVERYTHING, folder]
            runs = 1 if name == "filling the cache" else 7
            figures = []
            for _ in range(runs):
                done = subprocess.run(
                    command, env=_environment(folder), capture_output=True, text=True, check=True
                )
                figures.append([float(word) for word in done.stdout.split()])
            seconds = statistics.median(f[0] for f in figures)
            peak = max(f[1] for f in figures)
            times = f"{seconds:6.3f} s  {seconds / bare:5.1f}x a bare start"
            print(f"  {name:20} {times}, peak {peak:5.1f} MiB")
    print(f"  files: {_size('definitions')}")


def _size(folder: str) -> str:
    files = list((Path(__file__).parents[1] / folder).rglob("*.toml"))
    return f"{len(files)}, {sum(f.stat().st_size for f in files) / 1024:.0f} KiB"


_HOST = Path(__file__).parents[1] / "tests/captures/this-host.json"


def hosts() -> None:
    """Print what it takes to ask this host, and to judge a report."""
    with tempfile.TemporaryDirectory() as cache:
        lock = f"{cache}/vm.lock"
        subprocess.run([*_CLI, *_VM, "--lock", lock], capture_output=True, check=True)
        commands = {
            "python -c pass": [_PYTHON, "-c", "pass"],
            "platform-abi host, without a QEMU": [*_CLI, "host", "--no-qemu", "--json"],
            "platform-abi platforms --host FILE": [*_CLI, "platforms", "--host", str(_HOST)],
            "platform-abi check LOCK --host FILE": [
                *(*_CLI, "check", lock, "--host", str(_HOST), "--force"),
            ],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(_RUNS + 1):
            for name, command in commands.items():
                seconds = _seconds(command, _environment(cache))
                if turn:
                    taken[name].append(seconds)
    bare = statistics.median(taken["python -c pass"])
    print(f"hosts, median of {_RUNS}")
    for name, times in taken.items():
        median = statistics.median(times)
        print(f"  {name:36} {median * 1e3:7.1f} ms  {median / bare:5.2f}x")
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
    parts = {"startup": startup, "resolve": resolving, "catalogue": whole_catalogue, "hosts": hosts}
    for part in sys.argv[1:] or list(parts):
        parts[part]()
