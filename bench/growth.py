"""How time grows with what is asked: twice as much may cost twice as much, and little more.

    .venv/bin/python bench/growth.py [devices] [running] [globals] [platforms] [lockfiles] [build]

Each row is a question at four sizes, each twice the one before, with the milliseconds of CPU time
that it takes, and the exponent: 1.0 is linear, 2.0 is quadratic. Ends with 1 where one is over 1.2.
"""

from __future__ import annotations

import contextlib
import gc
import io
import itertools
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import platform_abi as pa
from platform_abi.cli import main as cli
from platform_abi.fleet.stranded import stranded
from platform_abi.model.host import FleetHost
from tests.verifier.recorded_machine import bare, promised

_DEFINITIONS = Path(__file__).parents[1] / "definitions"
_MACHINE = "pc-q35-9.1"
_PLATFORM = "linux-6.9"


#: What an exponent may be.
_GOAL = 1.2

#: A question is asked again and again for so long, in seconds: a clock of milliseconds and memory
#: that is new to the process would show as growth.
_LONG_ENOUGH = 0.05

_missed: list[str] = []


def _row(name: str, most: int, measured: Callable[[int], Callable[[], object]]) -> None:
    """Print the time that the question of *measured* takes at each size up to *most*.

    What prepares the question is not measured; the least of three turns counts.
    """
    sizes = [most // 8, most // 4, most // 2, most]
    taken = []
    for size in sizes:
        question = measured(size)
        # As the command line, which leaves what it made to the end of the process.
        gc.collect()
        gc.disable()
        taken.append(min(_seconds(question) for _ in range(3)))
        gc.enable()
    exponent = math.log2(taken[-1] / taken[0]) / 3
    figures = "  ".join(
        f"{size}: {1000 * seconds:.4g}" for size, seconds in zip(sizes, taken, strict=True)
    )
    missed = "  over the goal" if exponent > _GOAL else ""
    if missed:
        _missed.append(name)
    print(f"  {name:34} {figures} ms  exponent {exponent:.2f}{missed}", flush=True)


def _seconds(question: Callable[[], object]) -> float:
    begin = time.process_time()
    for times in itertools.count(1):
        question()
        taken = time.process_time() - begin
        if taken >= _LONG_ENOUGH:
            return taken / times
    raise AssertionError


def _vm(catalogue: pa.Catalogue, devices: int, globals_: int = 0) -> pa.VirtualMachine:
    """Return a virtual machine of NICs and disks, every tenth with a value of its own."""
    drivers = [
        "virtio-net-pci,netdev=n{0}",
        "virtio-blk-pci",
        "virtio-net-pci,netdev=n{0},csum=off",
    ]
    return pa.virtual_machine(
        catalogue.devices(),
        _MACHINE,
        devices=[f"{drivers[n % 3].format(n)},id=d{n}" for n in range(devices)],
        netdevs=[f"tap,id=n{n}" for n in range(devices) if n % 3 != 1],
        globals_=[f"virtio-net-pci.{('csum', 'gso')[n % 2]}=off" for n in range(globals_)],
    )


def devices() -> None:
    """Print what 5 000 devices cost, from the command line to the lockfile and back."""
    print("5 000 devices")
    catalogue = pa.load_catalogue()
    host = pa.HostReport()
    vm = {n: _vm(catalogue, n) for n in (625, 1250, 2500, 5000)}
    abi = {n: pa.resolve(catalogue, machine, _PLATFORM) for n, machine in vm.items()}
    lock = {n: pa.lockfile(catalogue, value) for n, value in abi.items()}
    _row("virtual_machine()", 5000, lambda n: lambda: _vm(catalogue, n))
    _row("resolve()", 5000, lambda n: lambda: pa.resolve(catalogue, vm[n], _PLATFORM))
    _row("arguments()", 5000, lambda n: lambda: pa.arguments(abi[n]))
    _row("abi_document()", 5000, lambda n: lambda: pa.abi_document(abi[n]))
    _row("lockfile()", 5000, lambda n: lambda: pa.lockfile(catalogue, abi[n]))
    _row(
        "read_lock()", 5000, lambda n: lambda: pa.read_lock(lock[n], "a lock", catalogue=catalogue)
    )
    _row("check()", 5000, lambda n: lambda: pa.check(catalogue, abi[n], host))
    _row(
        "check_migration()",
        5000,
        lambda n: lambda: pa.check_migration(catalogue, abi[n], host, host),
    )
    _row("full_properties()", 5000, lambda n: lambda: pa.full_properties(catalogue, abi[n]))
    _row(
        "explain()",
        5000,
        lambda n: lambda: pa.explain(catalogue, "virtio-net-pci.csum", vm[n], _PLATFORM),
    )
    _row("diff_abis()", 5000, lambda n: lambda: pa.diff_abis(abi[n], abi[n]))


def running() -> None:
    """Print what it costs to hold a running QEMU of 5 000 devices against its lockfile."""
    print("verify, 5 000 devices")
    catalogue = pa.load_catalogue()
    host = pa.HostReport(system="linux", arch="x86_64")

    def question(count: int) -> Callable[[], object]:
        abi = pa.resolve(catalogue, _vm(catalogue, count), _PLATFORM)
        vm = promised(catalogue, abi, bare(catalogue, abi))
        return lambda: pa.verify(catalogue, abi, vm, host=host)

    _row("verify()", 5000, question)


def globals_() -> None:
    """Print what 100 000 -global cost."""
    print("100 000 -global, 100 devices")
    catalogue = pa.load_catalogue()
    vm = {n: _vm(catalogue, 100, n) for n in (12500, 25000, 50000, 100000)}
    abi = {n: pa.resolve(catalogue, machine, _PLATFORM) for n, machine in vm.items()}
    _row("virtual_machine()", 100000, lambda n: lambda: _vm(catalogue, 100, n))
    _row("resolve()", 100000, lambda n: lambda: pa.resolve(catalogue, vm[n], _PLATFORM))
    _row("arguments()", 100000, lambda n: lambda: pa.arguments(abi[n]))
    _row("check()", 100000, lambda n: lambda: pa.check(catalogue, abi[n], pa.HostReport()))


def _site(folder: Path, count: int) -> None:
    """Write *count* platforms of a distribution, each on top of an upstream one."""
    (folder / "platforms" / "site").mkdir(parents=True)
    for number in range(count):
        (folder / "platforms" / "site" / f"linux-site-{number}.toml").write_text(
            f'schema = 1\n\n[platform]\nname = "linux-site-{number}"\nlineage = "site"\n'
            f'version = "{number}"\ntitle = "Site {number}"\n'
            f'extends = "linux-6.{number % 9 + 1}"\n',
            encoding="utf-8",
        )


def platforms() -> None:
    """Print what 5 000 platforms in a drop-in folder cost."""
    print("5 000 platforms in a drop-in folder")
    with tempfile.TemporaryDirectory() as folder:
        roots = {n: Path(folder, str(n)) for n in (625, 1250, 2500, 5000)}
        for number, root in roots.items():
            _site(root, number)

        def catalogue(number: int) -> pa.FileCatalogue:
            return pa.FileCatalogue([_DEFINITIONS, roots[number]])

        def every(number: int) -> list[object]:
            known = catalogue(number)
            return [known.platform(name) for name in known.platform_names()]

        _row("platform_names()", 5000, lambda n: lambda: catalogue(n).platform_names())
        _row(
            "resolve() on one of them",
            5000,
            lambda n: lambda: pa.resolve(catalogue(n), _vm(catalogue(n), 10), "linux-site-7"),
        )
        _row("platform() of each", 5000, lambda n: lambda: every(n))
        _row(
            "query_platforms()",
            5000,
            lambda n: (
                lambda: pa.query_platforms(
                    catalogue(n), pa.HostReport(system="linux", arch="x86_64")
                )
            ),
        )


def lockfiles() -> None:
    """Print what 10 000 lockfiles cost: read, and asked which of them an upgrade would strand."""
    print("10 000 lockfiles")
    catalogue = pa.load_catalogue()
    text = pa.lockfile(catalogue, pa.resolve(catalogue, _vm(catalogue, 10), _PLATFORM))
    host = pa.HostReport(system="linux", arch="x86_64")

    def read(count: int) -> list[pa.GuestAbi]:
        return [pa.read_lock(text, "a lock", catalogue=catalogue) for _ in range(count)]

    _row("read_lock() of each", 10000, lambda n: lambda: read(n))
    many = read(10000)
    _row(
        "check() of each",
        10000,
        lambda n: lambda: [pa.check(catalogue, abi, host) for abi in many[:n]],
    )
    fleet = [FleetHost(report=host, names=("h",))]
    named = {f"{number}.lock": abi for number, abi in enumerate(many)}
    _row(
        "stranded()",
        10000,
        lambda n: lambda: stranded(catalogue, dict(list(named.items())[:n]), (), fleet),
    )


def build() -> None:
    """Print what ``check LOCK --build`` costs for 5 000 devices, as the command line."""
    print("check LOCK --build, 5 000 devices")
    catalogue = pa.load_catalogue()
    with tempfile.TemporaryDirectory() as folder:
        for size in (625, 1250, 2500, 5000):
            abi = pa.resolve(catalogue, _vm(catalogue, size), _PLATFORM)
            Path(folder, f"{size}.lock").write_text(pa.lockfile(catalogue, abi), encoding="utf-8")

        def question(size: int) -> Callable[[], object]:
            def ask() -> None:
                with (
                    contextlib.redirect_stdout(io.StringIO()),
                    contextlib.redirect_stderr(io.StringIO()),
                ):
                    cli(["check", f"{folder}/{size}.lock", "--build", "qemu-10.0.2"])

            return ask

        question(625)()
        _row("check LOCK --build", 5000, question)


_PARTS = {
    "devices": devices,
    "running": running,
    "globals": globals_,
    "platforms": platforms,
    "lockfiles": lockfiles,
    "build": build,
}


def main() -> int:
    """Measure the parts that are named, or all."""
    for name in ("XDG_CONFIG_HOME", "PLATFORM_ABI_PATH"):
        os.environ.pop(name, None)
    for part in sys.argv[1:] or _PARTS:
        _PARTS[part]()
    return int(bool(_missed))


if __name__ == "__main__":
    sys.exit(main())
