"""A QEMU that is started for a moment, as witness of what this host offers.

It knows what it grants a guest and what it refuses, and shows it: by the feature bits of a virtio
device, by the flags of ``-cpu host``, by starting or not. What to ask follows from the catalogue
(see ``questions``), and so does what an answer means (see ``conclude``). No guest runs, and nothing
is left behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from platform_abi.errors import HostError
from platform_abi.guest.pci_hosts import pci_host
from platform_abi.guest.started import looked_at
from platform_abi.guest.virtio_pci import offered_features
from platform_abi.host.conclude import Observation, conclude, unsettled
from platform_abi.host.questions import (
    CHANNEL,
    SLOT,
    DeviceQuestion,
    board_questions,
    cpu_flags,
    cpu_observations,
    device_drivers,
    device_questions,
)
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.guest import GuestBoard
from platform_abi.model.host import Fact, HostReport
from platform_abi.model.value import evolve
from platform_abi.qemu.inventory import Inventory, inventory
from platform_abi.qemu.netdevs import ask_netdevs
from platform_abi.qemu.process import last_line
from platform_abi.qemu.qtest import QUIET, Qtest, StartError

#: How long one answer may take by default, in seconds.
TIMEOUT = 10.0


def ask_qemu(
    catalogue: Catalogue, binary: str, *, timeout: float = TIMEOUT, accelerator: str = "kvm"
) -> HostReport:
    """Return what starting the QEMU *binary* a few times shows of this host.

    A partial report: all that ``ask_netdevs`` says, and facts whose source is ``oracle``. What QEMU
    cannot settle is not in it. What it was to be asked and could not be, as in a sandbox that
    denies it a tap, is unknown and says why. *timeout*, in seconds, bounds each answer.
    *accelerator* is the one whose CPU and board are asked about; ``tcg`` leaves both out.

    Raises HostError: ``qemu-not-found``; ``qemu-timeout``; ``qemu-failed`` for what crashes or is
    no QEMU; ``qemu-architecture`` for one that emulates another machine than this.
    """
    report = ask_netdevs(catalogue.capabilities(), binary, timeout=timeout)
    known = inventory(binary, device_drivers(catalogue), timeout=timeout, accelerator=accelerator)
    witness = _Witness(catalogue, binary, known, timeout=timeout, accelerator=accelerator)
    name = f"QEMU {report.values['qemu.version']}"
    observations = [evolve(o, detail=f"{name}: {o.detail}") for o in witness.observations()]
    settled = conclude(catalogue.capabilities(), observations)
    return evolve(report, facts={**report.facts, **witness.unsettled, **settled})


class _Witness:
    """One QEMU binary that is asked everything; *unsettled* is what it could not be asked."""

    def __init__(
        self,
        catalogue: Catalogue,
        binary: str,
        known: Inventory,
        *,
        timeout: float,
        accelerator: str,
    ) -> None:
        self._catalogue = catalogue
        self._capabilities = catalogue.capabilities()
        self._binary = binary
        self._known = known
        self._timeout = timeout
        self._accelerator = accelerator
        self.unsettled: dict[str, Fact] = {}

    def observations(self) -> Iterator[Observation]:
        """Yield all that is seen."""
        # Behind any accelerator a device is the same; TCG is there without a privilege.
        looked_at_there = self._catalogue.guest_devices(self._known.arch)
        board = looked_at_there and looked_at_there.board_of(self._known.for_devices)
        if board:
            channels = board.channels
            for question in device_questions(self._catalogue, self._known, channels=channels):
                if self._has_nodes(question):
                    yield from self._devices(question, board)
        if self._known.complaint:
            flags = cpu_flags(self._catalogue, self._known, self._accelerator)
            needs = [name for _, needed in flags for name in needed]
            self.unsettled |= unsettled(needs, self._known.complaint)
        else:
            yield from cpu_observations(self._catalogue, self._known, self._accelerator)
            yield from self._boards()

    def _has_nodes(self, question: DeviceQuestion) -> bool:
        """Return whether the device nodes exist without which QEMU would only refuse."""
        probes = (self._capabilities[name].probe for name in question.needs)
        nodes = {p.node for p in probes if p is not None and p.method == "device-node"}
        return all(os.access(node, os.F_OK) for node in nodes)

    def _devices(self, question: DeviceQuestion, board: GuestBoard) -> Iterator[Observation]:
        """Yield what a device shows with everything forced on, or at least what is so by itself."""
        memory = ("-m", str(board.memory))
        common = ["-machine", self._known.for_devices, *QUIET, *memory, "-no-user-config"]
        by_itself = tuple(bit for bit in question.bits if not bit.opt_in)
        reason = ""
        for bits in dict.fromkeys((question.bits, by_itself)):
            arguments = [*common, *question.arguments(bits)]
            try:
                offered = self._offered(arguments, board)
            except StartError as error:
                reason = _refusal(error)
                continue
            yield from question.seen(bits, offered)
            return
        self.unsettled |= unsettled(question.needs, f"QEMU could not be asked: {reason}")

    def _offered(self, arguments: Sequence[str], board: GuestBoard) -> int:
        """Return the feature bits of the device that is asked about, in a QEMU of *arguments*."""
        with looked_at(self._binary, arguments, board, timeout=self._timeout) as (guest, bus):
            host = pci_host(guest, board) if board.bus else None
            if host is not None:
                return offered_features(host.ports, host.at(0, SLOT))
            facts = None if bus is None else bus.facts(CHANNEL)
            if facts is None:
                raise HostError(
                    f"{self._known.for_devices} has no device where it was put",
                    code="qemu-failed",
                    help="boards of this family have it there in every QEMU that was looked at",
                )
            return int(facts["features"], 16)

    def _boards(self) -> Iterator[Observation]:
        """Yield with which options the board starts; none says a thing where it never does."""
        questions = list(board_questions(self._catalogue, self._known, self._accelerator))
        plain = ["-machine", self._known.board, "-accel", self._accelerator]
        reason = self._refused(plain) if questions else ""
        for question in questions:
            if reason:
                self.unsettled |= unsettled(question.needs, f"QEMU could not be asked: {reason}")
                continue
            words = self._refused(question.arguments)
            yield question.seen(not words, words)

    def _refused(self, arguments: Sequence[str]) -> str:
        """Return the words by which QEMU refuses to start with *arguments*, none if it starts."""
        try:
            with self._start([*arguments, *QUIET, "-no-user-config"]):
                return ""
        except StartError as error:
            return _refusal(error)

    def _start(self, arguments: Sequence[str]) -> Qtest:
        return Qtest(self._binary, arguments, timeout=self._timeout)


#: How QEMU ends when it refuses, and only then (EXIT_FAILURE). A shell in between would say 134 for
#: an abort().
_REFUSED = 1


def _refusal(error: StartError) -> str:
    """Return the words of a QEMU that would not start; what hangs or crashes is raised."""
    if error.status != _REFUSED:
        raise error
    return last_line(error.stderr)
