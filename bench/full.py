"""How fast every property of every device is worked out, as ratios of one run.

    .venv/bin/python bench/full.py

Absolute times are this machine's at this moment; only the ratios travel.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import platform_abi as pa
from bench.machines import machine, per_second
from platform_abi.emit.full import full_document
from platform_abi.resolver.full import full_properties

_MACHINES = 1024


def main() -> None:
    """Print how many machines of ten devices are worked out in a second, on one core."""
    catalogue = pa.load_catalogue()
    reference = pa.parse_platform("linux-6.9")
    machines = [machine(number) for number in range(_MACHINES)]
    abis = [pa.resolve(catalogue, each, reference) for each in machines]
    begin = time.perf_counter()
    full = full_properties(catalogue, abis[0], vcpus=4)
    first = time.perf_counter() - begin
    properties = sum(len(device.properties) for device in full.values())
    yardstick = per_second(lambda _: hashlib.sha256(b"x" * 4096).digest(), machines)
    print(f"{_MACHINES} different machines of ten devices, {properties} properties each")
    print(f"  the first, with all files to be read: {first * 1e3:.0f} ms")
    rows: list[tuple[str, float]] = [
        ("SHA-256 of 4 KiB, for scale", yardstick),
        (
            "full_properties()  (goal: 2000/s)",
            per_second(lambda abi: full_properties(catalogue, abi, vcpus=4), abis),
        ),
        (
            "resolve() and full_properties()",
            per_second(
                lambda vm: full_properties(catalogue, pa.resolve(catalogue, vm, reference)),
                machines,
            ),
        ),
        (
            "full_document() of it",
            per_second(lambda _: full_document(full), range(64)),
        ),
    ]
    for name, rate in rows:
        print(f"  {name:36} {1e6 / rate:8.1f} us  {rate:9.0f}/s  {rate / yardstick:6.3f}x")


if __name__ == "__main__":
    main()
