"""What a running QEMU says of itself: its machine, its devices and their properties.

Only commands that begin with ``query-``, and ``qom-list``, ``qom-get`` and the human monitor's
``info network``: they read, and a guest does not notice. ``x-query-virtio-status`` is not among
them: it aborts QEMU 11.1.3.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from platform_abi.errors import HostError
from platform_abi.model.option_language import option_value
from platform_abi.model.value import evolve, field, frozen

#: Where QEMU keeps devices: those with an id, those without one, and what the board made
#: (system/qdev-monitor.c, qdev_set_id; hw/core/qdev.c, device_set_realized).
Place = Literal["peripheral", "peripheral-anon", "unattached"]
PLACES: tuple[Place, ...] = ("peripheral", "peripheral-anon", "unattached")

#: One command of QMP: its name and its arguments.
Command = tuple[str, Mapping[str, object]]

#: Asks all of some commands, and returns what QEMU answered to each.
Ask = Callable[[Sequence[Command]], "list[Answer]"]

#: Lists NICs and netdevs, which no command of QMP's does (net/net.c, hmp_info_network).
INFO_NETWORK: Command = ("human-monitor-command", {"command-line": "info network"})

#: A netdev or NIC of it; what is behind a port of a hub follows the port's own name
#: (net/net.c, print_net_client; net/hub.c, net_hub_info).
_NETDEV = re.compile(
    r"^(?: \\ )?(?:(?P<port>[^:\s]+): )?(?P<id>[^:\s]+): index=[0-9]+,type=(?P<type>[a-z0-9-]+),",
    re.MULTILINE,
)
_HUB_PORT = "hubport"

#: QEMU numbers devices without an id: ``device[3]``.
_NUMBERED = re.compile(r"device\[(?P<number>\d{1,20})\]", re.ASCII)

#: A machine type as a QOM type (include/hw/boards.h, MACHINE_TYPE_NAME).
_MACHINE_SUFFIX = "-machine"

_CHILD = re.compile(r"child<(?P<type>.+)>")

T = TypeVar("T")


@frozen(kw_only=True)
class Answer:
    """What QEMU answered: *value*, or *refused*, its words, where that is an error."""

    value: Any = None
    refused: str | None = None


@frozen(kw_only=True)
class RunningObject:
    """One object of a running QEMU: where it is, its QOM type, and properties that were read.

    Values are spelled as definitions spell them. *unreadable* are the properties that were asked
    for and that this QEMU does not have, or does not tell.
    """

    path: str
    driver: str
    properties: Mapping[str, str] = field(factory=dict)
    unreadable: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return what QEMU calls it in its folder: its id, or ``device[3]``."""
        return self.path.rpartition("/")[2]

    @property
    def place(self) -> str:
        """Return the folder that it is in: ``peripheral``, for one with an id."""
        return self.path.split("/")[2] if self.path.count("/") > 1 else ""


@frozen(kw_only=True)
class RunningVm:
    """A virtual machine as its QEMU tells it.

    *machine* has the properties of the board, *cpu* is the first vCPU. *devices* are those of
    every place, in QEMU's order. *vcpus* is how many vCPUs it was started with, None where QEMU
    does not say.
    """

    version: str
    package: str
    arch: str
    #: As ``-accel`` takes it; empty where QEMU does not tell which one it is.
    accelerator: str
    kvm: bool
    machine: RunningObject
    cpu: RunningObject | None
    devices: tuple[RunningObject, ...]
    vcpus: int | None = None
    #: How many there are now: more, or fewer, where some were plugged.
    present: int | None = None
    #: Numbers of vCPUs and sizes of memory, called as a lockfile calls them; as far as QEMU says.
    hardware: Mapping[str, str] = field(factory=dict)
    #: Flags of the CPU model that the guest was not given, as ``-cpu`` spells them; None where
    #: QEMU keeps no such list.
    missing_flags: tuple[str, ...] | None = None
    #: The QOM types of what the first vCPU has in it; nothing where QEMU does not tell.
    cpu_parts: tuple[str, ...] = ()
    #: The type of each netdev, by id; None where QEMU does not tell.
    netdevs: Mapping[str, str] | None = None
    #: How many queues each of them has.
    queues: Mapping[str, int] = field(factory=dict)

    @property
    def machine_type(self) -> str:
        """Return the machine type, never an alias."""
        return self.machine.driver.removesuffix(_MACHINE_SUFFIX)

    def objects(self) -> Iterator[RunningObject]:
        """Yield the board, the CPU and every device."""
        yield self.machine
        if self.cpu is not None:
            yield self.cpu
        yield from self.devices


def look(ask: Ask) -> RunningVm:
    """Return what runs and what it consists of, without properties yet.

    What it cannot be asked is left out. *ask* raises HostError where QEMU is gone; so does this
    (``qmp-no-machine``) where there is no machine, as with a monitor that answers for a host alone.
    """
    names = ("query-version", "query-target", "query-kvm", "query-cpus-fast", "query-accelerators")
    said = ask([(name, {}) for name in names])
    version, target, kvm, threads, accelerators = (answer.value for answer in said)
    board, topology, memory, network, *folders = ask(
        [
            _get("/machine", "type"),
            _get("/machine", "smp"),
            _get("/machine", "memory"),
            INFO_NETWORK,
            *(("qom-list", {"path": f"/machine/{place}"}) for place in PLACES),
        ]
    )
    if not isinstance(board.value, str):
        raise HostError(
            "no virtual machine answers there",
            code="qmp-no-machine",
            help="name the QMP socket of a QEMU that runs one",
        )
    release = _member(version, "qemu", dict)
    enabled = bool(_member(kvm, "enabled", bool))
    cpus = [path for row in _rows(threads) if (path := _member(row, "qom-path", str))]
    cpu, missing, parts = _first_cpu(ask, cpus)
    children = (
        child
        for place, folder in zip(PLACES, folders, strict=True)
        for child in _children(place, folder.value)
    )
    return RunningVm(
        version=".".join(str(_member(release, part, int) or 0) for part in _RELEASE),
        package=_member(version, "package", str) or "",
        arch=_member(target, "arch", str) or "",
        accelerator=_member(accelerators, "enabled", str) or ("kvm" if enabled else ""),
        kvm=enabled,
        machine=RunningObject(path="/machine", driver=board.value),
        cpu=cpu,
        devices=tuple(child for child in children if child.path not in cpus),
        vcpus=_member(topology.value, "cpus", int),
        present=len(cpus) or None,
        hardware={**_numbers("smp", topology.value), **_numbers("memory", memory.value)},
        missing_flags=missing,
        cpu_parts=parts,
        netdevs=netdevs_of(network.value) if isinstance(network.value, str) else None,
        queues=queues_of(network.value) if isinstance(network.value, str) else {},
    )


def netdevs_of(text: str) -> dict[str, str]:
    """Return the type of each netdev by its id, from what ``info network`` says."""
    found: dict[str, str] = {}
    for match in _NETDEV.finditer(text):
        found[match["id"]] = match["type"]
        if match["port"]:
            found[match["port"]] = _HUB_PORT
    return found


def queues_of(text: str) -> dict[str, int]:
    """Return how many queues each netdev has, by its id: ``info network`` says a line of each."""
    return dict(Counter(match["id"] for match in _NETDEV.finditer(text)))


def _numbers(subject: str, value: Any) -> dict[str, str]:
    """Return the numbers of an answer below *subject*: ``smp.cores``."""
    rows = value.items() if isinstance(value, dict) else ()
    return {f"{subject}.{key}": str(number) for key, number in rows if type(number) is int}


_RELEASE = ("major", "minor", "micro")


def read(ask: Ask, vm: RunningVm, wanted: Mapping[str, Sequence[str]]) -> RunningVm:
    """Return *vm* with the *wanted* properties of its objects, by path."""
    asked = [(path, name) for path, names in wanted.items() for name in names]
    answers = dict(zip(asked, ask([_get(*each) for each in asked]), strict=True))

    def filled(thing: RunningObject) -> RunningObject:
        found = {name: answers[thing.path, name] for name in wanted.get(thing.path, ())}
        return evolve(
            thing,
            properties={n: option_value(a.value) for n, a in found.items() if a.refused is None},
            unreadable=tuple(n for n, a in found.items() if a.refused is not None),
        )

    return evolve(
        vm,
        machine=filled(vm.machine),
        cpu=None if vm.cpu is None else filled(vm.cpu),
        devices=tuple(map(filled, vm.devices)),
    )


def _get(path: str, name: str) -> Command:
    return ("qom-get", {"path": path, "property": name})


def _first_cpu(
    ask: Ask, paths: Sequence[str]
) -> tuple[RunningObject | None, tuple[str, ...] | None, tuple[str, ...]]:
    """Return the first vCPU, the flags of its model that it does not have, and what is in it.

    A board has one CPU model (include/hw/boards.h, MachineState.cpu_type), so one speaks for all.
    """
    if not paths:
        return None, None, ()
    # Every x86 CPU has the list, whatever its model (target/i386/cpu.c, x86_cpu_initfn).
    kind, flags, inside = ask(
        [
            _get(paths[0], "type"),
            _get(paths[0], "unavailable-features"),
            ("qom-list", {"path": paths[0]}),
        ]
    )
    missing = tuple(map(str, flags.value)) if isinstance(flags.value, list) else None
    parts = (_CHILD.fullmatch(_member(row, "type", str) or "") for row in _rows(inside.value))
    cpu = RunningObject(path=paths[0], driver=str(kind.value or ""))
    return cpu, missing, tuple(match["type"] for match in parts if match is not None)


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _children(place: Place, rows: Any) -> list[RunningObject]:
    """Return the objects of one folder: by their number where they have one, else by name."""
    found = []
    for row in _rows(rows):
        match = _CHILD.fullmatch(_member(row, "type", str) or "")
        name = _member(row, "name", str)
        if match is not None and name is not None:
            found.append(RunningObject(path=f"/machine/{place}/{name}", driver=match["type"]))

    def order(thing: RunningObject) -> tuple[int, str]:
        numbered = _NUMBERED.fullmatch(thing.name)
        return (int(numbered["number"]) if numbered else -1, thing.name)

    return sorted(found, key=order)


def _member(value: Any, name: str, kind: type[T]) -> T | None:
    """Return a member of an answer, None where there is none of that kind."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, kind) else None
