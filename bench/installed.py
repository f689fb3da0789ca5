"""The wheel of this checkout, installed into an environment of its own, and what its programs cost.

A checkout parses its definitions, and an editable install looks for its modules elsewhere: what a
user waits for is neither. The cost of a process is the CPU time, user and system, of it and of all
that it waited for: wall time tells of what else the machine does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def built(scratch: Path) -> Path:
    """Return the wheel of this checkout, built into *scratch*."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run(
        [*command, "--outdir", str(scratch), str(_ROOT)], check=True, capture_output=True
    )
    (wheel,) = scratch.glob("*.whl")
    return wheel


def installed(wheel: Path, folder: Path) -> Path:
    """Install the wheel and what it needs into a new environment; return its executables."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "bin"


def environment(home: str) -> dict[str, str]:
    """Return the environment of a user who has no files yet."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": home, "LC_ALL": "C.UTF-8"}


def cpu_seconds(command: Sequence[str], env: Mapping[str, str], said: bytes = b"") -> float:
    """Return the CPU time of *command*, which reads *said*, and of the processes it waited for."""
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(said)
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: the honest answer is no
        sys.exit(f"{process.returncode} from {' '.join(command)}")
    return used.ru_utime + used.ru_stime


def in_turn(
    commands: Mapping[str, list[str]], seconds: Callable[[list[str]], float], runs: int
) -> dict[str, list[float]]:
    """Return what *seconds* says of each of *commands*, *runs* times, all of them in turn.

    The first turn does not count: it compiles bytecode and fills caches.
    """
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            spent = seconds(command)
            if turn:
                taken[name].append(spent)
    return taken


def row(name: str, taken: Sequence[float], bare: Sequence[float], goal: float = 0) -> None:
    """Print the medians of seconds *taken* as a ratio to those of *bare*, beside the goal."""
    median = statistics.median(taken)
    ratio = median / statistics.median(bare)
    print(f"  {name:34} {median * 1e3:7.1f} ms  {ratio:5.2f}x", end="")
    if goal:
        reached = "reached" if ratio <= goal else "not reached"
        print(f"  at most {goal:4}x  {reached}", end="")
    print(flush=True)
