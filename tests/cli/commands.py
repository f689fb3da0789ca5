"""Command lines of the program, and running them in this process."""

from __future__ import annotations

import pytest

from platform_abi.cli import main
from tests.resolver.shipped import PINNED_CPU

RESOLVE = ["resolve", "-M", "pc-q35-9.1", "--platform", "linux-6.9"]
NIC = ["--device", "virtio-net-pci,netdev=n0,id=nic0", "--netdev", "tap,id=n0"]
PINNED = [*RESOLVE, *NIC, "--cpu", PINNED_CPU]

Run = pytest.CaptureFixture[str]


def run_command(capsys: Run, *words: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of one command in this process."""
    try:
        code = main(words)
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err
