"""What a guest would find in a machine type of one QEMU binary, device by device.

A machine is started, paused, and looked at as ``qtest`` explains, by the way to its buses that its
board has: ports, memory, calls of firmware that is a part of QEMU, or instructions that only a
processor carries out. No guest runs, and nothing that QEMU knows of itself is asked.
(QMP's ``x-query-virtio-status`` would abort QEMU 11.1.) CPU models are the exception: without a
running guest there is no CPUID, so QEMU is asked what a model is made of.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager

from platform_abi.errors import HostError, UsageError, printable
from platform_abi.guest.board_bus import BoardBus
from platform_abi.guest.config_space import number_buses
from platform_abi.guest.cpus import cpu_facts, unopened
from platform_abi.guest.pci_function import function_facts
from platform_abi.guest.pci_hosts import PciHost, pci_host
from platform_abi.guest.placing import Placed, PlacedStart, labels_of, numbers, starts
from platform_abi.guest.started import LookedAt, looked_at
from platform_abi.guest.view import BOARD, NO_DRIVER, REFUSED, Facts, GuestView
from platform_abi.model.guest import GuestBoard, GuestDevice, GuestDevices
from platform_abi.qemu.process import last_line
from platform_abi.qemu.qtest import QUIET, StartError
from platform_abi.qemu.starting import containment

#: How long one answer may take by default, in seconds.
TIMEOUT = 30.0

_SLOTS, _FUNCTIONS = 32, 8
_NOTHING = 0xFFFF


def guest_view(
    binary: str,
    machine: str,
    *,
    arch: str,
    drivers: frozenset[str],
    looked_at: GuestDevices | None,
    timeout: float = TIMEOUT,
) -> GuestView:
    """Return what a guest would find in *machine*, a machine type and no alias, of *binary*.

    *drivers* are those that the binary has. *looked_at* says which devices are looked at.
    *timeout* in seconds bounds each answer.

    A device that this QEMU or this host cannot have is in ``unseen``, with the reason.

    Raises UsageError (``no-guest-view``) for a machine type whose devices nobody can look at,
    HostError (``qemu-failed``, ``qemu-timeout``, ``qemu-not-found``) for a binary that does not
    start it.
    """
    board = looked_at.board_of(machine) if looked_at else None
    if looked_at is None or board is None:
        raise no_view(looked_at, machine, arch)
    view = _View(binary, machine, board, timeout=timeout)
    wanted = [d for d in looked_at.device if not d.boards or board.family in d.boards]
    possible = []
    for device in wanted:
        labels = labels_of(board, device)
        if device.driver not in drivers:
            view.devices |= dict.fromkeys(labels, NO_DRIVER)
        elif reason := _lacking(device):
            view.unseen |= dict.fromkeys(labels, reason)
        else:
            possible.append(device)
    for start in starts(board, possible, numbers(looked_at.device)):
        view.look(start)
    cpus, reason = cpu_facts(binary, machine, looked_at.cpu, timeout=timeout)
    if reason:
        view.unseen["CPU models"] = reason
    return GuestView(
        machine=machine,
        arch=arch,
        devices=dict(sorted(view.devices.items())),
        cpus=dict(sorted(cpus.items())),
        unseen=dict(sorted(view.unseen.items())),
    )


def guest_views(
    binary: str,
    machines: Sequence[str],
    *,
    arch: str,
    drivers: frozenset[str],
    looked_at: GuestDevices | None,
    timeout: float = TIMEOUT,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> dict[str, GuestView]:
    """Return the view of each of *machines*, as many at a time as there are processors.

    *progress* is told, in this thread, how many are done, and of how many. Else as ``guest_view``.
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _AT_A_TIME)) as pool:
        running = [
            pool.submit(
                guest_view,
                binary,
                machine,
                arch=arch,
                drivers=drivers,
                looked_at=looked_at,
                timeout=timeout,
            )
            for machine in machines
        ]
        try:
            for done, _ in enumerate(as_completed(running)):
                progress(done + 1, len(running))
            return {view.machine: view for view in (each.result() for each in running)}
        finally:  # what has not begun need not, where one failed or somebody interrupts
            pool.shutdown(wait=False, cancel_futures=True)


#: Each QEMU takes some 100 megabytes of memory.
_AT_A_TIME = 8


def can_be_seen(looked_at: GuestDevices | None, machine: str) -> bool:
    """Return whether devices of *machine* can be looked at."""
    return looked_at is not None and looked_at.board_of(machine) is not None


def no_view(looked_at: GuestDevices | None, machine: str, arch: str) -> UsageError:
    """Return the error that *machine*, one or more of *arch*, has nothing that can be looked at."""
    families = [board.family for board in looked_at.board] if looked_at else []
    *most, last = families or ("",)
    named = f"{', '.join(most)} and {last}" if most else last
    seen = f"those of the families {named}" if families else f"none of {arch}"
    return UsageError(
        f"{printable(machine)} of {printable(arch)} has no bus that can be looked at",
        code="no-guest-view",
        help=f"machine types that can be looked at: {printable(seen)}",
    )


def _lacking(device: GuestDevice) -> str:
    """Return why this host cannot have a device, nothing if it can."""
    if why := unopened(device.node):
        return why
    if device.node and "network" not in containment():
        return "this user may make no network namespace to have it in"
    return ""


class _View:
    """The devices of one machine type, as far as they were looked at."""

    def __init__(self, binary: str, machine: str, board: GuestBoard, *, timeout: float) -> None:
        self._command = (binary, machine)
        self._board = board
        self._timeout = timeout
        self.devices: dict[str, Facts] = {}
        self.unseen: dict[str, str] = {}

    def look(self, start: PlacedStart) -> None:
        """Add what a guest finds with the devices of *start*; QEMU may refuse some of them."""
        refused: list[Placed] = []
        while True:
            try:
                self._look(start, refused)
            except StartError as error:
                blamed = _blamed(start, error, refused) or self._breaking(start, refused)
                if blamed is None:
                    raise
                refused.append(blamed)
                reason = _why_refused(blamed, error)
                if blamed.on_host:
                    self.unseen[blamed.label] = reason
                else:
                    self.devices[blamed.label] = {REFUSED: reason}
            else:
                break

    def _breaking(self, start: PlacedStart, refused: Sequence[Placed]) -> Placed | None:
        """Return the first device with which QEMU does not start any more, None if there is none.

        An older QEMU aborts without naming it: 5.2 for a second VGA with one global RAM block.
        """
        devices = [device for device in start.devices if device not in refused]
        if not self._starts(start, [*refused, *devices]):
            return None
        works, fails = 0, len(devices)
        while fails - works > 1:
            middle = (works + fails) // 2
            if self._starts(start, [*refused, *devices[middle:]]):
                works = middle
            else:
                fails = middle
        return devices[fails - 1]

    def _starts(self, start: PlacedStart, refused: Sequence[Placed]) -> bool:
        try:
            with self._started(start, refused):
                return True
        except StartError:
            return False

    def _started(
        self, start: PlacedStart, refused: Sequence[Placed]
    ) -> AbstractContextManager[LookedAt]:
        binary, machine = self._command
        words = ["-machine", machine, *QUIET, "-m", str(self._board.memory), "-no-user-config"]
        arguments = [*words, *start.arguments(refused)]
        # A tap is no business of this host's, nor is what a wrapper script leaves running.
        return looked_at(binary, arguments, self._board, timeout=self._timeout)

    def _look(self, start: PlacedStart, refused: Sequence[Placed]) -> None:
        devices = [device for device in start.devices if device not in refused]
        with self._started(start, refused) as (guest, bus):
            self.devices |= {d.label: _on_board(bus, d) for d in devices if d.bus is None}
            if not self._board.bus:
                return
            host = pci_host(guest, self._board)
            if host is None:
                raise _no_bridge(self._command[1], self._board)
            for port in start.ports:
                number_buses(host.at(0, port.slot, port.function), 0, port.bus, port.bus)
            taken = {port.slot for port in start.ports}
            for device in devices:
                if device.bus is None:
                    continue
                if device.bus == 0:
                    taken.add(device.slot)
                space = host.at(device.bus, device.slot)
                self.devices[device.label] = function_facts(host.ports, space)
            if not any(name.startswith(BOARD) for name in self.devices):
                self.devices |= _board_functions(host, taken)


def _on_board(bus: BoardBus | None, device: Placed) -> Facts:
    found = None if bus is None else bus.facts(device.place)
    if found is None:
        raise HostError(
            f"{device.label} is not in its place {device.place} on the board",
            code="qemu-failed",
            help="boards of this family have it there in every QEMU that was looked at",
        )
    return found


def _no_bridge(machine: str, board: GuestBoard) -> HostError:
    places = " or ".join(f"{base:#x}" for base in board.ecam)
    return HostError(
        f"{printable(machine)} has no PCI host bridge at {places}",
        code="qemu-failed",
        help="boards of this family have it there in every QEMU that was looked at",
    )


def _board_functions(host: PciHost, taken: set[int]) -> Iterator[tuple[str, Facts]]:
    """Yield what the board itself has on its root bus."""
    for slot in range(_SLOTS):
        for function in range(_FUNCTIONS if slot not in taken else 0):
            space = host.at(0, slot, function)
            if space.read(0) & 0xFFFF != _NOTHING:
                yield f"{BOARD}{slot:02x}.{function}", function_facts(host.ports, space)


def _blamed(start: PlacedStart, error: StartError, refused: Sequence[Placed]) -> Placed | None:
    """Return the device that QEMU says it does not start with, None if it says none.

    It names one by an option, ``-device e1000,addr=0x2: ...`` (util/qemu-error.c,
    print_loc).
    """
    for device in start.devices:
        if device not in refused and any(said in error.stderr for said in device.options):
            return device
    return None


def _why_refused(device: Placed, error: StartError) -> str:
    """Return what QEMU says of a device, without its place on the command line."""
    line = last_line(error.stderr)
    for said in device.options:
        line = line.rpartition(said)[2]
    return line.strip()
