"""Hosts of which this one plays the part: the same machine behind another kernel's answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from platform_abi import HostReport, read_report

#: What each kernel of the matrix says, in the words of ``old_kernel.c``.
KERNELS: Final[Mapping[str, Mapping[str, str]]] = {
    "this-one": {},
    "6.9": {"OLD_KERNEL_TUN_MASK": "0x180"},
    "5.14": {"OLD_KERNEL_TUN_MASK": "0x1e0"},
    # Only 4.14 lacked it (drivers/net/tun.c); tap_probe_has_ufo of QEMU's net/tap-linux.c asks.
    "no-ufo": {"OLD_KERNEL_TUN_MASK": "0x1f0"},
    "no-vnet-hdr": {"OLD_KERNEL_NO_VNET_HDR": "1"},
    # 5.7 is the last before KVM_FEATURE_ASYNC_PF_INT, bit 14 of CPUID leaf 0x40000001.
    "no-async-pf-int": {"OLD_KERNEL_KVM_PV_MASK": "0x4000"},
}


@frozen(kw_only=True)
class SimulatedHost:
    """A machine: this one with the answers of another *kernel*, and one QEMU.

    *library* is the compiled ``old_kernel.c``.
    """

    kernel: str
    qemu: Path
    library: Path = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process believe to be there; to be added to this process's own."""
        return {
            "LD_PRELOAD": str(self.library),
            "PLATFORM_ABI_QEMU": str(self.qemu),
            **KERNELS[self.kernel],
        }

    def platform_abi(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ``platform-abi`` there, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "platform_abi", *words],
            capture_output=True,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
            check=False,
        )

    def launcher(self, *words: str) -> list[str]:
        """Return the command that becomes QEMU there."""
        return [sys.executable, "-m", "platform_abi", "run", "--", str(self.qemu), *words]


@frozen(kw_only=True)
class Hosts:
    """Every host that there can be: of each kernel, with each of the *qemus*, by version.

    *library* is the compiled ``old_kernel.c``; what a probe has found is kept in *folder*.
    """

    qemus: Mapping[str, Path] = field(repr=False)
    library: Path
    folder: Path

    def pair(
        self, kernels: tuple[str, str], versions: tuple[str, str]
    ) -> tuple[SimulatedHost, SimulatedHost]:
        """Return the two between which a guest is to move."""
        here, there = (
            SimulatedHost(kernel=kernel, qemu=self.qemus[version], library=self.library)
            for kernel, version in zip(kernels, versions, strict=True)
        )
        return here, there

    def verdict(self, lock: Path, ends: tuple[SimulatedHost, SimulatedHost]) -> Any:
        """Return what ``platform-abi check`` says of a migration and of the way back: offline."""
        source, destination = map(self._report, ends)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "platform_abi", "check", str(lock), "--json"),
                *("--from", str(source), "--to", str(destination)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def report(self, host: SimulatedHost) -> HostReport:
        """Return what is known of *host*."""
        return read_report(self._report(host).read_bytes(), host.kernel)

    def _report(self, host: SimulatedHost) -> Path:
        file = self.folder / f"{host.kernel}-{host.qemu.name}.json"
        if not file.exists():
            done = host.platform_abi("host", "--qemu", str(host.qemu), "-o", str(file))
            assert 0 == done.returncode, done.stderr
        return file
