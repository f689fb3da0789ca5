"""Virtual machines of ten devices, none like another, and how many of them a second takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import platform_abi as pa

T = TypeVar("T")


def machine(number: int) -> pa.VirtualMachine:
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


def per_second(call: Callable[[T], object], over: Sequence[T]) -> float:
    """Return how many of *over* a second of CPU time takes at its best."""
    best = float("inf")
    for _ in range(5):
        begin = time.process_time()
        for each in over:
            call(each)
        best = min(best, time.process_time() - begin)
    return len(over) / best
