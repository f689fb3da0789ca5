"""Real taps that a launcher hands to QEMU: each is what the kernel says of it."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from platform_abi.launch.host_files import ThisHostFiles

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("can_tap")]

#: include/uapi/linux/if_tun.h
_TUNSETIFF: Final = 0x400454CA
_TAP, _MULTI_QUEUE, _NO_PI, _VNET_HDR = 0x0002, 0x0100, 0x1000, 0x4000

_INCOMING: Final = ("-incoming", "defer")


@contextmanager
def _tap(flags: int) -> Iterator[int]:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        request = struct.pack("16sH22x", b"pa%d", _TAP | _NO_PI | flags)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("more", [0, _MULTI_QUEUE])
@pytest.mark.parametrize("header", [0, _VNET_HDR])
def test_a_descriptor_is_asked_as_qemu_does(header: int, more: int) -> None:
    """TUNGETIFF tells what TUNSETIFF was given; who hands nothing on has nobody to ask."""
    with _tap(header | more) as descriptor:
        asked = ThisHostFiles(handed_on=True).tap_option("vnet_hdr", str(descriptor))
        assert bool(header) is asked
        assert ThisHostFiles().tap_option("vnet_hdr", str(descriptor)) is None


#: Prints what is said of a macvtap's node, which is the only argument.
_ASK: Final = """
import os, sys
from platform_abi.launch.host_files import ThisHostFiles
files, tap = ThisHostFiles(handed_on=True), str(os.open(sys.argv[1], os.O_RDWR))
print(files.is_tun(tap), files.tap_option("vnet_hdr", tap))
"""


def test_a_macvtap_is_none_of_the_tun_device() -> None:
    """Though it answers what a tap does."""
    with _tap(_VNET_HDR) as descriptor:
        assert ThisHostFiles(handed_on=True).is_tun(str(descriptor)) is True
    number = 0x6FFF_0000 + os.getpid()
    script = (
        "ip link add v0 type veth peer name v1 && "
        f"ip link add link v0 name m0 index {number} type macvtap && "
        f'{sys.executable} -c "$1" /dev/tap{number}'
    )
    command = ["unshare", "--net", "sh", "-c", script, "sh", _ASK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no macvtap can be made here: {done.stderr}")
    assert done.stdout.split() == ["False", "True"]


def test_a_launcher_gives_a_tap_what_it_can_carry(
    qemu_binaries: dict[str, Path], tmp_path: Path
) -> None:
    """No offload without a header; and a lockfile's virtual machine is not given another tap."""
    locks = {header: tmp_path / f"{header}.lock" for header in (0, _VNET_HDR)}

    def start(header: int, lock: Path, *more: str) -> tuple[int, dict[str, Any]]:
        with _tap(header) as descriptor:
            words = (
                *("-platform", f"linux-6.1,lock={lock}", "-machine", "pc-q35-7.2", "-nodefaults"),
                *("-netdev", f"tap,id=n0,fd={descriptor}", "-accel", "tcg", "-S"),
                *("-device", "virtio-net-pci,netdev=n0,id=net0", "-display", "none", *more),
            )
            printing = () if "-monitor" in more else ("--print-args", "--json")
            verb = (sys.executable, "-m", "platform_abi", "run", "--qemu")
            done = subprocess.run(
                [*verb, str(qemu_binaries["10.0"]), *printing, "--", *words],
                pass_fds=[descriptor],
                input="quit\n",
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        return done.returncode, json.loads(done.stdout) if done.stdout[:1] == "{" else {}

    for header, lock in locks.items():
        status, said = start(header, lock)
        assert 0 == status
        csum = [w for w in said["arguments"] if w.startswith("virtio-net-device.csum=")]
        assert [f"virtio-net-device.csum={'on' if header else 'off'}"] == csum
        assert "taken to" not in json.dumps(said)
        # QEMU itself is started, writes the lockfile before, and ends by its monitor.
        start(header, lock, "-monitor", "stdio")
        assert lock.exists()
        assert 0 == start(header, lock, *_INCOMING)[0]
    assert 0 != start(0, locks[_VNET_HDR], *_INCOMING)[0]
