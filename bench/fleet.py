"""How fast the reports of a fleet are read and compared, and how that grows with kinds of host.

    .venv/bin/python bench/fleet.py [lines] [kinds] [million] [baseline]

Reports are made on the fly by a process of their own and go through a pipe, so that no disk is
filled; each line has another name. The reader's own CPU time is what counts on a core of its own;
wall time is that of both processes. The yardstick is a reader that reads as many bytes through the
same pipe and looks at none of them.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import platform_abi as pa
from platform_abi.files import STDIN
from platform_abi.fleet.baseline import baseline
from platform_abi.fleet.stream import read_fleet
from platform_abi.host.document import report_line
from platform_abi.model.host import Fact, FleetHost, HostReport

#: How many lines are written at once: enough that the writer does not hold the reader up.
_BATCH = 64
_MIB = 1 << 20


# --- hosts ---------------------------------------------------------------------------------------


def _reports(kinds: int) -> list[HostReport]:
    """Return reports of *kinds* hosts, each without other capabilities than the next."""
    chance = random.Random(kinds)
    full = {
        name: Fact(state="present", source="ioctl", detail=_asked(capability))
        for name, capability in pa.load_catalogue().capabilities().items()
    }
    found = []
    for kind in range(kinds):
        without = set(chance.sample(sorted(full), chance.randrange(1, 5)))
        found.append(
            HostReport(
                system="linux",
                release=f"6.{chance.randrange(1, 18)}.{kind}-generic",
                arch="x86_64",
                facts={
                    name: Fact(state="absent", source="ioctl", detail=f"{fact.detail}: EINVAL")
                    if name in without
                    else fact
                    for name, fact in full.items()
                },
            )
        )
    return found


def _asked(capability: pa.Capability) -> str:
    """Return what a probe writes of a capability, such as ``TUN-OFFLOAD 0x61``."""
    probe = capability.probe
    return capability.symbol if probe is None else f"{probe.method.upper()} {probe.argument:#x}"


# --- the two ends of the pipe --------------------------------------------------------------------


def _write(lines: int, kinds: int) -> None:
    """Write *lines* reports drawn from *kinds* hosts to stdout, each under a name of its own."""
    tails = [f",{report_line(report)[1:]}\n".encode() for report in _reports(kinds)]
    chance = random.Random(lines)
    for begin in range(0, lines, _BATCH):
        parts = []
        for number in range(begin, min(begin + _BATCH, lines)):
            tail = tails[number] if number < kinds else chance.choice(tails)
            parts += [b'{"name":"host-%07d.example.org"' % number, tail]
        rest = memoryview(b"".join(parts))
        while rest:
            rest = rest[os.write(1, rest) :]


def _drain() -> tuple[int, int]:
    """Read stdin and forget it: what reading costs at least."""
    buffer = bytearray(_MIB)
    size = 0
    with open(0, "rb", buffering=0, closefd=False) as stream:
        while got := stream.readinto(buffer):
            size += got
    return size, 0


def _fleet() -> tuple[int, int]:
    """Read a fleet from stdin; return how many hosts of how many kinds there are."""
    fleet = read_fleet([STDIN])
    return sum(host.count for host in fleet), len(fleet)


def _measured(part: str) -> None:
    """Run one reader and print what it found and took, as JSON."""
    idle = resource.getrusage(resource.RUSAGE_SELF)
    begin = time.perf_counter()
    counted, kinds = {"drain": _drain, "fleet": _fleet}[part]()
    wall = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "counted": counted,
        "kinds": kinds,
        "wall": wall,
        "cpu": used.ru_utime - idle.ru_utime + used.ru_stime - idle.ru_stime,
        "idle": idle.ru_maxrss * 1024 / _MIB,
        "peak": used.ru_maxrss * 1024 / _MIB,
    }
    print(json.dumps(found))


def _piped(reader: str, lines: int, kinds: int) -> dict[str, float]:
    """Return what *reader* took for *lines* reports of *kinds* hosts, written as it reads."""
    me = [sys.executable, str(Path(__file__))]
    with subprocess.Popen([*me, "write", str(lines), str(kinds)], stdout=subprocess.PIPE) as writer:
        done = subprocess.run([*me, reader], stdin=writer.stdout, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


# --- what is printed -----------------------------------------------------------------------------


def _row(lines: int, kinds: int) -> None:
    bare = _piped("drain", lines, kinds)
    took = _piped("fleet", lines, kinds)
    assert (lines, kinds) == (took["counted"], took["kinds"])
    ratio = f"{took['cpu'] / bare['cpu']:4.1f}x the bare pipe"
    rate = f"{lines / took['cpu']:7.0f} lines/s, {bare['counted'] / took['cpu'] / 1e9:4.1f} GB/s"
    memory = f"peak {took['peak']:5.1f} MiB ({took['idle']:4.1f} before)"
    print(
        f"  {lines:9,} lines, {kinds:3} kinds  {took['cpu']:6.2f} s CPU, {took['wall']:6.2f} s wall"
    )
    print(f"    {ratio}  {rate}  {memory}")


def lines() -> None:
    """Print what reading costs, and that it grows with the lines and not with what is kept."""
    print("reading NDJSON from a pipe, 200 kinds of host")
    for count in (1_000, 10_000, 100_000):
        _row(count, 200)


def kinds() -> None:
    """Print how reading as many lines grows with the kinds of host among them."""
    print("reading NDJSON from a pipe, by kinds of host")
    for count in (50, 200, 800):
        _row(20_000, count)


def million() -> None:
    """Print what a million lines cost (goal: less than 20 s on one core)."""
    print("a million reports (goal: 20 s on one core)")
    _row(1_000_000, 200)


def comparing() -> None:
    """Print what the baseline of a fleet takes, which depends on its kinds of host only."""
    print("baseline()")
    catalogue = pa.load_catalogue()
    for count in (50, 200, 800):
        hosts = [FleetHost(report=report, count=1000) for report in _reports(count)]
        baseline(catalogue, hosts[:1])  # what platforms rest on is worked out once
        begin = time.perf_counter()
        found = baseline(catalogue, hosts)
        seconds = time.perf_counter() - begin
        print(f"  {count:3} kinds of {found.count:7,} hosts  {seconds * 1e3:7.1f} ms")


if __name__ == "__main__":
    parts = {"lines": lines, "kinds": kinds, "million": million, "baseline": comparing}
    match sys.argv[1:]:
        case ["write", count, number]:
            _write(int(count), int(number))
        case ["drain" | "fleet" as reader]:
            _measured(reader)
        case asked:
            for part in asked or list(parts):
                parts[part]()
