"""Plays many trials: ``python -m tests.live.proof --qemu FOLDER --seed 1 --trials 1000``.

With ``--arch`` they are of machines of another architecture.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import platform_abi as pa
from tests.live.conftest import MORE_QEMU_VERSIONS, QEMU_VERSIONS
from tests.live.migration.hosts import Hosts
from tests.live.proof.draw import draw
from tests.live.proof.elsewhere import (
    BOARDS,
    ElsewhereOutcome,
    draw_elsewhere,
    play_elsewhere,
)
from tests.live.proof.trial import Judge, Outcome

VERSIONS = QEMU_VERSIONS + MORE_QEMU_VERSIONS


def main() -> None:
    """Print what was a surprise or a caution, and how often each kind of end came."""
    parser = argparse.ArgumentParser(prog="python -m tests.live.proof", description=__doc__)
    parser.add_argument("--qemu", required=True, type=Path, help="what install-qemu has filled")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="print every trial")
    parser.add_argument("--arch", choices=sorted(BOARDS), help="of another than x86_64")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = folder / "old_kernel.so"
        source = Path(__file__).parents[1] / "old_kernel.c"
        build = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source)]
        subprocess.run(build, check=True, timeout=60)
        play: Callable[[int], Outcome | ElsewhereOutcome] = partial(
            _play, options.qemu.absolute(), library, folder, options.seed
        )
        if options.arch:
            play = partial(_play_elsewhere, options.qemu.absolute(), options.arch, options.seed)
        numbers = range(options.first, options.first + options.trials)
        kinds: Counter[str] = Counter()
        telling = ("surprise", "caution", "void") if options.arch else ("surprise", "caution")
        with ProcessPoolExecutor(options.jobs) as pool:
            for outcome in pool.map(play, numbers, chunksize=4):
                kinds[outcome.kind] += 1
                if options.all or outcome.kind in telling:
                    print(outcome, flush=True)  # noqa: T201 - what this is for
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
    print(f"seed {options.seed}: {counts}")  # noqa: T201 - as above


def _play_elsewhere(qemus: Path, arch: str, seed: int, number: int) -> ElsewhereOutcome:
    catalogue = pa.load_catalogue()
    trial = draw_elsewhere(catalogue, arch, seed, number)
    return play_elsewhere(catalogue, qemus / "bin", trial)


def _play(qemus: Path, library: Path, folder: Path, seed: int, number: int) -> Outcome:
    binaries = {v: qemus / "bin" / f"qemu-system-x86_64-{v}" for v in VERSIONS}
    with tempfile.TemporaryDirectory(dir=folder) as own:
        hosts = Hosts(qemus=binaries, library=library, folder=folder)
        asyncio.set_event_loop(asyncio.new_event_loop())
        return Judge(pa.load_catalogue(), hosts, Path(own)).play(draw(seed, number, kvm=True))


if __name__ == "__main__":
    main()
