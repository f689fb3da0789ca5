"""Whether it is the lockfile's virtual machine at all: how many vCPUs, and how much memory."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.verifier.verify import verify
from tests.verifier.recorded_machine import bare, resolved

_LOCKED = {
    **{f"smp.{key}": "1" for key in ("drawers", "books", "dies", "clusters", "modules", "threads")},
    "smp.cpus": "2",
    "smp.maxcpus": "4",
    "smp.sockets": "1",
    "smp.cores": "4",
    "memory.size": "1024",
    "memory.slots": "0",
}


def _said(
    catalogue: pa.FileCatalogue, locked: dict[str, str] | None, running: dict[str, str]
) -> list[tuple[str, str | None, str | None]]:
    abi = resolved(catalogue)
    labels = {f"device.{label}": label for label in abi.vm.labels()}
    told = None if locked is None else tuple(sorted({**locked, **labels}.items()))
    abi = evolve(abi, vm=evolve(abi.vm, hardware=told))
    vm = evolve(bare(catalogue, abi), hardware=running)
    found = verify(catalogue, abi, vm).findings
    return [(f.code, f.expected, f.found) for f in found if f.code.startswith("hardware")]


def test_what_a_qemu_does_not_tell_is_no_drift(catalogue: pa.FileCatalogue) -> None:
    """An old release has no modules or drawers, and leaves out slots where there are none."""
    older = {"drawers", "books", "modules"}
    running = {key: text for key, text in _LOCKED.items() if key.partition(".")[2] not in older}
    assert [] == _said(catalogue, _LOCKED, _LOCKED)
    assert [] == _said(catalogue, _LOCKED, {k: v for k, v in running.items() if v != "0"})
    assert [] == _said(catalogue, _LOCKED, {})


@pytest.mark.parametrize(
    ("key", "now"),
    [
        ("smp.maxcpus", "8"),
        ("smp.cpus", "3"),
        ("smp.cores", "2"),
        ("memory.size", "2048"),
        ("memory.slots", "2"),
        ("memory.max-size", "4096"),
    ],
)
def test_another_number_is_drift(catalogue: pa.FileCatalogue, key: str, now: str) -> None:
    """By what the lockfile calls it, with both numbers."""
    before = _LOCKED.get(key, "0")
    assert [("hardware", before, now)] == _said(catalogue, _LOCKED, {**_LOCKED, key: now})


def test_a_lockfile_that_says_nothing_is_told_once(catalogue: pa.FileCatalogue) -> None:
    """It is from before there was more to say: no drift, and no silence."""
    assert [("hardware-unsaid", None, None)] == _said(catalogue, None, _LOCKED)
