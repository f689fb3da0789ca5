"""What a command line says of a virtual machine besides its devices: vCPUs, memory, disks, ROMs.

All of it is facts, pairs of a name and a text, in one spelling however a user wrote them. They are
compared and never handed to a QEMU. An option that nobody described is a fact as it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from platform_abi.errors import UsageError
from platform_abi.launch.disks import drives, media_of, node_size
from platform_abi.launch.hardware_options import UNREAD, Facts, HardwareReading
from platform_abi.launch.memory import MEMORY_BACKEND, Memory
from platform_abi.model.machine import MachineType
from platform_abi.model.option_language import join_options
from platform_abi.model.platform import version_key
from platform_abi.model.vm import BEHIND, QUEUES, UNKNOWN, Device, Properties
from platform_abi.resolver.explicit import BOOLEANS
from platform_abi.resolver.topology import KEYS, topology

_OF_MEMORY = ("m", "numa", "object")

#: What stands in the place of a character device where there is none.
_NONE = "none"


def facts(
    reading: HardwareReading,
    machine: MachineType,
    devices: Mapping[str, Device],
    queues: Mapping[str, str],
) -> Properties:
    """Return every fact, sorted; *devices* are those of the virtual machine by label.

    *queues* is how many the netdev of each has.
    """
    board = reading.catalogue.options().board_of(reading.arch, machine.family)
    made = [
        *_readable(reading, ("smp",), lambda: _topology(reading, machine)),
        *_readable(reading, _OF_MEMORY, Memory(reading=reading, board=board).facts),
        *_board_options(reading, {} if board is None else board.defaults),
        *drives(reading, board),
        *_default_devices(reading),
        *_others(reading),
    ]
    return tuple(sorted([*made, *_behind(reading, dict(made), devices, queues)]))


def _readable(reading: HardwareReading, options: Sequence[str], read: Callable[[], Facts]) -> Facts:
    """Yield the facts of *options*, or themselves where there are values QEMU would refuse."""
    try:
        yield from [*read()]
    except UsageError:
        for name in options:
            for number, pairs in enumerate(reading.given.get(name, ())):
                yield f"{name}{UNREAD}.{number}", join_options("", pairs)


def _topology(reading: HardwareReading, machine: MachineType) -> Facts:
    given = {**reading.merged("smp"), **reading.below("smp.")}
    since = reading.catalogue.options().cores_since
    old = (
        machine.generation is not None
        and bool(since)
        and version_key(machine.generation) < version_key(since)
    )
    yield from ((f"smp.{key}", value) for key, value in given.items() if key not in KEYS)
    if given or reading.catalogue.options().board_of(reading.arch, machine.family) is not None:
        numbers = topology(given or {"cpus": "1"}, prefer_sockets=old)
        yield from ((f"smp.{key}", str(number)) for key, number in numbers.items())


def _board_options(reading: HardwareReading, defaults: Mapping[str, str]) -> Facts:
    """Yield options of -machine and -accel that more than the host can tell.

    An option that says what is so without it, its value among *defaults*, says nothing.
    """
    table = reading.catalogue.options()
    machine = {key.replace("_", "-"): value for key, value in reading.merged("machine").items()}
    accel = {key.replace("_", "-"): value for key, value in reading.merged("accel").items()}
    for key in machine.keys() & table.accelerator_options:
        accel.setdefault(key, machine.pop(key))
    for key, value in accel.items():
        if not table.hides_key("accel", key):
            yield f"accel.{key}", BOOLEANS.get(value, value)
    for key, value in machine.items():
        if table.hides_key("machine", key) or key.startswith(("smp.", "memory.")):
            continue
        if BOOLEANS.get(value, value) == defaults.get(key):
            continue
        if key in table.files.get("machine", ()):
            yield f"machine.{key}", reading.file_size(value)
        elif key in table.flash:
            yield f"firmware.{key}", node_size(reading, value)
        elif key != "memory-backend":
            yield f"machine.{key}", BOOLEANS.get(value, value)


def _default_devices(reading: HardwareReading) -> Facts:
    """Yield whether a board has its usual devices, its ports, and its display."""
    yield "default-devices", "off" if "nodefaults" in reading.given else "on"
    for name in reading.catalogue.options().ports:
        ports = ["off" if p[0][1] == _NONE else "on" for p in reading.given.get(name, ())]
        if "nodefaults" in reading.given:
            while ports[-1:] == ["off"]:
                del ports[-1]
        if ports:
            yield name, " ".join(ports)


def _others(reading: HardwareReading) -> Facts:
    """Yield every option that nothing else here is about, as it was written."""
    table = reading.catalogue.options()
    for name, occurrences in reading.given.items():
        if name in table.interpreted or name in table.ports or table.hides(name, reading.arch):
            continue
        merged = [(*reading.merged(name).items(),)]
        for number, pairs in enumerate(merged if name in table.merged else occurrences):
            given = dict(pairs)
            if name == "object" and _hidden_object(table.unseen["object"], given):
                continue
            kept = [
                (key, reading.file_size(text) if key in table.files.get(name, ()) else text)
                for key, text in given.items()
                if not table.hides_key(name, key)
            ]
            if kept:
                place = given.get("id", str(number)) if name == "object" else str(number)
                text = given.get("") or join_options("", (*sorted(kept),))[1:]
                yield f"{name}.{place}", text


def _hidden_object(patterns: Sequence[str], given: Mapping[str, str]) -> bool:
    kind = given.get("qom-type", "")
    return kind.startswith(MEMORY_BACKEND) or any(fnmatchcase(kind, p) for p in patterns)


def _behind(
    reading: HardwareReading,
    facts: Mapping[str, str],
    devices: Mapping[str, Device],
    queues: Mapping[str, str],
) -> Facts:
    """Yield what a guest can tell of what is behind each device."""
    table = reading.catalogue.options()
    media = {}
    for option in ("drive", "blockdev"):
        for pairs in reading.given.get(option, ()):
            given = dict(pairs)
            for key in ("id", "node-name"):
                if key in given:
                    media[given[key]] = media_of(table, given).removeprefix(",")
    readers: dict[str, Callable[[str], str]] = {
        "drive": lambda name: media.get(name, ""),
        "memdev": lambda name: f"{name}: {facts.get(f'object.{name}', UNKNOWN)}",
        "tpmdev": lambda name: _kind_of(reading, "tpmdev", name),
        "romfile": lambda name: f"rom of {reading.file_size(name)} bytes" if name else "no rom",
    }
    for label, device in devices.items():
        said = [readers[key](text) for key, text in device.properties if key in readers]
        if queues.get(label):
            said.append(f"{QUEUES}{queues[label]}")
        if any(said):
            yield f"{BEHIND}{label}", "; ".join(each for each in said if each)


def _kind_of(reading: HardwareReading, option: str, name: str) -> str:
    for pairs in reading.given.get(option, ()):
        given = dict(pairs)
        if given.get("id") == name:
            return given.get("type", "")
    return UNKNOWN
