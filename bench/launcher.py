"""What ``qemu-platform`` adds to a QEMU: to being asked what it is, and to being started.

    PLATFORM_ABI_LIVE_QEMU=FOLDER .venv/bin/python bench/launcher.py

Every line is one kind of start, run in turn with the bare binary, so that both see the same load:
a paused QEMU is told over QMP to end. The bare binary is given the very words that the launcher
gives it. Times are CPU time of all processes, so that a QEMU that is asked beside others counts.

The binary is the program itself, as a distribution installs it: what it prints is kept, so the
first start of a user costs more than the later ones. A script that starts it is asked each time.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.installed import built, cpu_seconds, environment, installed, row

_RUNS = 21
#: What passing through may add, in milliseconds.
_GOAL = 80
#: What a start may take, as a multiple of the bare QEMU's.
_GOALS = {"named, tap": 3.5, "newest chosen, tap": 6.0}
#: So often a user who has no files yet starts it.
_FIRST = 5
_SAID = b'{"execute":"qmp_capabilities"}{"execute":"query-status"}{"execute":"quit"}'
_SCRIPT = "bin/qemu-system-x86_64-10.0"
_ROOT = "10.0/root/usr"
_PROGRAM = "bin/qemu-system-x86_64"
#: Where that finds what it is started with, as its script says.
_LIBRARIES = "lib/x86_64-linux-gnu"
_FIRMWARE = ("share/qemu", "share/seabios", "lib/ipxe/qemu")
_PROBING = {
    "-version": ["-version"],
    "-machine help": ["-machine", "help"],
    "-machine none, QMP": ["-S", "-nodefaults", "-machine", "none", "-qmp", "stdio"],
}
_VM = [
    *("-machine", "pc-q35-9.1", "-accel", "tcg", "-nodefaults", "-display", "none", "-S"),
    *("-m", "64", "-qmp", "stdio"),
]
_TAP = ["-netdev", "tap,id=n0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=n0"]
_USER = ["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]
_STARTS = {
    "none": [*_TAP, "-platform", "none"],
    "named, user network": [*_USER, "-platform", "linux-6.1"],
    "named, tap": [*_TAP, "-platform", "linux-6.1"],
    "newest chosen, tap": _TAP,
}


def compare(
    name: str, bare: Sequence[str], launched: Sequence[str], env: dict[str, str], goal: float = 0
) -> float:
    """Print what both cost, and return what the launcher adds, in milliseconds."""
    pairs = [
        (cpu_seconds(bare, env, _SAID), cpu_seconds(launched, env, _SAID)) for _ in range(_RUNS)
    ][1:]
    return _compared(name, pairs, goal)


def compare_first(
    name: str, bare: Sequence[str], launched: Sequence[str], env: dict[str, str]
) -> None:
    """Print what both cost a user who has no files."""
    pairs = []
    for _ in range(_FIRST):
        with tempfile.TemporaryDirectory() as home:
            own = {**env, "HOME": home}
            pairs.append((cpu_seconds(bare, own, _SAID), cpu_seconds(launched, own, _SAID)))
    _compared(name, pairs, 0)


def _compared(name: str, pairs: Sequence[tuple[float, float]], goal: float) -> float:
    before, after = zip(*pairs, strict=True)
    row(name, after, before, goal)
    return statistics.median(b - a for a, b in pairs) * 1e3


def main() -> int:
    """Print a line for each kind of start; 1 where passing through adds more than the goal."""
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
    if folder is None:
        print("name the folder of QEMUs with PLATFORM_ABI_LIVE_QEMU", file=sys.stderr)
        return 2
    root = Path(folder, _ROOT)
    libraries = str(root / _LIBRARIES)
    program = str(root / _PROGRAM)
    places = [word for each in _FIRMWARE for word in ("-L", str(root / each))]
    with tempfile.TemporaryDirectory() as scratch:
        programs = installed(built(Path(scratch)), Path(scratch, "environment"))
        home = {
            **environment(scratch),
            "LD_LIBRARY_PATH": libraries,
            "QEMU_MODULE_DIR": f"{libraries}/qemu",
        }
        launcher = [str(programs / "qemu-platform"), "--qemu"]
        print(f"launched by an installed wheel, and against QEMU alone; medians of {_RUNS - 1}")
        added = [
            compare(
                f"passes through: {name}", [program, *words], [*launcher, program, *words], home
            )
            for name, words in _PROBING.items()
        ]

        def start(own: Sequence[str], binary: str) -> tuple[list[str], list[str]]:
            """Return the words of the bare binary and of the launcher."""
            launched = [*launcher, binary, *places, *_VM, *own]
            printed = subprocess.run(
                [*launcher, binary, "--print-args", "--json", *places, *_VM, *own],
                env=home,
                capture_output=True,
                timeout=60,
                check=True,
            )
            return [binary, *json.loads(printed.stdout)["arguments"]], launched

        for name, own in _STARTS.items():
            bare, launched = start(own, program)
            if name in _GOALS:
                compare_first(f"{name}, first", bare, launched, home)
            compare(name, bare, launched, home, _GOALS.get(name, 0))
        for name in _GOALS:
            script = str(Path(folder) / _SCRIPT)
            compare(f"{name}, a script", *start(_STARTS[name], script), home)
    print(f"passing through adds at most {max(added):.0f} ms; the goal is {_GOAL} ms")
    return int(max(added) > _GOAL)


if __name__ == "__main__":
    sys.exit(main())
