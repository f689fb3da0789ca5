"""What explaining a log costs: how it grows with the log, and how much is held, on hostile logs.

Each log is made of one thing repeated, near to a message and not one, or a message each time; a
small one and one eight times as long are explained. Linear is a ratio of 8; what is held is not to
grow.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator

#: What the larger log is to cost, in units of the smaller one; and what more it may hold, in MiB.
GOAL_RATIO = 10.0
GOAL_MORE = 16

LOGS = {
    "features": "Features 0x1 ",
    "wide mask": "Features 0x" + "0" * 400,
    "gaps": "Features 0x1" + " " * 80 + "unsupported",
    "lists": "missing features: " + "a," * 1000,
    "specification": "guest CPU doesn't match specification: missing features: ",
    "hyper-v": "Hyper-V (",
    "size": "Size mismatch: a:",
    "failed": "Failed to load ",
    "unknown line": "qemu-kvm: nothing known\n",
    "ends": "load of migration failed\n",
    "causes": "VQ 0 vring.num 512 exceeds allocated max 256\n",
    "many causes": 'Unknown ramblock "{number}"\n',
    "entities": "&#39;",
    "escapes": "\\\\n",
    "soft breaks": "a=\n",
    "quotes": "''",
    "lines": "\n",
    "letters": "a",
}


def pieces(unit: str, size: int, *, piece: int = 1 << 20) -> Iterator[str]:
    """Yield a log of *size* characters made of *unit*, so much at once."""
    made = 0
    while made < size:
        text = unit * max(1, piece // len(unit))
        if "{" in unit:
            text = "".join(unit.format(number=made + at) for at in range(piece // len(unit)))
        made += len(text)
        yield text


def measure(name: str, megabytes: int) -> tuple[float, int]:
    """Return the seconds and the MiB that a process of its own needs for a log."""
    done = subprocess.run(
        [sys.executable, __file__, name, str(megabytes)], capture_output=True, text=True, check=True
    )
    seconds, held = done.stdout.split()
    return float(seconds), int(held)


def explain(name: str, megabytes: int) -> None:
    """Explain one log in this process, and print what that took."""
    from platform_abi import FileCatalogue
    from platform_abi.diagnosis.diagnosis import diagnose

    catalogue = FileCatalogue()
    diagnose(catalogue, "Features 0x1 unsupported. Allowed features: 0x0")
    started = time.process_time()
    diagnose(catalogue, pieces(LOGS[name], megabytes << 20))
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(time.process_time() - started, held)


def main() -> None:
    """Print a row for each log; leave 1 where a goal is missed."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    missed = False
    print(
        f"{'log':<14} {'MiB/s':>7} {'ratio':>6} {'held':>9}   of {largest} MiB and an eighth of it"
    )
    for name in LOGS:
        small, held_small = measure(name, largest // 8)
        large, held_large = measure(name, largest)
        ratio, more = large / small, held_large - held_small
        wrong = ratio > GOAL_RATIO or more > GOAL_MORE
        missed |= wrong
        row = f"{name:<14} {largest / large:>7.1f} {ratio:>6.1f} {held_large:>5} MiB"
        print(row + ("   missed" if wrong else ""), flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        explain(sys.argv[1], int(sys.argv[2]))
    else:
        main()
