"""The probing process: one small child of the caller, which forks once more for each group.

A caller may have threads, where forking is unsafe; a filter may kill whoever calls ioctl; a device
may never answer. So nothing is asked in the caller's process, and each group of questions has a
process of its own with a time limit. A group that dies or hangs takes no other along.

Nothing here outlives the caller's question: the caller kills this process group when it has what
it wants, every process has an alarm of its own in case there is no caller any more, and one that
even SIGKILL does not end is left behind rather than waited for.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence

from platform_abi.host.reply import Question, errno_name, killed_by, say
from platform_abi.qemu.descriptors import close_all_but

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

#: How long a killed process may take to go, in seconds: a device may keep it for ever.
_GRACE = 0.5


def main() -> None:
    """Read what is asked from standard input and answer it, group by group."""
    # What the caller ignores or blocks is inherited, and what it left open.
    close_all_but()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGCHLD, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    with open(0, "rb", closefd=False) as file:
        order = json.load(file)
    limit: float = order["timeout"]
    signal.setitimer(signal.ITIMER_REAL, limit + 4 * _GRACE)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))
    running = _start(order, limit)
    _reap(running, time.monotonic() + limit, "")
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    # What is left now hangs in the kernel.
    _reap(running, time.monotonic() + _GRACE, f"no answer in {limit:g} s")
    say("done")
    os._exit(0)


def _start(order: dict[str, Any], limit: float) -> dict[int, int]:
    """Fork for each group, and return the process ids with the groups' numbers."""
    _import_shared({group["family"] for group in order["groups"]})
    running: dict[int, int] = {}
    for number, group in enumerate(order["groups"]):
        try:
            pid = os.fork()
        except OSError as error:
            say("ended", number, f"{errno_name(error)} from fork")
            continue
        if pid == 0:
            _run(order, group, number, limit)
        running[pid] = number
    return running


def _import_shared(families: set[str]) -> None:
    """Import what several groups need, once before there are processes that each would."""
    if families - {"kernel", "file"}:
        from platform_abi.host import nodes  # noqa: F401 - for the processes to come
    if families >= {"tun", "macvtap"}:
        from platform_abi.host import tun  # noqa: F401 - as above


def _run(order: dict[str, Any], group: dict[str, Any], number: int, limit: float) -> NoReturn:
    """Answer one group, in its own process."""
    try:
        signal.setitimer(signal.ITIMER_REAL, limit + 2 * _GRACE)
        questions = [Question(words) for words in group["questions"]]
        _answer(group["family"], questions, order["config"])
    except OSError as error:
        say("ended", number, f"{errno_name(error)} from the probe")
    except Exception as error:  # noqa: BLE001 - it is told, as unknown
        say("ended", number, f"{type(error).__name__} in the probe")
    finally:
        os._exit(0)


def _answer(family: str, questions: Sequence[Question], options: Sequence[str]) -> None:
    """Answer *questions* with the module that knows how; each is imported where it is needed."""
    if family == "kernel":
        from platform_abi.host.kernel import answer as kernel

        kernel(options)
    elif family == "file":
        from platform_abi.host.files import answer as files

        files(questions)
    elif family == "kvm":
        from platform_abi.host.kvm import answer as kvm

        kvm(questions)
    elif family == "tun":
        from platform_abi.host.tun import answer as tun

        tun(questions)
    elif family == "macvtap":
        from platform_abi.host.macvtap import answer as macvtap

        macvtap(questions)
    else:
        from platform_abi.host.nodes import answer as nodes

        nodes(questions)


def _reap(running: dict[int, int], until: float, reason: str) -> None:
    """Wait for groups to end, at most *until* then; those left get *reason*, if it is one."""
    while running:
        for pid, number in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            del running[pid]
            if reason or os.WIFSIGNALED(status):
                say("ended", number, reason or killed_by(os.WTERMSIG(status)))
        left = until - time.monotonic()
        if left <= 0:
            break
        if running:
            signal.sigtimedwait((signal.SIGCHLD,), left)
    if reason:
        for number in running.values():
            say("ended", number, reason)
