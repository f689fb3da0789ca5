"""The guests of the live migrations: how they are made, started, and what they say.

Linux is what migrates in the field: ``tests/live/install-guest`` fetches kernel, drivers and
busybox, which become an initramfs here, with the shell script ``init`` as the only program. Where
KVM itself is the subject, it is the loop of ``cpuid.S``.

Both count without end on their serial port, so that a guest that was started anew is found out, and
say what they see of their machine.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from attrs import field, frozen


@frozen(kw_only=True)
class Heartbeat:
    """One count of a guest, in the life that the *boot* id names."""

    boot: str
    number: int


@frozen(kw_only=True)
class View:
    """What a guest sees of its machine: everything here must outlive a migration.

    *features* are the bits that the driver of the NIC has negotiated, *kvm* is EAX of CPUID leaf
    0x40000001, the paravirtual features, and *cpu* has the flags of the processor.
    """

    kvm: int
    boot: str = ""
    release: str = ""
    features: int = 0
    carrier: str = ""
    cpu: frozenset[str] = frozenset()
    clock: str = ""


class Guest(Protocol):
    """What QEMU can be started with, and how to understand it."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What starts it, on a machine with nothing else to start from."""
        ...

    @property
    def question(self) -> bytes:
        """What to write to its serial port for a view."""
        ...

    def heartbeats(self, console: str) -> list[Heartbeat]:
        """Return what it has counted in the text of its serial port, oldest first.

        A line that is not whole is left out: a migration may repeat the few characters that were in
        the FIFO of the serial port.
        """
        ...

    def views(self, console: str) -> list[View]:
        """Return every complete view in the text of its serial port, oldest first."""
        ...


# --- Linux ---------------------------------------------------------------------------------------

_INIT = Path(__file__).with_name("init")

#: The guest is told to be brief: what the kernel prints would mix with what the guest says.
_APPEND = "console=ttyS0 loglevel=1"

_HEARTBEAT = re.compile(
    r"^heartbeat (?P<boot>[0-9a-f-]{36}) (?P<number>[0-9]+) (?P=number)\r?\n", re.MULTILINE
)

_FOLDER, _PROGRAM, _FILE = 0o040755, 0o100755, 0o100644


@frozen(kw_only=True)
class Linux:
    """A *kernel* and its *initramfs*."""

    kernel: Path
    initramfs: Path
    question: bytes = field(default=b"view\n", init=False)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What starts it, on a machine with nothing else to start from."""
        files = ("-kernel", str(self.kernel), "-initrd", str(self.initramfs))
        return (*files, "-append", _APPEND)

    def heartbeats(self, console: str) -> list[Heartbeat]:
        """Return what it has counted, as ``init`` writes it."""
        return [
            Heartbeat(boot=match["boot"], number=int(match["number"]))
            for match in _HEARTBEAT.finditer(console)
        ]

    def views(self, console: str) -> list[View]:
        """Return what it sees, as ``init`` writes it."""
        found, fields = list[View](), dict[str, str]()
        for line in console.splitlines():
            word, _, rest = line.strip().partition(" ")
            if word != "view":
                continue
            name, _, value = rest.partition(" ")
            if name != "end":
                fields[name] = value.strip()
                continue
            found.append(_view(fields))
            fields = {}
        return found


def _view(fields: dict[str, str]) -> View:
    return View(
        release=fields["release"],
        boot=fields["boot"],
        features=int(fields["features"][::-1], 2),
        carrier=fields["carrier"],
        cpu=frozenset(fields["cpu"].split()),
        kvm=int(fields["kvm"], 16),
        clock=fields["clock"],
    )


def make_linux(installed: Path, folder: Path) -> Linux:
    """Return the Linux that was *installed*, with an initramfs written to *folder*."""
    archive = folder / "initramfs"
    with archive.open("wb") as stream:
        stream.writelines(_newc(list(_entries(installed))))
    return Linux(kernel=installed / "vmlinuz", initramfs=archive)


def _entries(installed: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, mode and content of what is in the initramfs; folders before their files."""
    yield "bin", _FOLDER, b""
    yield "bin/busybox", _PROGRAM, (installed / "busybox").read_bytes()
    yield "modules", _FOLDER, b""
    for module in sorted((installed / "modules").iterdir()):
        yield f"modules/{module.name}", _FILE, module.read_bytes()
    yield "init", _PROGRAM, _INIT.read_bytes()


def _newc(entries: list[tuple[str, int, bytes]]) -> Iterator[bytes]:
    """Yield an archive as the kernel unpacks it (initramfs-buffer-format.rst in its sources)."""
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        path = name.encode() + b"\0"
        # inode, mode, uid, gid, links, time, size, device, its own device, name, checksum
        numbers = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
        header = b"070701" + b"".join(b"%08x" % value for value in numbers)
        yield _padded(header + path)
        yield _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


# --- the loop ------------------------------------------------------------------------------------

_SOURCE = Path(__file__).with_name("cpuid.S")

_LINE = re.compile(r"^cpuid ([0-9a-f]{8}) ([0-9a-f]{8}) \1\r?\n", re.MULTILINE)


@frozen(kw_only=True)
class Cpuid:
    """The *image* of ``cpuid.S``."""

    image: Path
    question: bytes = field(default=b"", init=False)  # it says it all the time

    @property
    def arguments(self) -> tuple[str, ...]:
        """What starts it, on a machine with nothing else to start from."""
        return ("-kernel", str(self.image))

    def heartbeats(self, console: str) -> list[Heartbeat]:
        """Return the numbers of its lines."""
        return [Heartbeat(boot="", number=int(m[1], 16)) for m in _LINE.finditer(console)]

    def views(self, console: str) -> list[View]:
        """Return what each of its lines says."""
        return [View(kvm=int(m[2], 16)) for m in _LINE.finditer(console)]


def make_cpuid(compiler: str, folder: Path) -> Cpuid:
    """Return the loop, as *compiler* makes it, in *folder*."""
    image = folder / "cpuid.elf"
    plain = ("-m32", "-nostdlib", "-static", "-no-pie")
    link = ("-Wl,--build-id=none", "-Wl,-Ttext=0x100000", "-Wl,-z,noexecstack")
    subprocess.run([compiler, *plain, *link, "-o", image, _SOURCE], check=True, timeout=60)
    return Cpuid(image=image)
