"""QEMU's own command line: what it takes, and what it makes of one with a platform in it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import described
from platform_abi.launch.rewrite import rewrite
from platform_abi.qemu.stdio_qmp import Qmp

pytestmark = pytest.mark.live

#: What ``-help`` begins a line with: an option, sometimes two of one kind, or two names of one.
_HELP = re.compile(r"^-(?P<one>[A-Za-z][\w-]*)(?:/-(?P<two>[\w-]+)| or -(?P<other>[\w-]+))?")

#: Machine types that every QEMU here has.
MACHINE = "pc-q35-7.2"


def _takes(binary: Path, option: str) -> bool | None:
    """Return whether QEMU takes an argument with *option*, None where it has no such option."""
    words = [str(binary), f"-{option}", "-first-of-two", "-second-of-two"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    for word, answer in (("-first-of-two", False), ("-second-of-two", True)):
        if f"{word}: invalid option" in done.stderr:
            return answer
    return None


def _named(binary: Path) -> set[str]:
    done = subprocess.run([binary, "-help"], capture_output=True, text=True, timeout=30, check=True)
    matches = (_HELP.match(line) for line in done.stdout.splitlines())
    return {name for match in matches if match for name in match.groups() if name}


def test_the_options_are_those_of_the_binary(catalogue: pa.FileCatalogue, qemu: Path) -> None:
    """Every option that -help names is known, and takes an argument exactly if QEMU says so."""
    table = catalogue.options()
    found = {name: _takes(qemu, name) for name in _named(qemu)}
    assert len(found) > 100
    known = {name: name in table.argument for name in {*table.argument, *table.plain}}
    wrong = {n for n, takes in found.items() if takes is not None and known.get(n) != takes}
    assert set() == wrong


@pytest.mark.parametrize("platform", ["linux-6.1", "linux-6.17", "conservative"])
@pytest.mark.parametrize(
    "text",
    [
        f"-M {MACHINE} -nodefaults -netdev user,id=n0 -device virtio-net-pci,netdev=n0,id=a",
        (
            f"-machine type={MACHINE},smm=off -accel tcg -nodefaults -netdev user,id=n0 -device "
            '\'{"driver": "virtio-net-pci", "netdev": "n0", "id": "a", "mq": true}\''
        ),
        (
            f"--machine {MACHINE} --nodefaults -netdev tap,id=n0,script=no,downscript=no -netdev "
            "user,id=n1 -device virtio-net-pci,netdev=n0,id=a -device "
            '\'{"driver": "virtio-net-pci", "netdev": "n1", "id": "b"}\''
        ),
        (
            f"-accel tcg -M {MACHINE} -cpu EPYC-v3 -global virtio-net-device.mrg_rxbuf=off -netdev "
            "user,id=n0 -device virtio-net-pci,netdev=n0,id=a,host_tso4=off -device virtio-rng-pci"
        ),
        f"-M {MACHINE} -nic user,model=virtio-net-pci -drive if=virtio,driver=null-co,size=1M",
    ],
)
def test_qemu_has_the_values_that_were_resolved(
    catalogue: pa.FileCatalogue, qemu: Path, can_tap: None, text: str, platform: str
) -> None:
    """On each device, whichever way it was named, read back from the object itself."""
    del can_tap
    line = read_command_line(catalogue.options(), [*shlex.split(text), "-platform", platform])
    found = described(catalogue, line, arch="x86_64")
    abi = pa.resolve(catalogue, found.vm, platform, hotplug=True)
    words = rewrite(catalogue, line, found, abi)
    compared = 0
    with Qmp(str(qemu), words, timeout=60) as monitor:
        for label, device in zip(abi.vm.labels(), abi.vm.devices, strict=True):
            if device.id is None or not device.driver.startswith("virtio-net"):
                continue
            path = f"/machine/peripheral/{device.id}/virtio-backend"
            ours = [s for s in abi.settings if s.driver.startswith("virtio-net")]
            # A -global is for all, a value of the device's own beats it.
            wanted = {s.property: s.value for s in ours if s.device is None}
            wanted |= {s.property: s.value for s in ours if s.device == label}
            own = dict(device.properties)
            for name, value in wanted.items():
                real = monitor.execute("qom-get", path=path, property=name)
                if isinstance(real, bool):
                    assert (own.get(name, value) == "on") == real, (label, name)
                    compared += 1
        if "smm=off" in text:
            assert monitor.execute("qom-get", path="/machine", property="smm") == "off"
    assert compared or "-nic" in text


def test_a_device_that_is_plugged_in_has_the_platforms_values(
    catalogue: pa.FileCatalogue, qemu: Path
) -> None:
    """Even where the virtual machine was started without any of its kind."""
    words = [
        "-M",
        MACHINE,
        "-nodefaults",
        "-device",
        "pcie-root-port,id=downstream",
        "-accel",
        "tcg",
    ]
    values = {}
    for platform in ("linux-6.1", "conservative"):
        line = read_command_line(catalogue.options(), [*words, "-platform", platform])
        found = described(catalogue, line, arch="x86_64")
        abi = pa.resolve(catalogue, found.vm, platform, hotplug=True)
        with Qmp(str(qemu), rewrite(catalogue, line, found, abi), timeout=60) as monitor:
            monitor.execute("device_add", driver="virtio-net-pci", bus="downstream", id="late")
            path = "/machine/peripheral/late/virtio-backend"
            values[platform] = monitor.execute("qom-get", path=path, property="host_tso4")
    assert {"linux-6.1": True, "conservative": False} == values
