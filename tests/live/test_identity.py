"""Real QEMUs are told by what they are, through a loader and a script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_abi.qemu.identity import qemu_identity
from platform_abi.qemu.program import file_identity

pytestmark = pytest.mark.live


def test_a_wrapper_is_the_qemu_behind_it(qemu: Path) -> None:
    """The file that the loader was given is what is told, and the wrapper is not it."""
    found = qemu_identity(str(qemu))
    assert found is not None
    assert found.program.startswith("build-id:")
    assert not found.itself or os.environ.get("PLATFORM_ABI_LIVE_QEMU") is None
    roots = [*qemu.parent.parent.glob("*/root/usr/bin/qemu-system-x86_64"), qemu]
    assert found.program in {file_identity(str(path)) for path in roots}


def test_no_two_versions_are_one(qemu_binaries: dict[str, Path]) -> None:
    """Each has an identity of its own."""
    found = [qemu_identity(str(path)) for path in qemu_binaries.values()]
    assert None not in found
    assert len({each.program for each in found if each is not None}) == len(found)
