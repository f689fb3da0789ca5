"""A mainframe small enough to read: memory, a processor and devices behind channels.

It knows the instructions that ``guest/instructions`` makes and the commands of virtio devices, as
z/Architecture Principles of Operation and VIRTIO 1.3, 4.3, have them, and stops at any other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_RESTART = 0x1A0
_WAIT = 0x0002_0000_0000_0000


@dataclass
class Device:
    """A virtio device behind a subchannel; *pending* is that it has something to say."""

    number: int
    model: int
    features: int
    queues: Sequence[int]
    config: bytes
    revision_max: int = 2
    pending: bool = False
    enabled: bool = False
    revision: int | None = None
    status: int = 0
    driver: dict[int, int] = field(default_factory=dict)
    rings: dict[int, tuple[int, ...]] = field(default_factory=dict)
    answer: bytes = bytes(96)

    def command(self, code: int, data: bytes) -> bytes | None:
        """Return what is at the place of *data* after a command, None where it is refused."""
        if code == 0xE4:
            return struct.pack(">BHB3x", 0xFF, 0x3832, self.model)[: len(data)]
        if code == 0x83:
            wanted = struct.unpack(">H", data[:2])[0]
            if self.revision is not None or wanted > self.revision_max:
                return None
            self.revision = wanted
            return data
        if self.revision is None:
            self.revision = 0
        return self._virtio(code, data)

    def _virtio(self, code: int, data: bytes) -> bytes | None:
        if code == 0x12:
            word = self.features >> 32 * data[4] & 0xFFFFFFFF
            return struct.pack("<I", word if self.revision or not data[4] else 0) + data[4:]
        if code == 0x11:
            value, word = struct.unpack("<IB", data)
            self.driver[word] = value
        elif code == 0x22:
            return self.config[: len(data)] + data[len(self.config) :]
        elif code == 0x32:
            (queue,) = struct.unpack(">H", data[:2])
            size = self.queues[queue] if queue < len(self.queues) else 0
            return data[:2] + struct.pack(">H", size)
        elif code == 0x13:
            *places, queue, size = struct.unpack(">Q4xHH", data[:16])
            assert len(data) == (32 if self.revision else 16)
            self.rings[queue] = (size, *places, *struct.unpack(">2Q", data[16:] or bytes(16)))
        elif code == 0x31:
            self.status = data[0]
            self.pending = bool(self.status & 4)
        elif code == 0x72:
            return bytes([self.status])
        elif code == 0x33:
            self.status = 0
        else:
            assert code in (0x43, 0x53), f"{code:#x}"
        return data


class Mainframe:
    """Its memory as ``Accesses`` has it, and its monitor."""

    def __init__(self, devices: Sequence[Device], memory: int = 4 << 20) -> None:
        self.memory = bytearray(memory)
        self.devices = devices
        self.steps = list[tuple[int, int]]()
        self._ready = False

    # The accesses and the monitor that a processor is given.

    def read(self, address: int, size: int) -> bytes:
        """Return the *size* bytes from an address on."""
        return bytes(self.memory[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        """Write bytes from an address on."""
        self.memory[address : address + len(data)] = data

    def execute(self, command: str, **_arguments: object) -> Any:
        """Let the processor run, once it has been restarted; it is paused again by then."""
        if command == "inject-nmi":
            self._ready = True
        elif command == "cont" and self._ready:
            self._run()
            self._ready = False

    def _run(self) -> None:
        _, at = struct.unpack(">QQ", self.read(_RESTART, 16))
        registers, condition = [0] * 16, 0
        while True:
            code = int.from_bytes(self.read(at, 2), "big")
            if code & 0xFF0F == 0xC00F:
                registers[code >> 4 & 15] = int.from_bytes(self.read(at + 2, 4), "big")
                at += 6
            elif code & 0xFF0F == 0xA708:
                registers[code >> 4 & 15] = int.from_bytes(self.read(at + 2, 2), "big")
                at += 4
            elif code >> 8 == 0x50:
                base = self.read(at + 2, 1)[0] >> 4
                self.write(registers[base], registers[code >> 4 & 15].to_bytes(4, "big"))
                at += 4
            elif code == 0xB222:
                registers[self.read(at + 3, 1)[0] >> 4] = condition << 28
                at += 4
            elif code == 0xB2B2:
                place = registers[self.read(at + 2, 1)[0] >> 4]
                assert int.from_bytes(self.read(place, 8), "big") & _WAIT
                return
            else:
                assert self.read(at + 2, 2) == bytes([0x20, 0])
                condition = self._instruction(code, registers[1], registers[2])
                at += 4

    def _instruction(self, code: int, subchannel: int, place: int) -> int:
        self.steps.append((code, subchannel))
        index = subchannel - 0x10000
        if index >= len(self.devices):
            return 3
        device = self.devices[index]
        if code == 0xB234:
            flags = 0x81 if device.enabled else 0x01
            self.write(place, struct.pack(">5xBH44x", flags, device.number))
        elif code == 0xB232:
            device.enabled = bool(self.read(place + 5, 1)[0] & 0x80)
            if not device.enabled:
                device.revision = None
        elif code == 0xB235:
            waiting, device.pending = device.pending, False
            self.write(place, device.answer)
            return 0 if waiting else 1
        else:
            assert code == 0xB233
            if not device.enabled:
                return 3
            if device.pending:
                return 1
            self._program(device, place)
        return 0

    def _program(self, device: Device, request: int) -> None:
        flags, _, program = struct.unpack(">4xHBxI", self.read(request, 12))
        assert flags == 0x0080
        assert request % 4 == program % 8 == 0
        done, more = True, True
        while more and done:
            code, flags, count, place = struct.unpack(">BBHI", self.read(program, 8))
            after = device.command(code, self.read(place, count))
            done = after is not None
            self.write(place, after or b"")
            more = bool(flags & 0x40)
            program += 8
        device.answer = bytes(8) + bytes([0x0C if done else 0x02]) + bytes(87)
        device.pending = True
