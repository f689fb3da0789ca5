"""The process that starts throw-away processes for a caller, and that ends each with its caller.

A caller may have threads, in which nothing may run between fork and exec; and a process that asks
the kernel for a death signal may be too late, its parent gone before. So the caller never forks.
It starts this program, once, which has one thread and holds nothing of the caller's, and gives it
orders. For each order there is a *guard*, a fork of this process, which moves into namespaces of
its own, forks the process that was asked for, and waits for whichever comes first: the end of the
process, or the end of whoever ordered it. The latter it learns from a socket of which the other
end is the caller's, so that nothing has to be asked for in time; and from the kernel, where it
tells of the end of a process by a descriptor (pidfd_open(2), since Linux 5.3).

Only the standard library, and little of it: this runs in a bare interpreter.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket

from platform_abi.qemu import namespace
from platform_abi.qemu.descriptors import close_all_but
from platform_abi.qemu.orders import (
    CONTAINED,
    DESCRIPTORS,
    END,
    ENDED,
    REFUSED,
    STARTED,
    read_order,
)

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

#: Where a process has its folder where it has its own mounts: a tmpfs that it alone sees and that
#: is gone with it. Elsewhere a folder is made, and removed.
_SCRATCH = "/dev/shm"  # noqa: S108 - a mount of its own over it
_SCRATCH_OPTIONS = "mode=0700,size=64m"

#: What is mounted over a folder that is not to be seen.
_HIDDEN_OPTIONS = "mode=0555,size=4k"

#: What a process can have of its own, by the names of ``contained``.
_PARTS = {
    "network": namespace.NEW_NETWORK,
    "processes": namespace.NEW_PROCESSES,
    "mounts": namespace.NEW_MOUNTS,
}


def main(pid: str) -> None:
    """Take orders from standard input for the process called *pid*, as long as that lives."""
    caller = int(pid)
    os.setsid()  # Ctrl-C at a terminal is for the caller alone
    # What the caller ignores or blocks is inherited, and what it left open.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards are not waited for
    close_all_but()
    alive = _watched(caller)
    orders = socket.socket(fileno=0)
    while True:
        _wait(0, alive)
        word, descriptors, _, _ = socket.recv_fds(orders, 1, DESCRIPTORS)
        if not word:
            os._exit(0)
        if os.fork() == 0:
            os.dup2(1, 0)  # no order is this process's, and nothing else may get this number
            try:
                *streams, line = descriptors
                _guard(streams, line, alive)
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)


def _watched(caller: int) -> int:
    """Return a descriptor that tells of the end of *caller*, or -1; end where that has come."""
    alive = -1
    with contextlib.suppress(AttributeError, OSError):
        alive = os.pidfd_open(caller)
    # Nobody else can have had its number while it was the parent of this process.
    if os.getppid() != caller:
        os._exit(0)
    return alive


def _wait(*descriptors: int) -> list[int]:
    """Return which of *descriptors* have something to say, or have closed; -1 never has."""
    poll = select.poll()
    for descriptor in descriptors:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll()]


def _guard(streams: list[int], line: int, alive: int) -> NoReturn:
    """Start the process that is ordered on *line*, see it to its end, and say so there."""
    os.setsid()
    folders, command, environment = _ordered(line)
    contained = contain(*folders)
    if not command:
        _say(line, CONTAINED, " ".join(contained))
        os._exit(0)
    folder, made = _folder(contained)
    ended, ends = os.pipe()
    os.set_blocking(ends, False)
    signal.set_wakeup_fd(ends)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    here, there = socket.socketpair()
    process = os.fork()
    if process == 0:
        here.close()
        _become(there, streams, folder, command, environment)
    for descriptor in (*streams, there.detach()):
        os.close(descriptor)
    # Until it is executed, or not.
    heard = _wait(here.fileno(), line, alive)
    refusal = here.recv(16) if here.fileno() in heard else b""
    _say(line, REFUSED if refusal else STARTED, refusal.decode() or str(process))
    if not refusal:
        _wait(ended, line, alive)
    status = _end(process)
    if made:
        _remove(folder)
    _say(line, ENDED, str(status))
    os._exit(0)


def _ordered(line: int) -> tuple[list[str], list[str], dict[str, str]]:
    """Return what is ordered on *line*: folders, a command, an environment."""
    text = b""
    while not text.endswith(END):
        chunk = os.read(line, 1 << 16)
        if not chunk:
            os._exit(0)  # the caller is gone
        text += chunk
    return read_order(text)


def _say(line: int, word: bytes, value: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        os.write(line, b"%s %s\n" % (word, value.encode()))


def contain(writable: str = "", *hidden: str) -> list[str]:
    """Move this process into namespaces of its own, and return which it could have.

    Without the privilege a user namespace comes with them. Where it may have its own mounts it can
    write no file but those below *writable*, and those in a folder of its own; folders that are to
    be *hidden* are empty for it.
    """
    user, group = os.geteuid(), os.getegid()
    everything = namespace.NEW_NETWORK | namespace.NEW_PROCESSES | namespace.NEW_MOUNTS
    had = list(_PARTS)
    try:
        namespace.unshare(everything)
    except (OSError, AttributeError):
        try:
            namespace.unshare(namespace.NEW_USERS | everything)
            with contextlib.suppress(OSError):
                namespace.as_root(user, group)
        except (OSError, AttributeError):
            had = [name for name, flag in _PARTS.items() if _has(flag)]
    if "mounts" in had:
        try:
            namespace.private_mounts()
            for folder in hidden:
                namespace.scratch(folder, _HIDDEN_OPTIONS)
            namespace.read_only(writable)
        except OSError:
            had.remove("mounts")
        else:
            with contextlib.suppress(OSError):
                namespace.scratch(_SCRATCH, _SCRATCH_OPTIONS)
                had.append("folder")
    namespace.gain_nothing()
    return had


def _has(flag: int) -> bool:
    try:
        namespace.unshare(flag)
    except (OSError, AttributeError):
        return False
    return True


def _folder(contained: list[str]) -> tuple[str, bool]:
    """Return a folder that is the process's own, and whether it was made and has to be removed."""
    if "folder" in contained:
        return _SCRATCH, False
    if "mounts" in contained:
        return "/", False  # nothing can be written there, as nowhere
    folder = f"{os.environ.get('TMPDIR') or '/tmp'}/platform-abi-{os.urandom(8).hex()}"  # noqa: S108 - made exclusively
    os.mkdir(folder, 0o700)  # noqa: PTH102 - start-up time
    return folder, True


def _become(
    guard: socket.socket,
    streams: list[int],
    folder: str,
    command: list[str],
    environment: dict[str, str],
) -> NoReturn:
    """Become *command*; say the error's number to *guard* where the system refuses."""
    kept = os.dup(guard.fileno())
    os.set_inheritable(kept, False)
    try:
        namespace.die_with_parent()
        # The guard may have died before the kernel was asked, but not without closing its end.
        poll = select.poll()
        poll.register(guard, 0)
        if poll.poll(0):
            os._exit(1)
        os.setsid()
        os.chdir(folder)
        for target, source in enumerate(streams):
            os.dup2(source, target)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        close_all_but(kept)
        os.execve(command[0], command, {**environment, "TMPDIR": folder})  # noqa: S606 - the order
    except OSError as error:
        os.write(kept, str(error.errno).encode())
        # The guard says so before anybody sees the streams close.
        signal.pause()
    finally:
        os._exit(1)


def _end(process: int) -> int:
    """Kill *process* and its group, and return its exit status, negative for a signal.

    One that has ended by itself keeps its status: it is not waited for before, so that until then
    nobody else can have its number, or its group's.
    """
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
