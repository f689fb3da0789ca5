"""Starts a real QEMU, paused, and reads from it what a guest would find.

What a QEMU offers to a guest is decided when its devices are realized, by machine type, properties
and host together. The one account of it that holds for every version is the guest's own: this
module looks at the virtual PCI bus through QEMU's *qtest* protocol (port and memory accesses as
lines of text, ``docs/devel/testing/qtest.rst`` in QEMU's sources), the way a guest's driver would.
No guest code runs and no firmware is needed. (QMP's ``x-query-virtio-status`` is no substitute:
it aborts QEMU 11.1.)

    with Qtest("qemu-system-x86_64", ["-machine", "q35", *QUIET, "-device", ...]) as qtest:
        offered = qtest.offered(slot=5)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Final, Self

__all__ = ["QUIET", "Offered", "Qtest", "QtestError", "StartError"]

QUIET: Final = ("-nodefaults", "-vga", "none", "-m", "64")
"""Arguments that leave a machine with nothing but its board: it starts fastest, and every slot that
the board itself does not use is free."""

# PCI, by the specification's names.
_CONFIG_ADDRESS: Final = 0xCF8
_CONFIG_DATA: Final = 0xCFC
_COMMAND: Final = 0x04
_COMMAND_IO: Final = 0x1
_COMMAND_MEMORY: Final = 0x2
_STATUS_CAPABILITIES: Final = 0x10 << 16  # status is the upper half of the command register
_BARS: Final = 0x10
_BAR_COUNT: Final = 6
_CAPABILITIES: Final = 0x34
_CAPABILITY_VENDOR: Final = 0x09
_NO_DEVICE: Final = 0xFFFF

# Virtio over PCI: virtio 1.2, 4.1.4 (modern) and 4.1.4.10 (legacy).
_VIRTIO_VENDOR: Final = 0x1AF4
_COMMON_CONFIG: Final = 1  # cfg_type of the structure below
_DEVICE_FEATURE_SELECT: Final = 0x00
_DEVICE_FEATURE: Final = 0x04
_NUM_QUEUES: Final = 0x12
_QUEUE_SELECT: Final = 0x16
_QUEUE_SIZE: Final = 0x18
_FEATURE_WORDS: Final = 4
_LEGACY_FEATURES: Final = 0x00
_LEGACY_QUEUE_SIZE: Final = 0x0C
_LEGACY_QUEUE_SELECT: Final = 0x0E
_LEGACY_QUEUES_MAX: Final = 1024  # VIRTIO_QUEUE_MAX, include/hw/virtio/virtio.h

# Without firmware nobody has given out addresses yet. From these on, no port, RAM or device of
# either board is in the way; the first to come, the I/O APIC, lies 492 MiB into the memory.
_PORTS_START: Final = 0xC000
_MEMORY_START: Final = 0xE0000000
_WIDE_MEMORY_START: Final = 1 << 38
_WIDE_SIZE: Final = 1 << 26  # a 64-bit BAR of this size or more goes to the latter


class QtestError(Exception):
    """QEMU, or the device in it, did not answer as this module needs."""


class StartError(QtestError):
    """QEMU ended, or said nothing in time, before the first command was answered.

    ``stderr`` is all that it wrote there; ``status`` its exit status, None if it had to be killed.
    """

    def __init__(self, message: str, *, stderr: str, status: int | None) -> None:
        super().__init__(f"{message}\n{stderr}".rstrip())
        self.stderr = stderr
        self.status = status


@dataclass(frozen=True, slots=True)
class Offered:
    """What a virtio PCI device shows to a driver that has not negotiated anything yet."""

    vendor: int
    device: int
    features: int
    """The device's feature bits: 128 of them if modern, else the legacy interface's 32."""
    modern: bool
    """Whether they were read through the virtio 1.x interface."""
    queue_sizes: tuple[int, ...]
    """The size of every queue, by queue number."""


@dataclass(frozen=True, slots=True)
class _Region:
    """A BAR's place in the guest's port or memory space, once assigned."""

    address: int
    is_port: bool
    is_wide: bool
    """Whether its address has 64 bits and takes up two BARs."""


class Qtest:
    """A QEMU that is started paused, asked through qtest, and killed at the end of the block.

    ``arguments`` are those of the machine; the caller decides about ``-nodefaults`` and the rest
    (see ``QUIET``). Unless they choose an accelerator, it is ``tcg``: every build has it (Debian's
    7.2 and 10.0 lack ``qtest``), and while the machine is paused it costs nothing. ``preload`` is a
    library to load into QEMU, ``environment`` is added to this process's own. ``timeout`` in
    seconds bounds the start, and each command after it.

    On entry raises ``StartError`` if QEMU refuses the arguments. The process never outlives the
    block, nor the thread that entered it.
    """

    def __init__(
        self,
        binary: str | Path,
        arguments: Sequence[str],
        *,
        preload: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        timeout: float = 30,
    ) -> None:
        self._command = [str(binary), *_accelerator(arguments), *arguments, *_QTEST_ARGUMENTS]
        self._environment = os.environ | _preload(preload) | dict(environment)
        self._timeout = timeout
        self._cleanup = contextlib.ExitStack()
        self._free = {start: start for start in (_PORTS_START, _MEMORY_START, _WIDE_MEMORY_START)}
        self._received = bytearray()
        self._stderr = ""
        self._stderr_file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._stderr_file = stack.enter_context(tempfile.TemporaryFile())
            self._socket, theirs = socket.socketpair()
            stack.enter_context(self._socket)
            with theirs:
                self._process = self._start(theirs.fileno(), self._stderr_file.fileno())
            stack.callback(self._kill)
            self._await_start()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _start(self, stream: int, stderr: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_dying_with_parent(), *self._command],
            stdin=stream,
            stdout=stream,
            stderr=stderr,
            env=self._environment,
            start_new_session=True,  # Ctrl-C at a terminal is for us alone
        )

    @property
    def stderr(self) -> str:
        """All that QEMU has written to its stderr so far; after the block, all it ever wrote."""
        self._read_stderr()
        return self._stderr

    @property
    def pid(self) -> int:
        """The process id of QEMU."""
        return self._process.pid

    # Ports and memory of the guest. Values are unsigned, little-endian as on every x86.

    def inb(self, port: int) -> int:
        """Return the byte that the guest would read from a port."""
        return self._ask(f"inb {port:#x}")

    def inw(self, port: int) -> int:
        """Return the 16-bit value that the guest would read from a port."""
        return self._ask(f"inw {port:#x}")

    def inl(self, port: int) -> int:
        """Return the 32-bit value that the guest would read from a port."""
        return self._ask(f"inl {port:#x}")

    def outb(self, port: int, value: int) -> None:
        """Write a byte to a port, as the guest would."""
        self._ask(f"outb {port:#x} {value:#x}")

    def outw(self, port: int, value: int) -> None:
        """Write a 16-bit value to a port, as the guest would."""
        self._ask(f"outw {port:#x} {value:#x}")

    def outl(self, port: int, value: int) -> None:
        """Write a 32-bit value to a port, as the guest would."""
        self._ask(f"outl {port:#x} {value:#x}")

    def readb(self, address: int) -> int:
        """Return the byte that the guest would read from a physical address."""
        return self._ask(f"readb {address:#x}")

    def readw(self, address: int) -> int:
        """Return the 16-bit value that the guest would read from a physical address."""
        return self._ask(f"readw {address:#x}")

    def readl(self, address: int) -> int:
        """Return the 32-bit value that the guest would read from a physical address."""
        return self._ask(f"readl {address:#x}")

    def writeb(self, address: int, value: int) -> None:
        """Write a byte to a physical address, as the guest would."""
        self._ask(f"writeb {address:#x} {value:#x}")

    def writew(self, address: int, value: int) -> None:
        """Write a 16-bit value to a physical address, as the guest would."""
        self._ask(f"writew {address:#x} {value:#x}")

    def writel(self, address: int, value: int) -> None:
        """Write a 32-bit value to a physical address, as the guest would."""
        self._ask(f"writel {address:#x} {value:#x}")

    # The PCI root bus.

    def config_read(self, slot: int, offset: int, *, function: int = 0) -> int:
        """Return the 32 bits at an offset (a multiple of 4) of a device's configuration space."""
        self.outl(_CONFIG_ADDRESS, _config_address(slot, function, offset))
        return self.inl(_CONFIG_DATA)

    def config_write(self, slot: int, offset: int, value: int, *, function: int = 0) -> None:
        """Write 32 bits at an offset (a multiple of 4) of a device's configuration space."""
        self.outl(_CONFIG_ADDRESS, _config_address(slot, function, offset))
        self.outl(_CONFIG_DATA, value)

    def slots(self) -> tuple[int, ...]:
        """Return the slots of the root bus that have a device, in order."""
        present = (slot for slot in range(32) if self.config_read(slot, 0) & 0xFFFF != _NO_DEVICE)
        return tuple(present)

    def offered(self, slot: int) -> Offered:
        """Return what the virtio device in a slot of the root bus (its ``addr=``) offers.

        Raises QtestError if there is no device or it is not a virtio device.
        """
        identity = self.config_read(slot, 0)
        vendor, device = identity & 0xFFFF, identity >> 16
        if vendor != _VIRTIO_VENDOR:
            raise QtestError(f"slot {slot:#x}: no virtio device, vendor id {vendor:#06x}")
        regions = self._assign_bars(slot)
        common = self._common_config(slot, regions)
        if common is None:
            features, queue_sizes = self._legacy(_legacy_ports(slot, regions))
        else:
            features, queue_sizes = self._modern(common)
        return Offered(
            vendor=vendor,
            device=device,
            features=features,
            modern=common is not None,
            queue_sizes=queue_sizes,
        )

    def _modern(self, common: int) -> tuple[int, tuple[int, ...]]:
        """Features and queue sizes by the common configuration structure at an address."""
        features = 0
        for word in range(_FEATURE_WORDS):
            # QEMUs that know 64 bits only (before 10.2) answer 0 for words beyond them.
            self.writel(common + _DEVICE_FEATURE_SELECT, word)
            features |= self.readl(common + _DEVICE_FEATURE) << 32 * word
        sizes = []
        for queue in range(self.readw(common + _NUM_QUEUES)):
            self.writew(common + _QUEUE_SELECT, queue)
            sizes.append(self.readw(common + _QUEUE_SIZE))
        return features, tuple(sizes)

    def _legacy(self, ports: int) -> tuple[int, tuple[int, ...]]:
        """Features and queue sizes by the legacy header at a port."""
        features = self.inl(ports + _LEGACY_FEATURES)
        sizes = []
        for queue in range(_LEGACY_QUEUES_MAX):
            self.outw(ports + _LEGACY_QUEUE_SELECT, queue)
            size = self.inw(ports + _LEGACY_QUEUE_SIZE)
            if size == 0:  # the legacy header has no count: the first missing queue is the end
                break
            sizes.append(size)
        return features, tuple(sizes)

    def _assign_bars(self, slot: int) -> dict[int, _Region]:
        """Give every BAR of a device an address, switches them on, returns them by number."""
        self._set_command(slot, 0)  # a device must not decode half-written addresses
        regions: dict[int, _Region] = {}
        number = 0
        while number < _BAR_COUNT:
            region = self._assign_bar(slot, _BARS + 4 * number)
            if region is not None:
                regions[number] = region
            number += 2 if region is not None and region.is_wide else 1
        self._set_command(slot, _COMMAND_IO | _COMMAND_MEMORY)
        return regions

    def _assign_bar(self, slot: int, offset: int) -> _Region | None:
        """Give the BAR at an offset an address, unless there is none."""
        self.config_write(slot, offset, 0xFFFFFFFF)
        mask = self.config_read(slot, offset)
        if mask == 0:
            return None
        is_port, is_wide = bool(mask & 0x1), mask & 0x7 == 0x4
        if is_wide:
            self.config_write(slot, offset + 4, 0xFFFFFFFF)
            mask |= self.config_read(slot, offset + 4) << 32
        # All ones were written: the lowest address bit that could be set is the size.
        address_bits = mask & (~0x3 if is_port else ~0xF)
        size = address_bits & -address_bits
        region = _Region(self._reserve(size, is_port, is_wide), is_port, is_wide)
        self.config_write(slot, offset, region.address & 0xFFFFFFFF)
        if is_wide:
            self.config_write(slot, offset + 4, region.address >> 32)
        return region

    def _reserve(self, size: int, is_port: bool, is_wide: bool) -> int:
        """Return the next free address that is a multiple of the size, a power of two."""
        if is_port:
            space = _PORTS_START
        else:
            space = _WIDE_MEMORY_START if is_wide and size >= _WIDE_SIZE else _MEMORY_START
        address = -(-self._free[space] // size) * size
        self._free[space] = address + size
        return address

    def _set_command(self, slot: int, bits: int) -> None:
        """Set the command register; zeros leave the status bits in its upper half as they are."""
        self.config_write(slot, _COMMAND, bits)

    def _common_config(self, slot: int, regions: Mapping[int, _Region]) -> int | None:
        """Return the address of the virtio 1.x common configuration, None if legacy-only."""
        for capability in self._capabilities(slot):
            header = self.config_read(slot, capability)
            if header & 0xFF != _CAPABILITY_VENDOR or header >> 24 != _COMMON_CONFIG:
                continue
            region = regions.get(self.config_read(slot, capability + 4) & 0xFF)
            if region is None or region.is_port:
                continue
            return region.address + self.config_read(slot, capability + 8)
        return None

    def _capabilities(self, slot: int) -> Iterator[int]:
        """Return the offsets of a device's PCI capabilities."""
        if not self.config_read(slot, _COMMAND) & _STATUS_CAPABILITIES:
            return
        offset = self.config_read(slot, _CAPABILITIES) & 0xFC
        while offset:
            yield offset
            offset = self.config_read(slot, offset) >> 8 & 0xFC

    # The conversation.

    def _ask(self, command: str) -> int:
        """Send a command and returns the number in its answer, 0 if there is none."""
        try:
            self._socket.sendall(command.encode() + b"\n")
            answer = self._receive_line(time.monotonic() + self._timeout)
        except OSError as error:
            raise QtestError(f"{command!r}: {error}\n{self.stderr}".rstrip()) from None
        verdict, _, value = answer.partition(" ")
        if verdict != "OK":
            raise QtestError(f"{command!r} was answered by {answer!r}")
        return int(value, 0) if value else 0

    def _receive_line(self, deadline: float) -> str:
        """Return the next line that answers a command.

        Lines that report an interrupt come unasked and are passed over. Raises OSError when QEMU
        has gone or the deadline, by the monotonic clock, passes.
        """
        while True:
            while b"\n" not in self._received:
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                chunk = self._socket.recv(4096)
                if not chunk:
                    raise ConnectionResetError("QEMU has closed the connection")
                self._received += chunk
            line, _, rest = self._received.partition(b"\n")
            self._received = bytearray(rest)
            text = line.decode(errors="replace").strip()
            if not text.startswith("IRQ "):
                return text

    def _await_start(self) -> None:
        """Return when QEMU has realized the machine: only then does it answer anything."""
        try:
            self._ask("inb 0x80")
        except QtestError:
            status = self._exit_status()
            self._kill()
            reason = "QEMU did not start in time" if status is None else f"QEMU exited ({status})"
            command = " ".join(self._command)
            raise StartError(f"{reason}: {command}", stderr=self.stderr, status=status) from None

    def _exit_status(self) -> int | None:
        """How QEMU ended, None if it is alive; its end may follow that of the connection."""
        try:
            return self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return None

    def _kill(self) -> None:
        """End QEMU for certain, and keeps what it wrote."""
        self._process.kill()
        self._process.wait()
        self._read_stderr()

    def _read_stderr(self) -> None:
        """Take over what is in the stderr file as long as that is there."""
        if self._stderr_file is not None and not self._stderr_file.closed:
            # Not by seeking: QEMU writes at the same position of the same open file.
            number = self._stderr_file.fileno()
            written = os.pread(number, os.fstat(number).st_size, 0)
            self._stderr = written.decode(errors="replace")


# The protocol runs over QEMU's standard streams: a socket pair needs no path, nobody else can
# connect, and QEMU's end of it closes when QEMU ends.
_QTEST_ARGUMENTS: Final = ("-S", "-display", "none", "-qtest", "stdio", "-qtest-log", "none")


def _accelerator(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the accelerator argument to add: none if the caller's arguments choose one."""
    for argument in arguments:
        if argument.lstrip("-") in ("accel", "enable-kvm") or "accel=" in argument:
            return ()
    return ("-accel", "tcg")


def _preload(library: Path | None) -> dict[str, str]:
    """Return the environment that loads a library into QEMU.

    Where the binary is a wrapper script, its shell loads the library too; that must do no harm.
    """
    return {} if library is None else {"LD_PRELOAD": str(library)}


def _dying_with_parent() -> tuple[str, ...]:
    """Return what to put before a command so that the kernel kills it when this process dies.

    A function that runs between fork and exec would do the same, but is not safe where there are
    threads, and Python warns of it. Without util-linux there is only the end of the block.
    """
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")


def _config_address(slot: int, function: int, offset: int) -> int:
    """Return the value for port 0xcf8 that selects 32 bits of bus 0's configuration space."""
    return 0x80000000 | slot << 11 | function << 8 | offset


def _legacy_ports(slot: int, regions: Mapping[int, _Region]) -> int:
    """Return the port of the legacy virtio header: BAR 0, always."""
    region = regions.get(0)
    if region is None or not region.is_port:
        raise QtestError(f"slot {slot:#x}: neither a virtio 1.x structure nor legacy ports")
    return region.address
