"""What a QEMU prints that is built into its program: kept under that program's identity.

Its version and the netdevs that it has are constants (version in system/vl.c, show_netdevs in
net/net.c): no module and nothing of the host changes them. So a program that has printed them once,
and that is known by its file (``identity``), is not started for them again. What starts another
program is asked each time, for what it starts may change while it does not.

Nothing depends on what is kept: it is what would be printed, and may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import os

from platform_abi.errors import HostError
from platform_abi.qemu.binary import qemu_path
from platform_abi.qemu.netdevs import NetdevQuestions, netdev_report
from platform_abi.qemu.program import file_identity

# As in ``netdevs``.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from platform_abi.model.capability import Capability
    from platform_abi.model.host import HostReport
    from platform_abi.qemu.stdio_qmp import Qmp

_SUFFIX = ".printed"

#: A QEMU prints half a kilobyte. In bytes.
_MAX_SIZE = 64 * 1024

#: As of what was learned: a QEMU that is gone never comes back under its identity.
_MOST_KEPT = 64


class PrintedQuestions:
    """What *binary* is asked of its version and its netdevs, if need be, for the time of a block.

    Entering waits for nothing, and raises HostError as that of ``NetdevQuestions`` does.
    """

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._questions = NetdevQuestions(binary)
        self._standing: Qmp | None = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        path = qemu_path(self._binary, os.environ, "")
        self._identity = file_identity(path)
        self._printed = None if self._identity is None else kept_printed(self._identity)
        if self._printed is None:
            with contextlib.ExitStack() as stack:
                stack.enter_context(self._questions)
                if self._identity is not None and _may_keep():
                    self._stand(path, stack)
                self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _stand(self, path: str, stack: contextlib.ExitStack) -> None:
        """Start one more that stays, to see whether what runs is the program of the file *path*."""
        from platform_abi.qemu.identity import NO_MACHINE, named_process, process_name
        from platform_abi.qemu.stdio_qmp import Qmp

        self._path, self._name = path, process_name()
        self._standing = Qmp(path, (*named_process(self._name), *NO_MACHINE))
        self._standing.start()
        stack.push(self._standing)

    def answer(self, capabilities: Mapping[str, Capability], timeout: float) -> HostReport:
        """Return what ``ask_netdevs`` does, *timeout* seconds from now at the latest."""
        if self._printed is not None:
            return netdev_report(capabilities, self._binary, self._printed)
        printed = self._questions.printed(timeout)
        report = netdev_report(capabilities, self._binary, printed)
        self._keep(printed, timeout)
        return report

    def _keep(self, printed: tuple[str, ...], timeout: float) -> None:
        """Keep what was *printed* where it is certain which program has printed it."""
        if self._standing is None or self._identity is None:
            return
        from platform_abi.definitions.state import user_folder
        from platform_abi.qemu.identity import running_identity

        folder = user_folder()
        with contextlib.suppress(HostError, OSError, ValueError):
            self._standing.greet(timeout)
            seen = running_identity(self._name, self._path)
            if folder and seen is not None and seen.itself and seen.program == self._identity:
                keep_printed(folder, self._identity, printed)


def printed_version(binary: str) -> str | None:
    """Return what *binary* has printed of its version, None where that is not kept."""
    identity = file_identity(qemu_path(binary, os.environ, ""))
    printed = None if identity is None else kept_printed(identity)
    return None if printed is None else printed[0]


def ask_and_keep(binary: str, identity: str, folder: str, *, shared: bool = False) -> str | None:
    """Ask *binary* what it prints, keep that in *folder* and return the name of the file.

    *identity* is that of the QEMU that *binary* starts. None where it is not that program itself.
    Raises HostError where it does not answer; OSError, ValueError and HostError where that cannot
    be kept.
    """
    path = qemu_path(binary, os.environ, "")
    if file_identity(path) != identity:
        return None
    with NetdevQuestions(path) as questions:
        printed = questions.printed(_TIMEOUT)
    netdev_report({}, binary, printed)
    return keep_printed(folder, identity, printed, shared=shared)


#: In seconds.
_TIMEOUT = 10.0


# --- keeping -------------------------------------------------------------------------------------


def _may_keep() -> bool:
    """Return whether this user has a folder to keep things in, or may make it."""
    from platform_abi.definitions.state import user_folder

    folder = user_folder()
    if folder is None:
        return False
    while not os.path.isdir(folder):  # noqa: PTH112 - start-up time
        folder = os.path.dirname(folder)  # noqa: PTH120 - as above
    return os.access(folder, os.W_OK | os.X_OK)


def printed_file(folder: str, identity: str) -> str:
    """Return the file in *folder* that holds what the program of *identity* prints."""
    return f"{folder}/{identity.replace(':', '-')}{_SUFFIX}"


def kept_printed(identity: str) -> tuple[str, ...] | None:
    """Return what is kept of the program of *identity*, None where nothing can be relied on."""
    from platform_abi.definitions.state import state_folders

    return next(filter(None, (_read(folder, identity) for folder in state_folders())), None)


def _read(folder: str, identity: str) -> tuple[str, ...] | None:
    from platform_abi.definitions.compiled import check_sum
    from platform_abi.files import read_bytes, untrusted

    file = printed_file(folder, identity)
    try:
        if untrusted(file):
            return None
        data = read_bytes(file, _MAX_SIZE)
    except (OSError, ValueError, HostError):
        return None
    expected, _, rest = data.partition(b"\n")
    if expected != b"%d" % check_sum(rest):
        return None
    import json

    of, *printed = json.loads(rest)
    return tuple(printed) if of == identity else None


def keep_printed(
    folder: str, identity: str, printed: tuple[str, ...], *, shared: bool = False
) -> str:
    """Keep what the program of *identity* has *printed* in *folder*; return the file's name.

    Raises what ``keep_text`` raises.
    """
    import json

    from platform_abi.definitions.compiled import check_sum
    from platform_abi.definitions.state import drop_oldest, keep_text

    text = json.dumps([identity, *printed])
    file = printed_file(folder, identity)
    keep_text(file, f"{check_sum(text.encode())}\n{text}", shared=shared)
    every = [f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(_SUFFIX)]  # noqa: PTH208 - a name may hold any bytes
    drop_oldest(every, _MOST_KEPT)
    return file
