"""How fast every property of every device is worked out, as ratios of one run.

    .venv/bin/python bench/full.py

Absolute times are this machine's at this moment; only the ratios travel.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import platform_abi as pa
from platform_abi.emit.full import full_document
from platform_abi.resolver.full import full_properties

T = TypeVar("T")

_MACHINES = 1024


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


def _per_second(call: Callable[[T], object], over: Sequence[T]) -> float:
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        for each in over:
            call(each)
        best = min(best, time.perf_counter() - begin)
    return len(over) / best


def main() -> None:
    """Print how many machines of ten devices are worked out in a second, on one core."""
    catalogue = pa.load_catalogue()
    reference = pa.parse_platform("linux-6.9")
    machines = [_machine(number) for number in range(_MACHINES)]
    abis = [pa.resolve(catalogue, machine, reference) for machine in machines]
    begin = time.perf_counter()
    full = full_properties(catalogue, abis[0], vcpus=4)
    first = time.perf_counter() - begin
    properties = sum(len(device.properties) for device in full.values())
    yardstick = _per_second(lambda _: hashlib.sha256(b"x" * 4096).digest(), machines)
    print(f"{_MACHINES} different machines of ten devices, {properties} properties each")
    print(f"  the first, with all files to be read: {first * 1e3:.0f} ms")
    rows: list[tuple[str, float]] = [
        ("SHA-256 of 4 KiB, for scale", yardstick),
        (
            "full_properties()  (goal: 2000/s)",
            _per_second(lambda abi: full_properties(catalogue, abi, vcpus=4), abis),
        ),
        (
            "resolve() and full_properties()",
            _per_second(
                lambda vm: full_properties(catalogue, pa.resolve(catalogue, vm, reference)),
                machines,
            ),
        ),
        (
            "full_document() of it",
            _per_second(lambda _: full_document(full), range(64)),
        ),
    ]
    for name, rate in rows:
        print(f"  {name:36} {1e6 / rate:8.1f} us  {rate:9.0f}/s  {rate / yardstick:6.3f}x")


if __name__ == "__main__":
    main()
