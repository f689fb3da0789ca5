"""A KVM of another architecture that answers from a file: see recorded_ioctl.c.

It compares what is asked to the byte: numbers of requests, sizes and order of bytes are those of
the kernel's headers. What only a real KVM could show is not shown here.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from attrs import evolve, field, frozen

import platform_abi as pa
from platform_abi.host.probe import probe
from platform_abi.model.capability import Capability
from platform_abi.model.host import HostReport


def build_library(folder: Path) -> Path:
    """Return the library that answers, built in *folder*; skips the test without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) on PATH, to build recorded_ioctl.c")
    library = folder / "recorded_ioctl.so"
    source = Path(__file__).with_name("recorded_ioctl.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source, "-ldl"],
        check=True,
        timeout=60,
    )
    return library


def asked_of(catalogue: pa.FileCatalogue, arch: str) -> dict[str, Capability]:
    """Return what is asked of the KVM of *arch* alone, as if this host were one."""
    return {
        name: evolve(known, arch=())
        for name, known in catalogue.capabilities().items()
        if known.arch == (arch,)
    }


@frozen(kw_only=True)
class RecordedHosts:
    """Hosts of one architecture, each a file in *replies*; *folder* is for what a test changes."""

    patch: pytest.MonkeyPatch = field(repr=False)
    asked: dict[str, Capability] = field(repr=False)
    replies: Path
    folder: Path

    def host(self, name: str, *without: str) -> HostReport:
        """Return what is found of the host in file *name*, *without* lines that begin so."""
        text = (self.replies / f"{name}.txt").read_text()
        lines = [line for line in text.splitlines() if not line.startswith(without or ("\0",))]
        return self.host_of(name, "\n".join(lines) + "\n")

    def host_of(self, name: str, text: str) -> HostReport:
        """Return what is found of a host that answers with *text*."""
        (self.folder / name).write_text(text)
        self.patch.setenv("RECORDED_IOCTL", str(self.folder / name))
        return probe(self.asked)

    def unknown_requests(self, name: str) -> set[str]:
        """Return what was asked of host *name* and is in no line."""
        path = self.folder / f"{name}.unknown"
        return set(path.read_text().splitlines()) if path.exists() else set()
