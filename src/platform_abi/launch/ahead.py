"""Whom a host is asked through, under way while everything else is still being imported and read.

A process that asks devices and a QEMU that loads its libraries take longest of all; what they will
be asked in the end is known only when definitions and command line have been read.
"""

from __future__ import annotations

from contextlib import ExitStack

from platform_abi.errors import HostError
from platform_abi.host.prober import Prober

# typing costs as much; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from platform_abi.model.capability import Capability
    from platform_abi.model.host import HostReport
    from platform_abi.qemu.here import QemuHere
    from platform_abi.qemu.printed import PrintedQuestions

#: Options of QEMU's behind which there may be a netdev that a QEMU has to know.
_NETWORK = ("netdev", "nic", "net")

#: How long a QEMU may take to say what it has, in seconds.
_TIMEOUT = 10.0

#: What a command line says that wants to know which CPU models run here.
_NATIVE = "kvm"


class Ahead:
    """A child that asks this host, and a QEMU *binary* that is asked too, for the time of a block.

    *netdevs* and *models* are whether the QEMU is likely to be asked for the netdevs and the CPU
    models that it has. Each answers once.
    """

    def __init__(self, binary: str | None, *, netdevs: bool = True, models: bool = True) -> None:
        self._binary = binary
        self._likely = (netdevs, models)
        self._prober = Prober()
        self._netdevs: PrintedQuestions | None = None
        self._here: QemuHere | None = None
        self._wrong: HostError | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._prober)
            self._stack = stack.pop_all()
        if self._binary is not None:
            try:
                self._begin(*self._likely)
            except HostError as error:  # it is told when that QEMU is asked
                self._wrong = error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _begin(self, netdevs: bool, here: bool) -> None:
        """Start what is wanted of the QEMU and not yet under way."""
        if self._binary is None:
            return
        if netdevs and self._netdevs is None:
            from platform_abi.qemu.printed import PrintedQuestions

            self._netdevs = self._stack.enter_context(PrintedQuestions(self._binary))
        if here and self._here is None:
            from platform_abi.qemu.here import QemuHere

            self._here = self._stack.enter_context(QemuHere(self._binary))

    def host(self, capabilities: Mapping[str, Capability], timeout: float | None) -> HostReport:
        """Return what this host says of *capabilities*, each device within *timeout* seconds."""
        from platform_abi.host.probe import TIMEOUT, probe_with

        return probe_with(self._prober, capabilities, TIMEOUT if timeout is None else timeout)

    def qemu(
        self,
        capabilities: Mapping[str, Capability],
        *,
        netdevs: bool = True,
        models: bool = True,
        drivers: bool = False,
        timeout: float | None = None,
    ) -> HostReport:
        """Return what the QEMU says of its *netdevs*, *models* and *drivers*.

        Each within *timeout* seconds.

        Raises HostError: ``qemu-not-found``, ``qemu-failed`` or ``qemu-timeout``.
        """
        from platform_abi.model.host import HostReport
        from platform_abi.model.value import evolve

        if self._wrong is not None:
            raise self._wrong
        self._begin(netdevs, models or drivers)
        report, bound = HostReport(), _TIMEOUT if timeout is None else timeout
        if netdevs and self._netdevs is not None:
            report = self._netdevs.answer(capabilities, bound)
        if (models or drivers) and self._here is not None:
            answer = self._here.answer(bound, models=models, drivers=drivers)
            report = evolve(report, sets={**report.sets, **answer.sets})
        return report


def ahead_of(binary: str, words: Sequence[str]) -> Ahead:
    """Return what is likely to be asked before *binary* is started with *words*."""
    options = {word.lstrip("-") for word in words if word.startswith("-")}
    return Ahead(
        binary,
        netdevs=not options.isdisjoint(_NETWORK),
        models=any(_NATIVE in word for word in words),
    )
