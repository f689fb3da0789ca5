"""What the live migrations need besides QEMUs: guests, hosts, and the matrix in print."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import _unavailable
from tests.live.migration.guest import Cpuid, Linux, make_cpuid, make_linux
from tests.live.migration.hosts import Hosts


@pytest.fixture(autouse=True, scope="module")
def _event_loop() -> Iterator[None]:
    """Give QEMU's blocking client an event loop, which it takes and leaves to others to close."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Linux:
    """Return the Linux guest that ``tests/live/install-guest`` has fetched."""
    folder = os.environ.get("PLATFORM_ABI_LIVE_GUEST")
    if not folder:
        _unavailable("no $PLATFORM_ABI_LIVE_GUEST; tests/live/install-guest can fill a folder")
    if not (Path(folder) / "packages").exists():
        _unavailable(f"no guest in {folder} ($PLATFORM_ABI_LIVE_GUEST)")
    return make_linux(Path(folder).absolute(), tmp_path_factory.mktemp("linux"))


@pytest.fixture(scope="session")
def cpuid(tmp_path_factory: pytest.TempPathFactory) -> Cpuid:
    """Return the guest that says what KVM is to it."""
    compiler = shutil.which("cc")
    if compiler is None:
        _unavailable("no C compiler (cc) on PATH, to build cpuid.S")
    return make_cpuid(compiler, tmp_path_factory.mktemp("cpuid"))


@pytest.fixture(scope="session")
def hosts(
    qemu_binaries: dict[str, Path], old_kernel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Hosts:
    """Return the hosts of which this machine can play the part."""
    folder = tmp_path_factory.mktemp("reports")
    return Hosts(qemus=qemu_binaries, library=old_kernel, folder=folder)


@pytest.fixture(scope="module")
def printed() -> Iterator[list[str]]:
    """Return the lines of the matrix, which are printed at the end (``pytest -s`` shows them)."""
    lines: list[str] = []
    yield lines
    print("", *lines, sep="\n")  # noqa: T201 - what this is for
