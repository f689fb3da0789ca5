"""One of the two QEMUs of a rehearsal, and its guest as far as there is one: drivers that agree.

What is looked at is what a guest would find, by the ways that it has itself; of the CPU, which no
guest runs on, QEMU is asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Self

from platform_abi.guest.board_bus import BoardBus, board_bus
from platform_abi.guest.buses import place_of, walk
from platform_abi.guest.driver import Bound, bind, bound
from platform_abi.guest.pci_config import SLOT_STATE, without_express
from platform_abi.guest.pci_function import function_facts
from platform_abi.guest.pci_hosts import PciHost, pci_host
from platform_abi.guest.view import Facts
from platform_abi.model.guest import GuestBoard
from platform_abi.model.machine import TypeTable
from platform_abi.model.value import field, frozen
from platform_abi.model.vm import VirtualMachine
from platform_abi.qemu.paused import PausedQemu
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError
from platform_abi.verifier.buses import chain_of, place_on_board
from platform_abi.verifier.located import locate
from platform_abi.verifier.paused import asking
from platform_abi.verifier.running import look

#: Where in RAM the rings of every queue are: what no board keeps for itself.
_RINGS: Final = 16 << 20

#: What a destination waits by: for a guest that ``migrate-incoming`` names.
_INCOMING: Final = ("-incoming", "defer")

#: The registers of a function hold what firmware and drivers wrote, and a window's own.
_WRITTEN: Final = "registers"

#: Of what the CPU model says of itself, what CPUID shows.
_CPU_FACTS: Final = (
    *("family", "model", "stepping", "vendor", "model-id", "level", "xlevel", "xlevel2"),
    "phys-bits",
)

#: HTT and CmpLegacy: a guest of several vCPUs has them in every QEMU, and before 10.0 no feature
#: word had, for they were added where CPUID is read (target/i386/cpu.c, cpu_x86_cpuid).
_BY_TOPOLOGY: Final = {"0x1.0.EDX": 1 << 28, "0x80000001.0.ECX": 1 << 1}


@frozen(kw_only=True)
class Sight:
    """What a guest sees: of each PCI function and device on the board by its place, and of a CPU.

    *bound* is what each virtio device and its driver have agreed on.
    """

    functions: Mapping[str, Facts] = field(factory=dict)
    cpu: Facts = field(factory=dict)
    bound: Mapping[str, Bound] = field(factory=dict)


class End:
    """A paused QEMU from which, or *incoming* to which, a guest is to move, for a block.

    *timeout* in seconds bounds each answer, *environment* is added to this process's own. *flags*
    are those of the CPU to look at besides what CPUID shows. Raises HostError, as ``PausedQemu``
    does, in all that it does.
    """

    #: Says where its buses are; None where nobody can look at them.
    board: GuestBoard | None = None

    def __init__(
        self,
        binary: str,
        words: Sequence[str],
        *,
        incoming: bool = False,
        timeout: float,
        environment: Mapping[str, str] = MappingProxyType({}),
        flags: Collection[str] = (),
    ) -> None:
        own = [*words, *(_INCOMING if incoming else ())]
        self._qemu = PausedQemu(binary, own, timeout=timeout, environment=environment)
        self._flags = frozenset(flags)
        self._bound: dict[str, Bound] = {}

    def __enter__(self) -> Self:
        """Start it without waiting: ``greet`` has to follow."""
        self._qemu.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._qemu.__exit__()

    def greet(self) -> None:
        """Wait for its start to be over."""
        self._qemu.greet()

    @property
    def qmp(self) -> Qmp:
        """Its monitor."""
        return self._qemu.qmp

    @property
    def stderr(self) -> str:
        """What QEMU has written to stderr so far."""
        return self.qmp.stderr

    def _host(self) -> PciHost | None:
        if self.board is None or not self.board.bus:
            return None
        return pci_host(self._qemu.guest, self.board)

    def _on_board(self) -> BoardBus | None:
        """Return the bus of the board's own, if it has one."""
        return None if self.board is None else board_bus(self.board, self._qemu.guest, self.qmp)

    def bind(self) -> dict[str, Bound]:
        """Let a driver take all that each virtio device offers, and return what they agree on."""
        if self.board is None:
            return {}
        rings = self.board.ram + _RINGS
        host, bus = self._host(), self._on_board()
        functions = {} if host is None else walk(host)
        agreed = {place_of(at): bind(space, rings=rings) for at, space in functions.items()}
        if bus is not None:
            agreed |= {name: bus.bind(name, rings=rings) for name in bus.names()}
        self._bound = {name: each for name, each in agreed.items() if each is not None}
        return dict(self._bound)

    def sight(self, agreed: Collection[str] | None = None) -> Sight:
        """Return what a guest finds now. Drivers lose their devices by it.

        What drivers have agreed on is asked for where they have been bound; *agreed* says where,
        for a guest that has come.
        """
        host, bus = self._host(), self._on_board()
        spaces = {} if host is None else {place_of(at): s for at, s in walk(host).items()}
        ports = self._qemu.guest if host is None else host.ports
        names = [] if bus is None else [*bus.names()]
        bounds = dict(self._bound)
        for name in agreed or ():
            now = bound(spaces[name]) if name in spaces else None
            if bus is not None and name in names:
                now = bus.bound(name)
            if now is not None:
                bounds[name] = now
        functions: dict[str, Facts] = {}
        for name, space in spaces.items():
            facts = function_facts(ports, space)
            facts.pop(_WRITTEN, None)
            functions[name] = dict(without_express(facts, SLOT_STATE))
        on_board = {} if bus is None else {name: bus.facts(name) for name in names}
        functions |= {name: facts for name, facts in on_board.items() if facts is not None}
        return Sight(functions=functions, cpu=self._cpu(), bound=bounds)

    def _cpu(self) -> dict[str, str]:
        cpus = self.qmp.execute("query-cpus-fast")
        if not cpus:  # a board that has none
            return {}
        path = cpus[0]["qom-path"]
        facts = {what: str(said) for what in _CPU_FACTS if (said := self._get(path, what))}
        facts["number"] = str(len(cpus))
        for word in self._get(path, "feature-words") or ():
            leaf, index = word["cpuid-input-eax"], word.get("cpuid-input-ecx", 0)
            name = f"{leaf:#x}.{index}.{word['cpuid-register']}"
            features = word["features"] & ~_BY_TOPOLOGY.get(name, 0)
            if features:  # newer QEMUs know of more words
                facts[name] = f"{features:#x}"
        known = {each["name"] for each in self.qmp.execute("qom-list", path=path)}
        on = (flag for flag in sorted(self._flags & known) if self._get(path, flag))
        return facts | dict.fromkeys(on, "on")  # a flag that a QEMU does not know is off

    def _get(self, path: str, name: str) -> Any:
        with contextlib.suppress(QmpCommandError):
            return self.qmp.execute("qom-get", path=path, property=name)
        return None

    @property
    def machine(self) -> str:
        """The machine type, never an alias."""
        kind: str = self.qmp.execute("qom-get", path="/machine", property="type")
        return kind.removesuffix("-machine")

    @property
    def version(self) -> str:
        """Version and package, as QEMU says them."""
        said = self.qmp.execute("query-version")
        release = ".".join(str(said["qemu"][part]) for part in ("major", "minor", "micro"))
        return f"{release} ({said['package']})" if said["package"] else release

    def places(
        self, types: TypeTable, vm: VirtualMachine, left_out: Collection[str]
    ) -> dict[str, str]:
        """Return where the devices of *vm* are, by label, but for those *left_out*.

        Empty for what is on no bus that a guest is played on.
        """
        ask = asking(self.qmp)
        located = locate(types, vm, look(ask), left_out)
        bus = self._on_board()
        on_board = set() if bus is None else {*bus.names()}
        found = {}
        for label, thing in located.found.items():
            chain, place = chain_of(ask, thing.path), place_on_board(ask, thing.path)
            found[label] = place_of(chain) if chain else place if place in on_board else ""
        return found
