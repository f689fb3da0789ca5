"""How long a rehearsal of a virtual machine of ten devices takes, against the start of its QEMUs.

    PLATFORM_ABI_LIVE_QEMU=FOLDER .venv/bin/python bench/rehearse.py [OLD NEW]

Both are in one run, interleaved. The rehearsal is timed from the call to its answer: both QEMUs
are started, drivers bound, the machine is moved and both sides are looked at. The starts are
those of both QEMUs with the same words, one after the other. CPU time is that of this process
alone. Absolute times are this machine's at this moment; only the ratio travels. OLD and NEW are
versions of FOLDER.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

import platform_abi as pa
from platform_abi.qemu.paused import PausedQemu
from platform_abi.verifier.stand_in import stand_in

_RUNS = 7
#: What a rehearsal may take, in seconds.
_GOAL = 5.0

_DEVICES = (
    "pcie-root-port,id=rp1,chassis=1", "virtio-net-pci,netdev=n0,id=net0,bus=rp1",
    "virtio-blk-pci,drive=d0,id=blk0", "virtio-scsi-pci,id=scsi0",
    "scsi-hd,drive=d1,bus=scsi0.0,id=hd0", "virtio-rng-pci,id=rng0", "virtio-balloon-pci,id=bal0",
    "virtio-serial-pci,id=ser0", "virtserialport,chardev=c0,bus=ser0.0,name=org.example",
    "qemu-xhci,id=usb0",
)  # fmt: skip


def _taken(call: Callable[[], object]) -> tuple[float, float]:
    """Return how long a call took, and how much CPU time of this process."""
    begin, before = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - begin, time.process_time() - before


def main() -> None:
    """Print the time of a rehearsal, one way, and what part of it is the QEMUs' own start."""
    folder = os.environ["PLATFORM_ABI_LIVE_QEMU"]
    versions = sys.argv[1:3] or ["7.2", "11.1"]
    old, new = (f"{folder}/bin/qemu-system-x86_64-{version}" for version in versions)
    catalogue = pa.load_catalogue()
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-7.2",
        devices=_DEVICES,
        netdevs=["user,id=n0"],
        accelerator="tcg",
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    words = stand_in(catalogue, abi).words({})

    def rehearsal() -> None:
        found = pa.rehearse(catalogue, abi, old, new)
        if found.status != "ok":
            sys.exit(f"it does not move: {found}")

    def starts() -> None:
        for binary in (old, new):
            with PausedQemu(binary, words, timeout=60):
                pass

    rehearsal()
    rows = [(*_taken(rehearsal), *_taken(starts)) for _ in range(_RUNS)]
    wall, cpu, start_wall, start_cpu = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    reached = "reached" if wall < _GOAL else "not reached"
    print(f"{versions[0]} -> {versions[1]}, ten devices, {_RUNS} runs, medians")
    print(
        f"  rehearsal: {wall:.2f} s, {cpu:.2f} s of CPU here; goal under {_GOAL:.0f} s: {reached}"
    )
    print(f"  two starts: {start_wall:.2f} s, {start_cpu:.2f} s of CPU here")
    print(f"  ratio: {wall / start_wall:.1f}")


if __name__ == "__main__":
    main()
