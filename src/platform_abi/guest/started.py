"""A QEMU that is started paused to be looked at, by as much as its board takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from platform_abi.guest.board_bus import BoardBus, board_bus
from platform_abi.model.guest import GuestBoard
from platform_abi.qemu.paused import PausedQemu
from platform_abi.qemu.qtest import Accesses, Qtest, StartError, accelerator_words
from platform_abi.qemu.stdio_qmp import QmpError

#: The ports and the memory of a machine, and the bus of its board's own, if it has one.
LookedAt = tuple[Accesses, BoardBus | None]


@contextlib.contextmanager
def looked_at(
    binary: str, arguments: Sequence[str], board: GuestBoard, *, timeout: float
) -> Iterator[LookedAt]:
    """Start *binary* with a machine on *board*, and yield what it is looked at by, for a block.

    Raises what ``Qtest`` does: StartError where it refuses the *arguments*.
    """
    if not board.channels:
        with Qtest(binary, arguments, timeout=timeout) as qtest:
            yield qtest, board_bus(board, qtest, None)
        return
    words = [*accelerator_words(arguments), *arguments]
    with contextlib.ExitStack() as stack:
        qemu = PausedQemu(binary, words, timeout=timeout)
        try:
            stack.enter_context(qemu)
        except QmpError as error:
            raise _not_started(qemu, error) from None
        yield qemu.guest, board_bus(board, qemu.guest, qemu.qmp)


def _not_started(qemu: PausedQemu, error: QmpError) -> StartError:
    first, *details = error.lines
    failed = StartError(first, code=error.code, help=error.help, details=details)
    failed.stderr = qemu.qmp.stderr
    failed.status = None if error.code == "qemu-timeout" else qemu.qmp.end()
    return failed
