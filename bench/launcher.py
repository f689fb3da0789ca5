"""What ``qemu-platform`` adds to a QEMU: to being asked what it is, and to being started.

And what a whole probe of this host costs, against a bare interpreter. Goals are ratios of one run.

    PLATFORM_ABI_LIVE_QEMU=FOLDER .venv/bin/python bench/launcher.py

Every line is one kind of start, run in turn with the bare binary, so that both see the same load. A
start ends when the paused QEMU has answered its first command over QMP. The bare binary is given
the very words that the launcher gives it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_RUNS = 21
#: What passing through may add, in milliseconds.
_GOAL = 80
#: What a start may take, as a multiple of the bare QEMU's.
_GOALS = {"named, tap": 3.5, "newest chosen, tap": 6.0}
#: What ``host --no-qemu`` may take, as a multiple of a bare interpreter's start.
_PROBE_GOAL = 10.0
_BINARY = "bin/qemu-system-x86_64-10.0"
_PROGRAM = (
    f"#!{sys.executable}\nimport sys\n"
    "from platform_abi.cli.qemu_platform import entry\nsys.exit(entry())\n"
)

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


def once(command: Sequence[str], environment: dict[str, str]) -> float:
    """Return how long a process takes to print what it was asked for, in milliseconds."""
    talks = "stdio" in command
    said = b'{"execute":"qmp_capabilities"}{"execute":"query-status"}{"execute":"quit"}'
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if talks:
        process.stdin.write(said)
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(3)]
        took = time.perf_counter() - started
        assert b"status" in lines[2], lines
    process.communicate(timeout=60)
    if not talks:
        took = time.perf_counter() - started
    assert process.returncode == 0, command
    return took * 1000


def compare(
    name: str,
    bare: Sequence[str],
    launched: Sequence[str],
    env: dict[str, str],
    goal: float | None = None,
) -> float:
    """Print how long both take, and return what the launcher adds, in milliseconds."""
    for command in (bare, launched):
        once(command, env)
    pairs = [(once(bare, env), once(launched, env)) for _ in range(_RUNS)]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    added = statistics.median(b - a for a, b in pairs)
    print(f"{name:34} {first:8.1f} {second:8.1f} {second / first:7.2f} {added:+8.1f}", end="")
    print("" if goal is None else f"  (goal: at most {goal:g}x)")
    return added


def main() -> int:
    """Print a line for each kind of start; 1 where passing through adds more than the goal."""
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU")
    if folder is None:
        print("name the folder of QEMUs with PLATFORM_ABI_LIVE_QEMU", file=sys.stderr)
        return 2
    binary = str(Path(folder) / _BINARY)
    with tempfile.TemporaryDirectory() as scratch:
        program = Path(scratch) / "qemu-platform"
        program.write_text(_PROGRAM)
        program.chmod(0o755)
        launcher = [str(program), "--qemu", binary]
        environment = dict(os.environ)
        print(f"{'milliseconds, medians of ' + str(_RUNS):34} {'bare':>8} {'launched':>8}", end="")
        print(f" {'ratio':>7} {'added':>8}")
        added = [
            compare(f"passes through: {name}", [binary, *words], [*launcher, *words], environment)
            for name, words in _PROBING.items()
        ]
        for name, own in _STARTS.items():
            words = [*_VM, *own]
            printed = subprocess.run(
                [*launcher, "--print-args", "--json", *words],
                env=environment,
                capture_output=True,
                timeout=60,
                check=True,
            )
            bare = [binary, *json.loads(printed.stdout)["arguments"]]
            compare(name, bare, [*launcher, *words], environment, _GOALS.get(name))
        probe = [sys.executable, "-m", "platform_abi", "host", "--no-qemu"]
        compare("host --no-qemu", [sys.executable, "-c", ""], probe, environment, _PROBE_GOAL)
    print(f"passing through adds at most {max(added):.0f} ms; the goal is {_GOAL} ms")
    return int(max(added) > _GOAL)


if __name__ == "__main__":
    sys.exit(main())
