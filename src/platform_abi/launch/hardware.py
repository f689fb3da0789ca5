"""What a command line says of a virtual machine besides its devices: vCPUs, memory, disks, ROMs.

All of it is facts, pairs of a name and a text, in one spelling however a user wrote them. They are
compared and never handed to a QEMU. An option that nobody described is a fact as it was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from attrs import define, field

from platform_abi.errors import UsageError
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.machine import MachineType
from platform_abi.model.option_language import join_options
from platform_abi.model.option_table import OptionBoard
from platform_abi.model.platform import version_key
from platform_abi.model.vm import BEHIND, UNKNOWN, Device, Properties
from platform_abi.resolver.explicit import BOOLEANS
from platform_abi.resolver.topology import KEYS, MEGABYTES, memory, size_of, topology

#: Behind the name of an option whose argument QEMU would refuse.
_UNREAD = " unread"

_OF_MEMORY = ("m", "numa", "object")

_MEMORY_BACKEND = "memory-backend-"

#: Character devices that a machine has as many of as options say: what is behind one is nothing to
#: a guest, and ``none`` is none.
_PORTS = ("serial", "parallel", "debugcon")

_NONE = "none"


class HostFiles(Protocol):
    """Who knows files of the host; None is what nobody can tell."""

    def size(self, name: str) -> int | None:
        """Return how many bytes a guest sees of an image, None where it cannot be read."""
        ...

    def page_size(self, name: str) -> int | None:
        """Return the size of the pages of a folder or file of huge pages, 0 for one of none."""
        ...


@define(kw_only=True, eq=False, repr=False)
class HardwareReading:
    """The options of one command line that are neither devices nor the CPU."""

    catalogue: Catalogue
    arch: str
    files: HostFiles | None
    #: The pairs of each occurrence of an option.
    given: dict[str, list[Properties]] = field(factory=dict)

    def take(self, name: str, value: str | None) -> None:
        """Take in one option as QEMU reads it; *name* is empty for a disk."""
        table = self.catalogue.options()
        name = name or "hda"
        if name in table.machine_option:
            key, equals, fixed = table.machine_option[name].partition("=")
            self.note("machine", ((key, fixed if equals else value or ""),))
        elif name in table.drive:
            said = table.pairs("drive", table.drive[name])
            self.note("drive", (*said, ("file", value or "")))
        elif value is None or name in table.texts:
            self.note(name, (("", value or "on"),))
        else:
            try:
                self.note(name, table.pairs(name, value))
            except UsageError:  # for QEMU to judge
                self.note(f"{name}{_UNREAD}", (("", value),))

    def note(self, name: str, pairs: Properties) -> None:
        """Take in the *pairs* of one occurrence of an option."""
        self.given.setdefault(name, []).append(pairs)

    def amend(self, group: str, ident: str, key: str, value: str) -> None:
        """Take in ``-set group.ident.key=value``."""
        found = self.given.get(group, [])
        for at, pairs in enumerate(found):
            if dict(pairs).get("id") == ident:
                found[at] = (*pairs, (key, value))

    def merged(self, name: str) -> dict[str, str]:
        """Return what all occurrences of an option say together; the later one counts."""
        return {key: value for pairs in self.given.get(name, ()) for key, value in pairs}

    def facts(self, machine: MachineType, devices: Mapping[str, Device]) -> Properties:
        """Return every fact, sorted; *devices* are those of the virtual machine by label."""
        board = self.catalogue.options().board_of(self.arch, machine.family)
        made = [
            *self._readable(("smp",), lambda: _topology(self, machine)),
            *self._readable(_OF_MEMORY, _Memory(reading=self, board=board).facts),
            *_board_options(self),
            *_drives(self, board),
            *_default_devices(self),
            *_others(self),
        ]
        return tuple(sorted([*made, *_behind(self, dict(made), devices)]))

    def _readable(
        self, options: Sequence[str], read: Callable[[], Iterator[tuple[str, str]]]
    ) -> Iterator[tuple[str, str]]:
        """Yield the facts of *options*, or themselves where there are values QEMU would refuse."""
        try:
            yield from [*read()]
        except UsageError:
            for name in options:
                for number, pairs in enumerate(self.given.get(name, ())):
                    yield f"{name}{_UNREAD}.{number}", join_options("", pairs)

    def file_size(self, name: str) -> str:
        """Return the size of a file of the host, as a fact."""
        size = None if self.files is None else self.files.size(name)
        return UNKNOWN if size is None else str(size)


Facts = Iterator[tuple[str, str]]


def _machine_keys(reading: HardwareReading, prefix: str) -> dict[str, str]:
    """Return the options of -machine below *prefix*: ``smp.cpus``."""
    pairs = reading.merged("machine").items()
    return {key.removeprefix(prefix): value for key, value in pairs if key.startswith(prefix)}


def _topology(reading: HardwareReading, machine: MachineType) -> Facts:
    given = {**reading.merged("smp"), **_machine_keys(reading, "smp.")}
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


@define(kw_only=True, eq=False, repr=False)
class _Memory:
    """The RAM of a command line: its size, what it is made of, and which node has it."""

    reading: HardwareReading
    board: OptionBoard | None

    def facts(self) -> Facts:
        """Yield what there is to tell."""
        given = self.reading.merged("m")
        names = {"size": "size", "max-size": "maxmem", "slots": "slots"}
        for key, value in _machine_keys(self.reading, "memory.").items():
            # A size of -machine is in bytes.
            given[names.get(key, key)] = f"{value}b" if value.isdecimal() else value
        if "slots" in given:
            given["slots"] = given["slots"].removesuffix("b")
        backend = self.reading.merged("machine").get("memory-backend")
        objects = dict(self._backends())
        default = self.board.memory if self.board is not None else None
        if "size" not in given and backend in objects:
            default = int(objects[backend].get("size", "0")) or default
        found = memory(given, default)
        if found is not None:
            yield "memory.size", str(found.size)
            yield "memory.slots", str(found.slots)
            if found.maximum > found.size:
                yield "memory.max-size", str(found.maximum)
        path = self.reading.merged("mem-path").get("")
        nodes = [dict(pairs) for pairs in self.reading.given.get("numa", ())]
        if backend is None and not any("memdev" in node for node in nodes):
            # What a board has by itself is called the same in the stream as one of that name.
            backend = self.board.memory_id if self.board is not None else "default"
            pages = {} if path is None else {"page-size": self._page_size({"mem-path": path})}
            kind = f"{_MEMORY_BACKEND}{'ram' if path is None else 'file'}"
            objects[backend] = {"": kind, "share": "off", **pages}
        if backend is not None:
            yield "memory.backend", backend
        for name, pairs in objects.items():
            kind = pairs.pop("")
            if name == backend:
                pairs.pop("size", None)  # that is the machine's
            yield f"object.{name}", join_options(kind, (*sorted(pairs.items()),))
        yield from self._numa(nodes)

    def _backends(self) -> Iterator[tuple[str, dict[str, str]]]:
        for pairs in self.reading.given.get("object", ()):
            given = dict(pairs)
            kind = given.get("qom-type", "")
            if not kind.startswith(_MEMORY_BACKEND):
                continue
            # Only memory of memfd and shm is shared where nobody says so (backends/hostmem-memfd.c,
            # memfd_backend_instance_init; backends/hostmem-shm.c).
            shared = kind.removeprefix(_MEMORY_BACKEND) in ("memfd", "shm")
            share = given.get("share", "on" if shared else "off")
            kept = {"": kind, "share": BOOLEANS.get(share, share)}
            if "size" in given:
                kept["size"] = str(size_of(given["size"], f"-object {kind} size"))
            pages = self._page_size(given)
            if pages:
                kept["page-size"] = pages
            kept |= {key: value for key, value in given.items() if key in _OF_STREAM}
            yield given.get("id", ""), kept

    def _page_size(self, given: Mapping[str, str]) -> str:
        """Return the size of huge pages, nothing where there are none."""
        if BOOLEANS.get(given.get("hugetlb", "off")) == "on":
            size = given.get("hugetlbsize")
            return "default" if size is None else str(size_of(size, "hugetlbsize"))
        if "mem-path" not in given:
            return ""
        files = self.reading.files
        pages = None if files is None else files.page_size(given["mem-path"])
        return UNKNOWN if pages is None else str(pages or "")

    def _numa(self, nodes: Sequence[Mapping[str, str]]) -> Facts:
        """Yield nodes by their number, and everything else that -numa says, in its order."""
        number = 0
        for at, pairs in enumerate(self.reading.given.get("numa", ())):
            node = nodes[at]
            if node.get("type") != "node":
                rest = join_options(node.get("type", ""), (*sorted(_without(pairs, "type")),))
                yield f"numa.{rest}", "on"
                continue
            ident = node.get("nodeid", str(number))
            number += 1
            cpus = [value for key, value in pairs if key == "cpus"]
            if cpus:
                yield f"numa.node{ident}.cpus", " ".join(sorted(cpus))
            for key, value in sorted(node.items()):
                if key not in ("type", "nodeid", "cpus"):
                    is_size = key == "mem"
                    text = str(size_of(value, "-numa mem", unit=MEGABYTES)) if is_size else value
                    yield f"numa.node{ident}.{key}", text
            yield f"numa.node{ident}", "on"


#: What of a memory backend changes the name of its memory in the stream.
_OF_STREAM = ("x-use-canonical-path-for-ramblock-id",)


def _without(pairs: Properties, *names: str) -> Properties:
    return tuple((key, value) for key, value in pairs if key not in names)


def _board_options(reading: HardwareReading) -> Facts:
    """Yield options of -machine and -accel that more than the host can tell."""
    table = reading.catalogue.options()
    machine = {key.replace("_", "-"): value for key, value in reading.merged("machine").items()}
    accel = {key.replace("_", "-"): value for key, value in reading.merged("accel").items()}
    # -machine has one option that is the accelerator's (hw/core/machine.c: sugar properties).
    for key in _ACCELERATOR_OPTIONS & machine.keys():
        accel.setdefault(key, machine.pop(key))
    for key, value in accel.items():
        if not table.hides_key("accel", key):
            yield f"accel.{key}", BOOLEANS.get(value, value)
    for key, value in machine.items():
        if table.hides_key("machine", key) or key.startswith(("smp.", "memory.")):
            continue
        if key in table.files.get("machine", ()):
            yield f"machine.{key}", reading.file_size(value)
        elif key in _PFLASH:
            yield f"firmware.{key}", _node_size(reading, value)
        elif key != "memory-backend":
            yield f"machine.{key}", BOOLEANS.get(value, value)


_ACCELERATOR_OPTIONS = frozenset({"kernel-irqchip"})

_PFLASH = ("pflash0", "pflash1")


def _node_size(reading: HardwareReading, node: str, depth: int = 0) -> str:
    """Return how large the block device called *node* is, in bytes, as a fact."""
    for pairs in reading.given.get("blockdev", ()):
        given = dict(pairs)
        if given.get("node-name") == node and depth < _MOST_NODES:
            name = given.get("filename") or given.get("file.filename")
            below = given.get("file", "")
            if name is None and below.startswith("{"):
                name = str(json.loads(below).get("filename", ""))
            return reading.file_size(name) if name else _node_size(reading, below, depth + 1)
    for pairs in reading.given.get("drive", ()):
        given = dict(pairs)
        if node in (given.get("id"), given.get("node-name")):
            return reading.file_size(given.get("file", ""))
    return UNKNOWN


#: How many block nodes stand on each other before this is taken for a circle.
_MOST_NODES = 16


def _drives(reading: HardwareReading, board: OptionBoard | None) -> Facts:
    """Yield disks that are made without a -device, and how large flash memory is."""
    default = "default" if board is None else board.disk
    taken: dict[str, set[int]] = {}
    for pairs in reading.given.get("drive", ()):
        given = dict(pairs)
        interface = given.get("if", default)
        if interface == _NONE:
            continue
        used = taken.setdefault(interface, set())
        if "bus" in given or "unit" in given:
            place = f"{given.get('bus', '0')}:{given.get('unit', AUTOMATIC)}"
        else:
            index = given.get("index") or str(next(n for n in range(1000) if n not in used))
            used.add(int(index) if index.isdecimal() else 0)
            place = index
        if interface == "pflash":
            size = reading.file_size(given.get("file", ""))
            yield f"firmware.pflash{place}", f"{size}{_media(given)}"
            continue
        table = reading.catalogue.options()
        own = {
            key: value
            for key, value in given.items()
            if key not in _PLACED and not table.hides_key("drive", key)
        }
        text = join_options(own.pop("media", "disk"), (*sorted(own.items()),))
        yield f"drive.{interface}.{place}", f"{text}{_media(given)}"


AUTOMATIC = "automatic"

_PLACED = ("if", "index", "bus", "unit", "readonly")


def _media(given: Mapping[str, str]) -> str:
    """Return what a guest can tell of how a disk was opened, behind a comma each."""
    read_only = given.get("read-only") or given.get("readonly") or "off"
    written = given.get("cache.writeback", "on")
    through = given.get("cache") in ("writethrough", "directsync")
    said = ",read-only" if BOOLEANS.get(read_only) == "on" else ""
    return said + (",write-through" if through or BOOLEANS.get(written) == "off" else "")


def _default_devices(reading: HardwareReading) -> Facts:
    """Yield whether a board has its usual devices, its ports, and its display."""
    yield "default-devices", "off" if "nodefaults" in reading.given else "on"
    for name in _PORTS:
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
        if name in _DONE or name in _PORTS or table.hides(name, reading.arch):
            continue
        merged = [(*reading.merged(name).items(),)]
        for number, pairs in enumerate(merged if name in _MERGED else occurrences):
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


#: Options of which every occurrence adds to the one before (merge_lists of QemuOptsList).
_MERGED = frozenset({"boot", "rtc", "name", "overcommit", "icount", "semihosting-config", "vga"})

_DONE = frozenset({"smp", "m", "numa", "mem-path", "machine", "accel", "drive", "nodefaults"})


def _hidden_object(patterns: Sequence[str], given: Mapping[str, str]) -> bool:
    kind = given.get("qom-type", "")
    return kind.startswith(_MEMORY_BACKEND) or any(fnmatchcase(kind, p) for p in patterns)


def _behind(
    reading: HardwareReading, facts: Mapping[str, str], devices: Mapping[str, Device]
) -> Facts:
    """Yield what a guest can tell of what is behind each device."""
    media = {}
    for option in ("drive", "blockdev"):
        for pairs in reading.given.get(option, ()):
            given = dict(pairs)
            for key in ("id", "node-name"):
                if key in given:
                    media[given[key]] = _media(given).removeprefix(",")
    readers: dict[str, Callable[[str], str]] = {
        "drive": lambda name: media.get(name, ""),
        "memdev": lambda name: f"{name}: {facts.get(f'object.{name}', UNKNOWN)}",
        "tpmdev": lambda name: _kind_of(reading, "tpmdev", name),
        "romfile": lambda name: f"rom of {reading.file_size(name)} bytes" if name else "no rom",
    }
    for label, device in devices.items():
        said = [readers[key](text) for key, text in device.properties if key in readers]
        if any(said):
            yield f"{BEHIND}{label}", "; ".join(each for each in said if each)


def _kind_of(reading: HardwareReading, option: str, name: str) -> str:
    for pairs in reading.given.get(option, ()):
        given = dict(pairs)
        if given.get("id") == name:
            return given.get("type", "")
    return UNKNOWN
