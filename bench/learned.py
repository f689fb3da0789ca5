"""How long a QEMU takes that no definition has: the first time, and from then on.

    python bench/learned.py QEMU

QEMU is a binary or a wrapper, and no build is defined. Three figures, the best of some runs: asking
it (goal: under 3 s), with the processor time that this program takes of that, which a busy machine
does not change; finding what is kept of it through a wrapper, which takes a process; and what
a start waits for where the QEMU is the program itself (goal: nothing that shows).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from platform_abi.author.learning import known_qemu
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.learned import learned_files
from platform_abi.definitions.search import packaged
from platform_abi.definitions.state import user_folder
from platform_abi.launch.known import kept_qemu
from platform_abi.qemu.identity import qemu_identity

_RUNS = 3


def _hidden(folder: Path) -> FileCatalogue:
    """Return the packaged definitions without those of any build."""
    (folder / "machines").mkdir(parents=True)
    for place in Path(packaged()).iterdir():
        if place.name != "machines":
            (folder / place.name).symlink_to(place)
    names = "machines/names.toml"
    (folder / names).symlink_to(Path(packaged(), names))
    return FileCatalogue([folder])


def _best(
    run: Callable[[], object], runs: int = _RUNS, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the shortest time that *run* takes, in seconds of *clock*."""
    times = []
    for _ in range(runs):
        begun = clock()
        run()
        times.append(clock() - begun)
    return min(times)


def main() -> None:
    """Measure one QEMU and print the figures."""
    (binary,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.environ["PLATFORM_ABI_STATE"] = folder
        catalogue = _hidden(Path(folder, "definitions"))

        def ask() -> None:
            for file in learned_files(user_folder() or ""):
                Path(file).unlink()
            known_qemu(catalogue, binary, lambda _: None)

        asked = _best(ask)
        own = _best(ask, clock=time.process_time)
        found = _best(lambda: known_qemu(catalogue, binary, lambda _: None))
        identity = qemu_identity(binary)
        if identity is None:
            raise SystemExit(f"nobody can tell which QEMU {binary} is")
        kept = _best(lambda: kept_qemu(catalogue, identity.program, print, ()), 50)
        print(f"asked for the first time: {asked:.2f} s, {own:.2f} s of it this program's")
        print(f"known, through a wrapper: {found * 1000:.0f} ms")
        print(f"known, as the program:    {kept * 1000:.1f} ms")


main()
