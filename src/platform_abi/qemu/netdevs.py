"""What a QEMU binary is and which network backends it was built with, in milliseconds."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack

from platform_abi.errors import HostError, printable

# What is asked may have to be under way before anything else is imported. typing costs as much;
# type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from platform_abi.model.capability import Capability
    from platform_abi.model.host import HostReport
    from platform_abi.qemu.process import Throwaway

#: The method of probes whose *node* is a type that ``-netdev`` takes.
NETDEV_METHOD = "qemu-netdev"

#: ``QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)``: system/vl.c, version(). The other
#: programs of QEMU's say another first word.
_VERSION = re.compile(
    r"^QEMU emulator version (?P<version>\S+)(?: \((?P<package>.*)\))?$", re.MULTILINE
)

#: net/net.c, show_netdevs(): a heading, then one type a line.
_NETDEVS = re.compile(
    r"^Available netdev backend types:\n(?P<types>(?:[a-z0-9-]+\n)+)", re.MULTILINE
)


_QUESTIONS = (("--version",), ("-machine", "none", "-netdev", "help"))


class NetdevQuestions:
    """What *binary* is asked about itself, from the beginning of a block to its end.

    Entering waits for nothing: it raises HostError (``qemu-not-found``, ``qemu-failed``) where
    there is nothing to be asked.
    """

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._cleanup = ExitStack()
        self._asked: list[Throwaway] = []

    def __enter__(self) -> Self:
        # Nothing of this is needed where it is known what it prints.
        from platform_abi.qemu.process import Throwaway
        from platform_abi.qemu.starting import starting

        with ExitStack() as stack:
            stack.enter_context(starting())
            # Both at once: most of the time each waits for its libraries to be loaded.
            # Not every board is one by default, and without any QEMU ends before it answers.
            for words in _QUESTIONS:
                process = Throwaway([self._binary, *words])
                process.start()
                stack.push(process)
                self._asked.append(process)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def printed(self, timeout: float) -> tuple[str, ...]:
        """Return what it prints, *timeout* seconds from now at the latest; see ``netdev_report``.

        Raises HostError as ``ask_netdevs`` does.
        """
        deadline = time.monotonic() + timeout
        return tuple(process.printed(deadline) for process in self._asked)

    def answer(self, capabilities: Mapping[str, Capability], timeout: float) -> HostReport:
        """Return what ``ask_netdevs`` does, *timeout* seconds from now at the latest."""
        return netdev_report(capabilities, self._binary, self.printed(timeout))


def netdev_report(
    capabilities: Mapping[str, Capability], binary: str, printed: Sequence[str]
) -> HostReport:
    """Return the partial report that ``ask_netdevs`` makes of what *binary* has *printed*.

    Raises HostError (``qemu-failed``) where that is nothing that a QEMU prints.
    """
    from platform_abi.model.host import Fact, HostReport

    version, netdevs = printed
    identity, listed = _VERSION.search(version), _NETDEVS.search(netdevs)
    if identity is None or listed is None:
        from platform_abi.qemu.process import NO_EMULATOR

        raise HostError(
            f"{printable(binary)} neither says which version it is nor which netdevs it has",
            code="qemu-failed",
            help=NO_EMULATOR,
        )
    types = tuple(listed["types"].split())
    named = {key: printable(word) for key, word in identity.groupdict().items() if word}
    return HostReport(
        facts={
            name: Fact(
                state="present" if capability.probe.node in types else "absent",
                source="oracle",
                detail=f"-netdev help of QEMU {named['version']}",
            )
            for name, capability in capabilities.items()
            if capability.probe is not None and capability.probe.method == NETDEV_METHOD
        },
        sets={"qemu.netdevs": types},
        values={f"qemu.{key}": word for key, word in named.items()},
    )


def ask_netdevs(
    capabilities: Mapping[str, Capability], binary: str, *, timeout: float = 10.0
) -> HostReport:
    """Return what ``--version`` and ``-netdev help`` of *binary* say; no machine is started.

    A partial report: facts of *capabilities* that are probed by ``qemu-netdev``, the set
    ``qemu.netdevs``, and the values ``qemu.version`` and, of a vendor's build, ``qemu.package``.
    *timeout* is in seconds.

    Raises HostError: ``qemu-not-found``, ``qemu-timeout``, or ``qemu-failed`` for what crashes or
    is no QEMU system emulator.
    """
    with NetdevQuestions(binary) as questions:
        return questions.answer(capabilities, timeout)
