"""Devices behind the channels of a mainframe, and a virtio device among them: sight and driver.

A guest finds its devices by number, subchannel after subchannel, and asks each by a channel program
(z/Architecture Principles of Operation, "Control of I/O Operations"; VIRTIO 1.3, 4.3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from platform_abi.guest.driver import (
    ACKNOWLEDGE,
    DRIVER,
    DRIVER_OK,
    FEATURES_OK,
    RING_PART,
    Bound,
)
from platform_abi.guest.instructions import MOST, Code, Instruction, Processor
from platform_abi.guest.pci_function import queue_sizes
from platform_abi.model.value import frozen

#: How an identity begins; the type and the model of the control unit follow.
IDENTITY = "ccw "

#: The type of control unit that virtio devices have (VIRTIO 1.3, 4.3.1.1).
_VIRTIO = 0x3832
#: How the identity of every one of them begins.
VIRTIO_IDENTITY = f"{IDENTITY}{_VIRTIO:04x}:"

#: How a guest that knows of no other names the channel subsystem that virtual devices are in.
_SUBSYSTEM = "fe.0."
_FIRST = 0x10000

# Of a subchannel's information block: its length, its flags, and where the device's number is.
_BLOCK, _FLAGS, _NUMBER = 52, 5, 6
_ENABLED, _NUMBER_VALID = 0x80, 0x01
_NOT_THERE = 3
#: So many blocks are asked for at once.
_BLOCKS = 64

# What a device is told by commands (VIRTIO 1.3, 4.3.1.2).
_SENSE_ID = 0xE4
_SET_QUEUE, _RESET, _SET_REVISION = 0x13, 0x33, 0x83
_READ_FEATURES, _WRITE_FEATURES = 0x12, 0x11
_READ_CONFIG, _READ_STATUS, _WRITE_STATUS = 0x22, 0x72, 0x31
_SET_INDICATORS, _SET_CONFIG_INDICATORS = 0x43, 0x53
_READ_QUEUE = 0x32

# Of a command: more follow, its length need not be the device's. Of an operation: its format, all
# paths. Of its end: the channel and the device are done.
_MORE, _ANY_LENGTH = 0x40, 0x20
_FORMAT, _PATHS = 0x0080, 0xFF
_ENDED = 0x0C
_REQUEST, _RESPONSE = 32, 96

#: No QEMU knows of a higher revision than 2 (hw/s390x/virtio-ccw.h, VIRTIO_CCW_REV_MAX).
_REVISIONS = (4, 3, 2, 1, 0)

_FEATURE_WORDS = 2
_QUEUES_MAX = 1024  # VIRTIO_QUEUE_MAX, include/hw/virtio/virtio.h
_QUEUES_AT_ONCE = 16
_LONGEST_CONFIG = 0x100
_PAGE = 4096

#: Where in RAM operations and all that belongs to them are.
_MEMORY = 0x200000


def channel_device(number: int) -> str:
    """Return what QEMU calls the device of a number: ``fe.0.0001``."""
    return f"{_SUBSYSTEM}{number:04x}"


@frozen(kw_only=True)
class Command:
    """One command of a channel program, with the bytes that are at its place in memory before."""

    code: int
    data: bytes


class Channels:
    """The channels of a machine, by its *processor*: devices are called as QEMU calls them."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._guest = processor.guest
        self._found: dict[str, int] | None = None

    def names(self) -> list[str]:
        """Return what each device is called, by its number: ``fe.0.0001``."""
        return [*self._subchannels()]

    def facts(self, name: str) -> dict[str, str] | None:
        """Return what a guest finds of the device called *name*, None where there is none."""
        if name not in self._subchannels():
            return None
        sense = self._ask(name, Command(code=_SENSE_ID, data=bytes(7)))
        if sense is None:
            return {"identity": IDENTITY.rstrip()}
        kind, model = struct.unpack(">xHB3x", sense[0])
        found = {"identity": f"{IDENTITY}{kind:04x}:{model:02x}"}
        if kind != _VIRTIO:
            return found
        revision = self._revised(name)
        offered = self._features(name)
        found["interface"] = str(revision)
        found["features"] = f"{offered:#034x}"
        found["queues"] = queue_sizes(self._queues(name))
        if config := self._config(name):
            found["config"] = config.hex()
        return found

    def bind(self, name: str, *, rings: int) -> Bound | None:
        """Accept all that the device called *name* offers, with every queue enabled.

        As ``guest.driver.bind`` does; None where no virtio device is.
        """
        if not self._is_virtio(name):
            return None
        legacy = self._revised(name) == 0
        offered, sizes = self._features(name), self._queues(name)
        status = ACKNOWLEDGE | DRIVER
        commands = [_status(status)]
        for word in range(1 if legacy else _FEATURE_WORDS):
            data = struct.pack("<IB", offered >> 32 * word & 0xFFFFFFFF, word)
            commands.append(Command(code=_WRITE_FEATURES, data=data))
        if not legacy:
            status |= FEATURES_OK
            commands.append(_status(status))
        for queue, size in enumerate(sizes):
            data = struct.pack(">QIHH", rings, _PAGE if legacy else 0, queue, size)
            if not legacy:
                data += struct.pack(">QQ", rings + RING_PART, rings + 2 * RING_PART)
            commands.append(Command(code=_SET_QUEUE, data=data))
        indicators = rings + 3 * RING_PART
        for code, place in ((_SET_INDICATORS, 0), (_SET_CONFIG_INDICATORS, 8)):
            commands.append(Command(code=code, data=struct.pack(">Q", indicators + place)))
        self._ask(name, *commands, _status(status | DRIVER_OK))
        return self.bound(name)

    def bound(self, name: str) -> Bound | None:
        """Return what the device called *name* and its driver have agreed on.

        That is the status: what a driver took of features and queues cannot be read. None where no
        virtio device is.
        """
        if not self._is_virtio(name):
            return None
        said = self._ask(name, Command(code=_READ_STATUS, data=bytes(1)))
        return Bound(status=0 if said is None else said[0][0], features=0, queues=())

    def _is_virtio(self, name: str) -> bool:
        if name not in self._subchannels():
            return False
        sense = self._ask(name, Command(code=_SENSE_ID, data=bytes(7)))
        return sense is not None and struct.unpack(">xHB3x", sense[0])[0] == _VIRTIO

    def _revised(self, name: str) -> int:
        """Return the highest revision that a device takes, which is reset and has it now."""
        # Any command makes a device of one without a revision that of a legacy driver, and only a
        # subchannel that is enabled again lets another be chosen (hw/s390x/virtio-ccw.c,
        # virtio_ccw_cb and virtio_ccw_sch_disable_cb).
        for enabled in (False, True):
            self._enable([self._subchannels()[name]], enabled=enabled)
        asked = [
            (Command(code=_SET_REVISION, data=struct.pack(">HH", revision, 0)),)
            for revision in _REVISIONS
        ]
        # Once it has taken one it takes no other.
        answers = zip(_REVISIONS, self._ask_each(name, asked), strict=True)
        revision = next((revision for revision, answer in answers if answer is not None), 0)
        self._ask(name, Command(code=_RESET, data=b""))
        return revision

    def _features(self, name: str) -> int:
        asked = (
            Command(code=_READ_FEATURES, data=struct.pack("<IB", 0, word))
            for word in range(_FEATURE_WORDS)
        )
        said = self._ask(name, *asked) or ()
        words = (struct.unpack("<Ix", answer)[0] for answer in said)
        return sum(value << 32 * index for index, value in enumerate(words))

    def _queues(self, name: str) -> tuple[int, ...]:
        sizes: list[int] = []
        for first in range(0, _QUEUES_MAX, _QUEUES_AT_ONCE):
            asked = (
                Command(code=_READ_QUEUE, data=struct.pack(">HH", queue, 0))
                for queue in range(first, first + _QUEUES_AT_ONCE)
            )
            for answer in self._ask(name, *asked) or ():
                size = int.from_bytes(answer[2:], "big")
                if size == 0:  # there is no count: the first missing queue is the end
                    return tuple(sizes)
                sizes.append(size)
        return tuple(sizes)

    def _config(self, name: str) -> bytes:
        """Return a device's own configuration: no byte behind its end is ever written."""
        fills = (bytes(_LONGEST_CONFIG), b"\xff" * _LONGEST_CONFIG)
        said = self._ask(name, *(Command(code=_READ_CONFIG, data=fill) for fill in fills))
        if said is None:
            return b""
        pairs = zip(*said, strict=True)
        length = next((i for i, (a, b) in enumerate(pairs) if a != b), _LONGEST_CONFIG)
        return said[0][:length]

    # Subchannels and their programs.

    def _subchannels(self) -> dict[str, int]:
        """Return the subchannel of each device by its name; each is enabled."""
        if self._found is None:
            found = {channel_device(number): each for number, each in self._walk()}
            self._found = dict(sorted(found.items()))
            for each in self._found.values():
                self._enable([each])
        return self._found

    def _walk(self) -> Iterator[tuple[int, int]]:
        """Yield number and subchannel of every device."""
        for first in range(_FIRST, 2 * _FIRST, _BLOCKS):
            asked = range(first, first + _BLOCKS)
            conditions = self._each_block(Code.STORE, asked)
            stored = self._guest.read(_MEMORY, _BLOCKS * _BLOCK)
            for index, condition in enumerate(conditions):
                block = stored[index * _BLOCK : (index + 1) * _BLOCK]
                if condition == 0 and block[_FLAGS] & _NUMBER_VALID:
                    yield int.from_bytes(block[_NUMBER : _NUMBER + 2], "big"), first + index
            if _NOT_THERE in conditions:
                return

    def _enable(self, subchannels: Sequence[int], *, enabled: bool = True) -> None:
        """Let *subchannels*, no more than are asked at once, take programs, or take none."""
        self._each_block(Code.STORE, subchannels)
        stored = bytearray(self._guest.read(_MEMORY, len(subchannels) * _BLOCK))
        for at in range(_FLAGS, len(stored), _BLOCK):
            stored[at] = stored[at] | _ENABLED if enabled else stored[at] & ~_ENABLED
        self._guest.write(_MEMORY, bytes(stored))
        self._each_block(Code.MODIFY, subchannels)

    def _each_block(self, code: Code, subchannels: Sequence[int]) -> list[int]:
        """Do an instruction for each of *subchannels*, whose blocks follow each other in memory."""
        return self._processor.run(
            [
                Instruction(code=code, subchannel=each, place=_MEMORY + index * _BLOCK)
                for index, each in enumerate(subchannels)
            ]
        )

    def _ask(self, name: str, *commands: Command) -> list[bytes] | None:
        """Return what is in memory after *commands*, None where a device refused one."""
        return self._ask_each(name, [commands])[0]

    def _ask_each(
        self, name: str, programs: Sequence[Sequence[Command]]
    ) -> list[list[bytes] | None]:
        """Return the answers to each of *programs*, which are started one after the other."""
        memory = bytearray()
        instructions: list[Instruction] = []
        placed = []
        subchannel = self._subchannels()[name]
        for commands in programs:
            words, data = bytearray(), bytearray()
            begin = _MEMORY + len(memory)
            at = begin + _REQUEST + _RESPONSE + 8 * len(commands)
            places = []
            for index, command in enumerate(commands):
                flags = _ANY_LENGTH | (_MORE if index < len(commands) - 1 else 0)
                place = at + len(data)
                words += struct.pack(">BBHI", command.code, flags, len(command.data), place)
                places.append(place - _MEMORY)
                data += command.data + bytes(-len(command.data) % 8)
            request = struct.pack(">IHBBI", 0, _FORMAT, _PATHS, 0, begin + _REQUEST + _RESPONSE)
            memory += request.ljust(_REQUEST, b"\0") + bytes(_RESPONSE) + words + data
            response = begin + _REQUEST
            # What a device has had to say meanwhile keeps it from being started.
            sequence = ((Code.TEST, response), (Code.START, begin), (Code.TEST, response))
            instructions += [
                Instruction(code=code, subchannel=subchannel, place=place)
                for code, place in sequence
            ]
            placed.append((response - _MEMORY, places))
        if len(instructions) > MOST:
            raise ValueError("more programs than there is room for")
        self._guest.write(_MEMORY, bytes(memory))
        self._processor.run(instructions)
        after = self._guest.read(_MEMORY, len(memory))
        answers: list[list[bytes] | None] = []
        for (response, places), commands in zip(placed, programs, strict=True):
            ended = after[response + 8] == _ENDED and after[response + 9] == 0
            sizes = (len(command.data) for command in commands)
            parts = [after[at : at + size] for at, size in zip(places, sizes, strict=True)]
            answers.append(parts if ended else None)
        return answers


def _status(status: int) -> Command:
    return Command(code=_WRITE_STATUS, data=bytes([status]))
