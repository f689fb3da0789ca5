"""The random proof on other architectures: what is allowed moves, and what is blocked does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

import platform_abi as pa
from tests.live.proof.elsewhere import BOARDS, VERSIONS, draw_elsewhere, play_elsewhere

pytestmark = pytest.mark.live

#: So many trials are drawn in CI; more by ``python -m tests.live.proof --arch``.
_TRIALS: Final = 5
_SEED: Final = 2026


@pytest.mark.parametrize("arch", sorted(BOARDS))
def test_what_is_allowed_moves(
    arch: str, catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path]
) -> None:
    """Between builds and within them, whatever the devices: no surprise, and no caution."""
    folder = {qemu_binaries[version].parent for version in VERSIONS}.pop()
    for version in VERSIONS:
        if not os.access(folder / f"qemu-system-{arch}-{version}", os.X_OK):
            if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
                pytest.fail(f"required, but missing: QEMU {version} of {arch}", pytrace=False)
            pytest.skip(f"no QEMU {version} of {arch}; tests/live/install-qemu can get it")
    trials = [draw_elsewhere(catalogue, arch, _SEED, number) for number in range(_TRIALS)]
    ends = [play_elsewhere(catalogue, folder, trial) for trial in trials]
    assert [str(end) for end in ends if end.kind in ("surprise", "caution", "void")] == []


@pytest.mark.parametrize("arch", sorted(BOARDS))
def test_a_seed_and_a_number_are_a_trial(arch: str, catalogue: pa.FileCatalogue) -> None:
    """The same one each time, and another for another."""
    first = draw_elsewhere(catalogue, arch, 1, 7)
    assert draw_elsewhere(catalogue, arch, 1, 7) == first
    drawn = {str(draw_elsewhere(catalogue, arch, seed, 7)) for seed in range(10)}
    assert len(drawn) > 5
