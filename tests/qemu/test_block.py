"""What is started is waited for, and ended however its block ends."""

from __future__ import annotations

import contextlib

import pytest

from platform_abi.qemu.block import Block


class _Recorded(Block):
    """Says what becomes of it; *refused* does not start."""

    def __init__(self, *, refused: bool = False) -> None:
        self.steps: list[str] = []
        self._refused = refused
        self._cleanup = contextlib.ExitStack()

    def start(self) -> None:
        self.steps.append("start")
        self._cleanup.callback(self.steps.append, "end")

    def _await_start(self) -> None:
        self.steps.append("wait")
        if self._refused:
            raise KeyboardInterrupt


def test_a_block_starts_waits_and_ends() -> None:
    """In that order, and once each."""
    with _Recorded() as block:
        assert ["start", "wait"] == block.steps
    assert ["start", "wait", "end"] == block.steps


def test_what_does_not_start_is_ended() -> None:
    """Whatever was raised meanwhile, which is not swallowed."""
    block = _Recorded(refused=True)
    with pytest.raises(KeyboardInterrupt):
        block.__enter__()
    assert ["start", "wait", "end"] == block.steps


def test_who_does_something_meanwhile_does_not_wait() -> None:
    """The block's end is enough."""
    block = _Recorded()
    block.start()
    block.__exit__()
    assert ["start", "end"] == block.steps
