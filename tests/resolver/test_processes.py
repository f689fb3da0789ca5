"""One answer in every process: no hash seed, locale, time zone, folder or order of files shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import settings

from tests.conftest import DEFINITIONS, PACKAGES

#: Resolves so many random virtual machines, and prints for each a digest of all that is made of it.
#: With "reversed" folders list their files the other way round, as another file system may.
_PROGRAM = """
import hashlib, json, os, random, sys
import platform_abi as pa

definitions, count, order = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if order == "reversed":
    listed = os.scandir

    class Reversed:
        def __init__(self, path):
            self.entries = reversed(list(listed(path)))
        def __enter__(self):
            return self.entries
        def __exit__(self, *_):
            pass

    os.scandir = Reversed
catalogue = pa.FileCatalogue([definitions])
host = pa.HostReport(system="linux", arch="x86_64")
builds = catalogue.builds("x86_64")
devices = (
    "virtio-net-pci,netdev=n0,id=a", "virtio-net-pci,netdev=n1,csum=off", "virtio-blk-pci",
    "vhost-vsock-pci,guest-cid=3", "virtio-rng-pci,id=r", "e1000e,netdev=n0", "virtio-gpu-pci",
)
netdevs = (
    ("tap,id=n0", "user,id=n1"), ("tap,id=n0,vhost=on", "tap,id=n1"),
    ("user,id=n0", "socket,id=n1,listen=:1"),
)
globals_ = ("virtio-net-device.csum=off", "virtio-net-pci.gso=on", "virtio-net-pci.host_uso=on")
for number in range(count):
    chance = random.Random(number)
    build = chance.choice(builds)
    machines = [m for m in catalogue.build(build, "x86_64").machines if m.startswith("pc-")]
    vm = pa.virtual_machine(
        catalogue.devices(),
        chance.choice(machines),
        accelerator=chance.choice(("kvm", "tcg")),
        devices=chance.sample(devices, chance.randrange(len(devices) + 1)),
        netdevs=chance.choice(netdevs),
        globals_=chance.sample(globals_, chance.randrange(3)),
        build=build,
    )
    platform = chance.choice(catalogue.platform_names())
    try:
        abi = pa.resolve(catalogue, vm, platform)
        lock = pa.lockfile(catalogue, abi)
        again = pa.read_lock(lock, "a lock", catalogue=catalogue)
        assert pa.lockfile(catalogue, again) == lock
        assert pa.arguments(again) == pa.arguments(abi)
        said = [lock, json.dumps(pa.abi_document(abi)), repr(pa.check(catalogue, again, host))]
    except pa.PlatformAbiError as error:
        said = [str(error), repr(error.code)]
    print(hashlib.sha256("\\0".join(said).encode()).hexdigest(), len(said))
"""


def _digests(folder: Path, count: int, order: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, DEFINITIONS, str(count), order],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"HOME": str(folder), "PYTHONPATH": PACKAGES, **environment},
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


def test_every_process_says_the_same(tmp_path: Path) -> None:
    """Lockfile, document and verdict of random machines are the same to the byte, everywhere.

    And a lockfile that is read says what was written.
    """
    count = settings().max_examples
    one = _digests(tmp_path, count, "as listed", PYTHONHASHSEED="1", LC_ALL="C", TZ="Asia/Tokyo")
    other = _digests(
        Path(os.sep), count, "reversed", PYTHONHASHSEED="2", LC_ALL="C.UTF-8", TZ="America/Adak"
    )

    assert one == other
    assert count == len(one)
    assert 2 * sum(line.endswith(" 3") for line in one) > count  # most are no errors
