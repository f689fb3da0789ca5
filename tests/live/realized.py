"""A paused QEMU with a device of every driver in drivers.toml, and all its properties read back."""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import threading
import time
import tomllib
import tty
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import platform_abi as pa
from platform_abi.model.machine import TypeTable
from platform_abi.model.platform import version_key
from platform_abi.qemu.process import Throwaway

#: How many PCI devices are put on the root bus, where the board sits as well.
_ON_ROOT: Final = 22
#: The slots of a bridge; the first is for its hotplug controller.
_SLOTS: Final = range(1, 32)
_TIMEOUT: Final = 60.0
#: Families of machine types whose root bus is a PCI Express one.
_EXPRESS: Final = ("pc-q35", "virt")
#: What the command response buffer of a TPM takes, in bytes (hw/tpm/tpm_crb.c).
_TPM_BUFFER: Final = 3968


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of drivers.toml."""

    option: str
    set: str = "first"
    also: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    board: str = ""
    since: str = "0"

    @property
    def fields(self) -> dict[str, str]:
        """Return the properties that it gives its device."""
        return dict(part.split("=") for part in self.option.split(",")[1:])

    @property
    def driver(self) -> str:
        """Return the driver that it makes a device of."""
        return self.option.partition(",")[0]


@cache
def entries() -> tuple[Entry, ...]:
    """Return what drivers.toml says, in its order."""
    text = Path(__file__).with_name("drivers.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["device"]
    return tuple(
        Entry(arguments=tuple(row.pop("with", ())), also=tuple(row.pop("also", ())), **row)
        for row in rows
    )


@dataclass(frozen=True)
class Machine:
    """A machine type with devices, ready to be started and to be predicted."""

    abi: pa.GuestAbi
    arguments: list[str]
    vcpus: int


def assemble(
    catalogue: pa.FileCatalogue,
    build: str,
    name: str,
    platform: str,
    *,
    tpm: str,
    of: str,
    arch: str = "x86_64",
    without: Collection[str] = (),
) -> Machine:
    """Return machine type *name* of *build* with a device of every driver that it has.

    *of* names the set of devices, *without* drivers that are left out with all that is plugged into
    them. TCG runs it, so that every host can.
    """
    machine = catalogue.machine(build, name, arch)
    types = catalogue.types(build, arch)
    # A board without versions is of the generation that its QEMU is.
    generation = machine.generation or catalogue.build(build, arch).version
    chosen = [
        entry
        for entry in entries()
        if of in (entry.set, *entry.also)
        and entry.driver in types
        and entry.board in ("", machine.family)
        and version_key(entry.since) <= version_key(generation)
    ]
    gone = {entry.fields.get("id") for entry in chosen if entry.driver in without}
    chosen = [
        entry
        for entry in chosen
        if entry.driver not in without and entry.fields.get("bus", "").split(".")[0] not in gone
    ]
    root = "pcie.0" if machine.family in _EXPRESS else "pci.0"
    devices = list(_placed(chosen, root, types))
    before = dict.fromkeys(text for entry in chosen for text in entry.arguments)
    words = [text.format(tpm=tpm).partition(" ")[::2] for text in before]
    vm = pa.virtual_machine(
        catalogue.devices(),
        name,
        arch=arch,
        accelerator="tcg",
        devices=devices,
        netdevs=[value for option, value in words if option == "-netdev"],
        build=build,
    )
    abi = pa.resolve(catalogue, vm, platform)
    return Machine(
        abi=abi,
        arguments=[
            *("-nodefaults", "-display", "none", "-S", "-qmp", "stdio"),
            *(word for pair in words for word in pair),
            *_complete(pa.arguments(abi), devices),
        ],
        vcpus=int(dict(words).get("-smp", "1")),
    )


def _placed(chosen: Sequence[Entry], root: str, types: TypeTable) -> Iterator[str]:
    """Yield the options of devices, those on PCI with a bus.

    QEMU chooses the slot on the root bus; on bridges it is given, in one notation or the other.
    """
    bridges = [entry.fields["id"] for entry in chosen if entry.driver == "pci-bridge"]
    places = iter([(root, 0)] * _ON_ROOT + [(b, slot) for b in bridges for slot in _SLOTS])
    for entry in chosen:
        if "bus" in entry.fields or not types.is_a(entry.driver, "pci-device"):
            yield entry.option
        else:
            bus, slot = next(places)
            address = "" if bus == root else f",addr={slot:#x}" if slot % 2 else f",addr={slot:x}.0"
            yield f"{entry.option},bus={bus}{address}"


def _complete(words: list[str], devices: list[str]) -> list[str]:
    """Return resolved arguments with the devices that they do not name, all in their order."""
    pairs = list(zip(words[::2], words[1::2], strict=True))
    own = {_id(text): text for option, text in pairs if option == "-device"}
    all_ = [pair for pair in pairs if pair[0] != "-device"]
    all_ += [("-device", own.get(_id(text), text)) for text in devices]
    return [word for pair in all_ for word in pair]


def _id(device: str) -> str:
    found = re.search(r"\bid=([\w-]+)", device)
    assert found is not None, device
    return found[1]


@contextlib.contextmanager
def answering_tpm() -> Iterator[str]:
    """Yield the path of a terminal that answers whatever is written to it as a TPM 2.0 would.

    QEMU asks a passed-through TPM for its version, and for the size of its buffers: the answer to
    TPM2_GetCapability (backends/tpm/tpm_util.c, tpm_util_get_buffer_size).
    """
    master, slave = os.openpty()
    tty.setraw(slave)
    answer = struct.pack(
        ">HII BII IIII", 0x8001, 35, 0, 0, 6, 2, 0x11E, _TPM_BUFFER, 0x11F, _TPM_BUFFER
    )

    def serve() -> None:
        with contextlib.suppress(OSError):  # EIO: both ends are closed
            while os.read(master, 4096):
                os.write(master, answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.close(slave)
        thread.join(_TIMEOUT)
        os.close(master)


# --- reading back --------------------------------------------------------------------------------


def read_back(
    qemu: Path, machine: Machine, wanted: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Any]]:
    """Start QEMU and return the *wanted* properties of each device, by its id.

    QEMU tells them all at once since 10.1. An older one is asked for each, all questions before the
    first answer: a turn of both processes for each takes longer.
    """
    paths = [f"/machine/peripheral/{name}" for name in wanted]
    with Throwaway([str(qemu), *machine.arguments]) as process:
        _, answer = _ask(process, [("qmp_capabilities", {}), ("qom-list-get", {"paths": paths})])
        if "return" in answer:
            objects = [entry["properties"] for entry in answer["return"]]
            listed = [{row["name"]: row.get("value") for row in rows} for rows in objects]
            return {
                name: {key: rows[key] for key in keys}
                for (name, keys), rows in zip(wanted.items(), listed, strict=True)
            }
        asked = [(name, key) for name, keys in wanted.items() for key in keys]
        answers = _ask(
            process,
            [
                ("qom-get", {"path": f"/machine/peripheral/{name}", "property": key})
                for name, key in asked
            ],
        )
    found: dict[str, dict[str, Any]] = {name: {} for name in wanted}
    for (name, key), answer in zip(asked, answers, strict=True):
        assert "return" in answer, (name, key, answer)
        found[name][key] = answer["return"]
    return found


def _ask(process: Throwaway, commands: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Return QEMU's answers to *commands*; its greeting and events are none."""
    text = "".join(json.dumps({"execute": c, "arguments": a}) for c, a in commands)
    with contextlib.suppress(OSError):  # of a QEMU that has ended; what it said tells why
        process.send(text.encode())
    answers: list[dict[str, Any]] = []
    rest = b""
    deadline = time.monotonic() + _TIMEOUT
    while len(answers) < len(commands):
        chunk = process.receive(deadline)
        assert chunk, f"QEMU ended: {process.stderr}"
        *lines, rest = (rest + chunk).split(b"\n")
        messages = map(json.loads, lines)
        answers += [m for m in messages if "return" in m or "error" in m]
    return answers


def spelled(value: Any) -> str:
    """Return a value that QMP gave as definitions spell it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    return str(value)
