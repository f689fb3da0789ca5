"""A paused QEMU with a driver in it that has taken all it was offered, and its way to another."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from attrs import frozen
from qemu.qmp.legacy import QEMUMonitorProtocol

from platform_abi.guest.config_space import PortSpace
from platform_abi.guest.driver import Bound, bind, bound
from platform_abi.guest.pci_function import function_facts
from platform_abi.qemu.qtest import Qtest
from tests.live.migration.hosts import SimulatedHost
from tests.live.migration.running import connected

_NUMBERS = itertools.count()
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.01
_OVER: Final = frozenset({"completed", "failed", "cancelled"})

_SLOTS, _FUNCTIONS = 32, 8

#: Where the rings of every queue are: RAM that no board keeps for itself.
_RINGS: Final = 16 << 20

#: Of what the CPU model says of itself, what CPUID shows.
_CPU_FACTS: Final = (
    *("family", "model", "stepping", "vendor", "model-id", "level", "xlevel", "xlevel2"),
    "phys-bits",
)


@frozen(kw_only=True)
class View:
    """What a guest sees: of each PCI function by slot and function, and of its first CPU."""

    functions: Mapping[str, Mapping[str, str]]
    cpu: Mapping[str, object]

    def differences(self, other: View) -> list[str]:
        """Return what *other* shows otherwise, in words."""
        found = []
        for place in sorted({*self.functions, *other.functions}):
            ours, theirs = (dict(v.functions.get(place, {})) for v in (self, other))
            found += [
                f"{place} {ours.get('identity')} {what}: {ours.get(what)} -> {theirs.get(what)}"
                for what in sorted({*ours, *theirs})
                if ours.get(what) != theirs.get(what)
            ]
        found += [
            f"cpu {what}: {self.cpu.get(what)} -> {other.cpu.get(what)}"
            for what in sorted({*self.cpu, *other.cpu})
            if self.cpu.get(what) != other.cpu.get(what)
        ]
        return found


#: HTT and CmpLegacy: a guest of several vCPUs has them in every QEMU, and before 10.0 no feature
#: word had, for they were added where CPUID is read (target/i386/cpu.c, cpu_x86_cpuid).
_BY_TOPOLOGY = {"0x1.0.EDX": 1 << 28, "0x80000001.0.ECX": 1 << 1}


class Paused:
    """A QEMU that was started on *host* with *words*, from a block's beginning to its end.

    *folder* is for its sockets. With *incoming* it waits for a guest from another. Entering raises
    StartError where QEMU refuses *words*.
    """

    def __init__(
        self, host: SimulatedHost, words: Sequence[str], folder: Path, *, incoming: bool = False
    ) -> None:
        number = next(_NUMBERS)
        self._monitor = folder / f"{number}.qmp"
        self.address = f"unix:{folder / f'{number}.migration'}"
        own = ["-qmp", f"unix:{self._monitor},server=on,wait=off"]
        if incoming:
            own += ["-incoming", self.address]
        self._qtest = Qtest(
            host.qemu,
            [*words, *own],
            environment=host.environment,
            timeout=_PATIENCE,
            writable=str(folder),
        )
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._qtest)
            self._qmp: QEMUMonitorProtocol = connected(str(self._monitor))
            stack.callback(self._disconnect)
            self._qmp.settimeout(_PATIENCE)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _execute(self, command: str, **arguments: object) -> Any:
        return self._qmp.cmd(command, **arguments)

    def _disconnect(self) -> None:
        with contextlib.suppress(EOFError, OSError):  # a QEMU that has ended took it with it
            self._qmp.close()

    @property
    def stderr(self) -> str:
        """What QEMU has written to stderr so far."""
        return self._qtest.stderr

    def _spaces(self) -> dict[str, PortSpace]:
        spaces = {}
        for slot in range(_SLOTS):
            for function in range(_FUNCTIONS):
                space = PortSpace(self._qtest, slot, function)
                if space.read(0) & 0xFFFF != 0xFFFF:
                    spaces[f"{slot:02x}.{function}"] = space
                elif function == 0:
                    break
        return spaces

    def bind(self) -> dict[str, Bound]:
        """Let a driver take all that each virtio device offers."""
        found = {at: bind(space, rings=_RINGS) for at, space in self._spaces().items()}
        return {at: bound for at, bound in found.items() if bound is not None}

    def bound(self) -> dict[str, Bound]:
        """Return what the drivers and their devices have agreed on."""
        found = {at: bound(space) for at, space in self._spaces().items()}
        return {at: bound for at, bound in found.items() if bound is not None}

    def view(self) -> View:
        """Return what a guest would find now. Drivers lose their devices by it."""
        functions = {at: function_facts(self._qtest, s) for at, s in self._spaces().items()}
        for facts in functions.values():
            facts.pop("registers", None)  # what firmware and drivers wrote, and the window's own
        return View(functions=functions, cpu=self._cpu())

    def _cpu(self) -> dict[str, object]:
        path = self._execute("query-cpus-fast")[0]["qom-path"]
        facts = {what: self._get(path, what) for what in _CPU_FACTS}
        for word in self._get(path, "feature-words") or ():
            leaf, index = word["cpuid-input-eax"], word.get("cpuid-input-ecx", 0)
            name = f"{leaf:#x}.{index}.{word['cpuid-register']}"
            features = word["features"] & ~_BY_TOPOLOGY.get(name, 0)
            if features:  # newer QEMUs know of more words
                facts[name] = f"{features:#x}"
        return facts

    def _get(self, path: str, name: str) -> Any:
        with contextlib.suppress(Exception):
            return self._execute("qom-get", path=path, property=name)
        return None

    def migrate_to(self, destination: Paused) -> tuple[str, str]:
        """Move the guest, and return how that ended and what both QEMUs said of it."""
        deadline = time.monotonic() + _PATIENCE
        try:
            self._execute("migrate", uri=destination.address)
        except Exception as error:  # noqa: BLE001 - a device that does not migrate
            return "refused", str(error)
        while (said := self._execute("query-migrate"))["status"] not in _OVER:
            assert time.monotonic() < deadline, said
            time.sleep(_PAUSE)
        status, reason = said["status"], str(said.get("error-desc", ""))
        if status == "completed":
            status = destination._arrived(deadline)
        return status, f"{reason}\n{destination.stderr}".strip()

    def _arrived(self, deadline: float) -> str:
        """Return ``completed`` once the guest is here, ``failed`` where this QEMU has ended."""
        while True:
            try:
                status = self._execute("query-status")["status"]
            except (EOFError, OSError):
                return "failed"
            except Exception:  # noqa: BLE001 - the connection broke in the middle
                return "failed"
            if status != "inmigrate":
                return "completed"
            assert time.monotonic() < deadline, status
            time.sleep(_PAUSE)
