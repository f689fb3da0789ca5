#!/usr/bin/env python3
"""Writes the machine types and device types of one QEMU binary as definition files.

The binary is the only source: nothing is derived from QEMU's documentation or source tree.

- QMP names the machine types, their aliases, the device types and the properties of each.
- compat_trace.c, preloaded, sees the compat properties being added while QEMU builds its machine
  classes. That works on every version, keeps QEMU's own order and knows the `optional` flag;
  `query-machines` lists compat properties only since 9.1 and never that flag. Where QEMU does
  list them, an import that disagrees with it is refused.

    import_machines.py /usr/bin/qemu-system-x86_64 -o definitions/machines

Two files are written, `<build>/<arch>.toml` and `<build>/<arch>-types.toml`. Equal binaries with
equal modules give equal bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from qemu.qmp import QMPClient, QMPError
from qemu.qmp.qmp_client import ExecuteError

SHIM_SOURCE = Path(__file__).with_name("compat_trace.c")
FIELD_SEPARATOR = "\x1f"
LINE_WIDTH = 100
# A start takes well under a second; a busy CI runner and an emulated CPU may take a hundred times
# that. Beyond it, something hangs.
START_TIMEOUT = 60.0
REPLY_TIMEOUT = 120.0

# Xen's toolstack asks for these names; the number in them counts no generation of a family of
# which the newest member is offered by default.
UNVERSIONED = re.compile(r"xenfv(-|$)")
VERSIONED = re.compile(r"(?P<family>.+)-(?P<generation>\d+(\.\d+)+)")
# `Debian 1:10.0.2+ds-2` in query-version; upstream builds have nothing or `v10.0.2-dirty`.
VENDOR_PACKAGE = re.compile(r"(?P<vendor>[A-Za-z][\w.]*) (?P<package>\S+)")
DEVICE_WITH_ALIAS = re.compile(r'^name "(?P<type>[^"]+)".*, alias "(?P<alias>[^"]+)"', re.MULTILINE)

# How the end of a QEMU, or its silence (TimeoutError is an OSError), shows in its client.
CONNECTION_LOST = (QMPError, EOFError, OSError)


class MachineImportError(Exception):
    """The binary could not be started, or what it says cannot be trusted."""


# --- what is read ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatEntry:
    """A machine type overrides the default of one property of one driver."""

    driver: str
    property: str
    value: str
    optional: bool = False

    def triple(self) -> tuple[str, str, str]:
        """Return what `query-machines` says about an entry: everything but the optional flag."""
        return self.driver, self.property, self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One QEMU binary: the name and version that a definition file is about."""

    name: str
    version: str
    vendor: str
    package: str
    arch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine type with its whole compat list, in the order in which QEMU applies it."""

    name: str
    family: str
    generation: str | None
    aliases: tuple[str, ...]
    default: bool
    deprecated: bool
    cpu: str | None
    compat: tuple[CompatEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceType:
    """A QOM type below `device`.

    `listed` holds the names of the properties that an instance has, inherited ones included. It
    is None where QEMU cannot make an instance: abstract types, and types that need another host.
    """

    name: str
    parent: str
    abstract: bool
    listed: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that was read from one binary."""

    build: Build
    machines: tuple[Machine, ...]
    traced: dict[str, tuple[CompatEntry, ...]]
    #: The compat lists of `query-machines`; None from a QEMU older than 9.1.
    reported: dict[str, tuple[tuple[str, str, str], ...]] | None
    types: tuple[DeviceType, ...]
    aliases: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLabels:
    """What the caller knows better than the binary; None leaves it to the binary."""

    vendor: str | None = None
    package: str | None = None


# --- a paused QEMU ----------------------------------------------------------------------------


def compile_shim(directory: Path) -> Path:
    """Build compat_trace.c into `directory`.

    Raises:
        MachineImportError: there is no C compiler, or it refuses.

    """
    target = directory / "compat_trace.so"
    compiler = os.environ.get("CC", "cc")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(target), str(SHIM_SOURCE), "-ldl"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise MachineImportError(f"no C compiler: {compiler} is not to be found") from None
    except subprocess.CalledProcessError as error:
        raise MachineImportError(
            f"{compiler} does not compile {SHIM_SOURCE}: {error.stderr}"
        ) from None
    return target


def traced_environment(shim: Path, trace: Path) -> dict[str, str]:
    """Return the environment that traces a binary, or the one that a wrapper script starts.

    A wrapper that starts its QEMU through another dynamic loader hands QEMU_PRELOAD to it.
    """
    preload = ":".join(filter(None, [str(shim), os.environ.get("LD_PRELOAD")]))
    return {
        **os.environ,
        "LC_ALL": "C",
        "LD_PRELOAD": preload,
        "QEMU_PRELOAD": str(shim),
        "COMPAT_TRACE": str(trace),
    }


class PausedQemu:
    """A QEMU without a machine, reachable over QMP, traced from its first instruction."""

    def __init__(self, binary: Path, shim: Path, directory: Path) -> None:
        self._binary = binary
        self._shim = shim
        self._directory = directory
        self._client = QMPClient()
        self._process: asyncio.subprocess.Process | None = None
        self.trace_path = directory / "trace"
        self._stderr_path = directory / "stderr"

    async def start(self) -> None:
        """Start the process and wait for its QMP greeting.

        Raises:
            MachineImportError: the binary does not start, ends at once, or says nothing in time.

        """
        socket = self._directory / "qmp"
        await self._client.start_server(str(socket))
        command = [str(self._binary), "-machine", "none", "-S", "-nodefaults", "-no-user-config"]
        command += ["-display", "none", "-qmp", f"unix:{socket}"]
        with self._stderr_path.open("wb") as stderr:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=stderr,
                    env=traced_environment(self._shim, self.trace_path),
                )
            except OSError as error:
                raise MachineImportError(f"{self._binary} does not start: {error}") from error
        await self._accept(self._process)

    async def _accept(self, process: asyncio.subprocess.Process) -> None:
        accepted = asyncio.ensure_future(self._client.accept())
        ended = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait(
                {accepted, ended}, timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            if not accepted.done():
                state = "ended" if ended.done() else "does not answer"
                raise MachineImportError(
                    f"{self._binary} {state}: {self.complaints() or 'silently'}"
                )
            accepted.result()
        finally:
            accepted.cancel()
            ended.cancel()
            await asyncio.gather(accepted, ended, return_exceptions=True)

    async def execute(self, command: str, **arguments: object) -> Any:
        """Run one QMP command.

        Raises:
            ExecuteError: QEMU refuses the command.
            QMPError: QEMU is gone, or the connection is broken.

        """
        request = self._client.execute(command, arguments or None)
        return await asyncio.wait_for(request, REPLY_TIMEOUT)

    async def stop(self) -> None:
        """End the process for certain; its files stay readable."""
        # A QEMU that crashed makes disconnect() report how the connection ended.
        with contextlib.suppress(*CONNECTION_LOST):
            await self._client.disconnect()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def complaints(self) -> str:
        """Return what the process wrote to its stderr so far."""
        return self._stderr_path.read_text(encoding="utf-8", errors="replace").strip()


@contextlib.asynccontextmanager
async def paused_qemu(binary: Path, shim: Path) -> AsyncIterator[PausedQemu]:
    """Start a QEMU that does not outlive the block."""
    with tempfile.TemporaryDirectory(prefix="import-machines-") as directory:
        qemu = PausedQemu(binary, shim, Path(directory))
        try:
            await qemu.start()
            yield qemu
        finally:
            await qemu.stop()


# --- machine types ------------------------------------------------------------------------------


def parse_trace(text: str) -> dict[str, tuple[CompatEntry, ...]]:
    """Return the compat list of each machine class that compat_trace.c saw."""
    lists: dict[str, list[CompatEntry]] = {}
    for line in text.splitlines():
        kind, machine, *fields = line.split(FIELD_SEPARATOR)
        if kind == "machine":
            lists[machine] = []
            continue
        driver, property_name, value, optional = fields
        lists[machine].append(
            CompatEntry(
                driver=driver, property=property_name, value=value, optional=optional == "1"
            )
        )
    return {machine: tuple(entries) for machine, entries in lists.items()}


async def query_machines(qemu: PausedQemu) -> list[dict[str, Any]]:
    """Ask for the machine types, with QEMU's own view of their compat properties if it has one."""
    machines: list[dict[str, Any]]
    try:
        machines = await qemu.execute("query-machines", **{"compat-props": True})
    except ExecuteError as error:
        # "Parameter 'compat-props' is unexpected": a QEMU older than 9.1.
        if "compat-props" not in str(error):
            raise
        machines = await qemu.execute("query-machines")
    return machines


def reported_compat(
    answers: Iterable[dict[str, Any]],
) -> dict[str, tuple[tuple[str, str, str], ...]] | None:
    """Return the compat lists in the answers of `query-machines`; None where it gives none."""
    lists = {
        answer["name"]: tuple(
            (entry["qom-type"], entry["property"], entry["value"])
            for entry in answer["compat-props"]
        )
        for answer in answers
        if "compat-props" in answer
    }
    return lists or None


def check_trace(
    names: Iterable[str],
    traced: dict[str, tuple[CompatEntry, ...]],
    reported: dict[str, tuple[tuple[str, str, str], ...]] | None,
) -> None:
    """Refuse a trace that lacks a machine type or contradicts QEMU's own answer.

    Raises:
        MachineImportError: naming the machine types concerned.

    """
    untraced = sorted(name for name in names if name not in traced)
    if untraced:
        raise MachineImportError(f"no compat list was seen for: {', '.join(untraced)}")
    contradicted = sorted(
        name
        for name, entries in (reported or {}).items()
        if tuple(entry.triple() for entry in traced[name]) != entries
    )
    if contradicted:
        raise MachineImportError(
            f"query-machines contradicts the trace of: {', '.join(contradicted)}"
        )


def split_name(name: str) -> tuple[str, str | None]:
    """Return the family and the generation that a machine type's name states."""
    match = None if UNVERSIONED.match(name) else VERSIONED.fullmatch(name)
    if match is None:
        return name, None
    return match["family"], match["generation"]


def build_machine(answer: dict[str, Any], compat: tuple[CompatEntry, ...]) -> Machine:
    """Make one machine type of its answer of `query-machines` and its traced compat list."""
    family, generation = split_name(answer["name"])
    return Machine(
        name=answer["name"],
        family=family,
        generation=generation,
        aliases=(answer["alias"],) if "alias" in answer else (),
        default=answer.get("is-default", False),
        deprecated=answer.get("deprecated", False),
        cpu=answer.get("default-cpu-type"),
        compat=compat,
    )


def newest_first(machines: Iterable[Machine]) -> tuple[Machine, ...]:
    """Sort machine types: families by name, within a family the newest generation first."""

    def age(machine: Machine) -> list[int]:
        return [int(number) for number in (machine.generation or "0").split(".")]

    by_age = sorted(machines, key=age, reverse=True)
    return tuple(sorted(by_age, key=lambda machine: machine.family))


# --- device types -------------------------------------------------------------------------------


def is_setting(answer: dict[str, Any]) -> bool:
    """Tell whether `-global` could set a property: not an object inside the device, not a wire."""
    kind: str = answer["type"]
    return not kind.startswith("child<") and kind != "link<irq>"


async def list_properties(qemu: PausedQemu, name: str) -> frozenset[str] | None:
    """List the properties of an instance that can be set; None where QEMU makes no instance."""
    try:
        listed = await qemu.execute("device-list-properties", typename=name)
        everything = await qemu.execute("qom-list-properties", typename=name)
    except ExecuteError:
        return None
    names = {answer["name"] for answer in everything}
    # device-list-properties hides every name that starts with "legacy-", to spare its readers the
    # printable twins that QEMU makes (legacy-addr of addr), and with them properties that are
    # really called so (legacy-cache, legacy-instance-id).
    hidden = {name for name in names if name.startswith("legacy-")}
    twins = {name for name in hidden if name.removeprefix("legacy-") in names}
    return frozenset(answer["name"] for answer in listed if is_setting(answer)) | (hidden - twins)


async def list_types(qemu: PausedQemu) -> list[dict[str, Any]]:
    """List all QOM types below `device`, abstract ones included, sorted by name."""
    answers = await qemu.execute("qom-list-types", implements="device", abstract=True)
    return sorted(answers, key=lambda answer: str(answer["name"]))


async def observe_types(
    first: PausedQemu, restart: Callable[[], Awaitable[PausedQemu]]
) -> tuple[DeviceType, ...]:
    """Read every device type; one on which QEMU crashes is named on stderr and left unlisted."""
    qemu = first
    types = []
    for answer in await list_types(qemu):
        name, abstract = answer["name"], answer.get("abstract", False)
        listed = None
        if not abstract:
            try:
                listed = await list_properties(qemu, name)
            except CONNECTION_LOST:
                warn(f"QEMU did not survive listing the properties of {name}: skipped")
                qemu = await restart()
            else:
                if listed is None:
                    warn(f"QEMU refuses to list the properties of {name}: left empty")
        types.append(
            DeviceType(name=name, parent=answer["parent"], abstract=abstract, listed=listed)
        )
    return tuple(types)


async def observe_aliases(qemu: PausedQemu) -> dict[str, str]:
    """Read the other names under which `-device` knows a type: alias to type."""
    # `info qdm` prints what `-device help` prints; no QMP command knows the alias table.
    text = await qemu.execute("human-monitor-command", **{"command-line": "info qdm"})
    # QEMU ends the lines of a monitor with CR LF.
    return {match["alias"]: match["type"] for match in DEVICE_WITH_ALIAS.finditer(text)}


def descendants(types: Iterable[DeviceType]) -> dict[str, list[DeviceType]]:
    """Return, for each type name, the types at and below it."""
    by_name = {device_type.name: device_type for device_type in types}
    below: dict[str, list[DeviceType]] = defaultdict(list)
    for device_type in by_name.values():
        ancestor: DeviceType | None = device_type
        while ancestor is not None:
            below[ancestor.name].append(device_type)
            ancestor = by_name.get(ancestor.parent)
    return below


def whole_properties(types: Sequence[DeviceType]) -> dict[str, frozenset[str]]:
    """Return, for each type name, all properties that it has, inherited ones included.

    A type that was listed has what was listed. An abstract type has what all listed types below
    it have in common. A type that could not be listed has nothing here: it gets its parent's.
    """
    below = descendants(types)
    whole = {}
    for device_type in types:
        listed = device_type.listed
        if listed is None:
            lists = [each.listed for each in below[device_type.name] if each.listed is not None]
            listed = frozenset.intersection(*lists) if lists else frozenset()
        whole[device_type.name] = listed
    return whole


def own_properties(types: Sequence[DeviceType]) -> dict[str, list[str]]:
    """Return, for each type name, the sorted properties that it has and its parent does not."""
    whole = whole_properties(types)
    return {
        device_type.name: sorted(whole[device_type.name] - whole.get(device_type.parent, set()))
        for device_type in types
    }


# --- one binary -----------------------------------------------------------------------------------


async def observe_build(qemu: PausedQemu, labels: BuildLabels) -> Build:
    """Read the identity of the binary, as it states it itself."""
    answer = await qemu.execute("query-version")
    target = await qemu.execute("query-target")
    version = "{major}.{minor}.{micro}".format(**answer["qemu"])
    stated = answer["package"].strip().removeprefix("(").removesuffix(")")
    match = VENDOR_PACKAGE.fullmatch(stated)
    vendor, package = (match["vendor"].lower(), match["package"]) if match else ("upstream", stated)
    return Build(
        name=f"qemu-{version}",
        version=version,
        vendor=labels.vendor or vendor,
        package=labels.package or package,
        arch=target["arch"],
    )


async def observe(binary: Path, labels: BuildLabels | None = None) -> Observation:
    """Read everything from one binary, with one process unless it crashes.

    Raises:
        MachineImportError: it does not start, or the trace cannot be trusted.
        QMPError, OSError: it breaks off where no type can be blamed.

    """
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="import-machines-"))
        shim = compile_shim(Path(directory))

        async def start() -> PausedQemu:
            return await stack.enter_async_context(paused_qemu(binary, shim))

        qemu = await start()
        build = await observe_build(qemu, labels or BuildLabels())
        answers = await query_machines(qemu)
        traced = parse_trace(qemu.trace_path.read_text(encoding="utf-8"))
        reported = reported_compat(answers)
        check_trace((answer["name"] for answer in answers), traced, reported)
        machines = [
            build_machine(answer, traced[answer["name"]])
            for answer in answers
            if answer["name"] != "none"
        ]
        aliases = await observe_aliases(qemu)
        types = await observe_types(qemu, start)
        # A module that does not load takes its types away: the reader has to know.
        for line in qemu.complaints().splitlines():
            warn(f"QEMU says: {line}")
    return Observation(
        build=build,
        machines=newest_first(machines),
        traced=traced,
        reported=reported,
        types=types,
        aliases=aliases,
    )


# --- files ----------------------------------------------------------------------------------------


def literal(value: str | bool | int) -> str:
    """Write a TOML value on one line."""
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def inline_array(values: Iterable[str]) -> str:
    """Write a TOML array of strings on one line."""
    return "[" + ", ".join(map(literal, values)) + "]"


def wrapped_array(key: str, values: Sequence[str]) -> Iterator[str]:
    """Yield the lines of `key = [...]`: one line where it fits, else filled to the line width."""
    single = f"{key} = {inline_array(values)}"
    if len(single) <= LINE_WIDTH:
        yield single
        return
    yield f"{key} = ["
    line = "   "
    for value in values:
        item = f" {literal(value)},"
        if len(line) + len(item) > LINE_WIDTH:
            yield line
            line = "   "
        line += item
    yield line
    yield "]"


def nearest_newer(machines: Sequence[Machine], index: int) -> Machine | None:
    """Return the next newer machine type of the family if its whole list starts this one's."""
    if index == 0:
        return None
    machine, newer = machines[index], machines[index - 1]
    if newer.family != machine.family:
        return None
    return newer if machine.compat[: len(newer.compat)] == newer.compat else None


def machine_lines(machine: Machine, base: Machine | None) -> Iterator[str]:
    """Yield the lines of one [[machine]] table; its list starts with the whole list of `base`."""
    yield "[[machine]]"
    yield f"name = {literal(machine.name)}"
    yield f"family = {literal(machine.family)}"
    if machine.generation is not None:
        yield f"generation = {literal(machine.generation)}"
    if machine.aliases:
        yield f"aliases = {inline_array(machine.aliases)}"
    if machine.default:
        yield "default = true"
    if machine.deprecated:
        yield "deprecated = true"
    if machine.cpu is not None:
        yield f"cpu = {literal(machine.cpu)}"
    if base is not None:
        yield f"inherits = {literal(base.name)}"
    yield from compat_lines(machine.compat[len(base.compat) if base else 0 :])


def compat_lines(entries: Sequence[CompatEntry]) -> Iterator[str]:
    """Yield the lines of `compat = [...]`: an entry a line, so that a diff shows single entries."""
    if not entries:
        yield "compat = []"
        return
    yield "compat = ["
    for entry in entries:
        yield f"    {inline_array([*entry.triple(), *(['optional'] if entry.optional else [])])},"
    yield "]"


def machines_document(build: Build, machines: Sequence[Machine]) -> str:
    """Return the text of `<arch>.toml`."""
    head = {
        "schema": 1,
        "build": {
            "name": build.name,
            "version": build.version,
            "vendor": build.vendor,
            "package": build.package,
            "arch": build.arch,
        },
    }
    lines = [tomli_w.dumps(head).rstrip("\n")]
    for index, machine in enumerate(machines):
        lines += ["", *machine_lines(machine, nearest_newer(machines, index))]
    return "\n".join(lines) + "\n"


def types_document(types: Sequence[DeviceType], aliases: dict[str, str]) -> str:
    """Return the text of `<arch>-types.toml`."""
    own = own_properties(types)
    lines = ["schema = 1", "", "[aliases]"]
    lines += [f"{literal(alias)} = {literal(name)}" for alias, name in sorted(aliases.items())]
    for device_type in types:
        lines += ["", f"[type.{literal(device_type.name)}]"]
        lines.append(f"parent = {literal(device_type.parent)}")
        if device_type.abstract:
            lines.append("abstract = true")
        if own[device_type.name]:
            lines += wrapped_array("properties", own[device_type.name])
    return "\n".join(lines) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Put a whole file in place, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        # mkstemp makes files that only their owner reads; definitions are for everybody.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_definitions(seen: Observation, output: Path) -> tuple[Path, Path]:
    """Write both files of one binary below `output` and return their paths."""
    directory = output / seen.build.name
    machines_path = directory / f"{seen.build.arch}.toml"
    types_path = directory / f"{seen.build.arch}-types.toml"
    write_atomically(machines_path, machines_document(seen.build, seen.machines))
    write_atomically(types_path, types_document(seen.types, seen.aliases))
    return machines_path, types_path


# --- command line ---------------------------------------------------------------------------------


def warn(message: str) -> None:
    """Tell the user something that does not stop the import."""
    print(f"warning: {message}", file=sys.stderr)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line, or exit with status 2."""
    parser = argparse.ArgumentParser(
        description="Write the machine types and device types of a QEMU binary as definitions."
    )
    parser.add_argument("binary", type=Path, help="qemu-system-<arch>, or a wrapper that starts it")
    parser.add_argument("-o", "--output", type=Path, required=True, help="definitions/machines")
    parser.add_argument("--vendor", help="who built it; else as the binary's version states")
    parser.add_argument("--package", help="package version; else as the binary's version states")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Import one binary; 0 when both files stand, 4 when the environment failed."""
    options = parse_arguments(arguments)
    # A crash is reported once, by name of the type, not by the client's log as well.
    logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())
    logging.getLogger("qemu.qmp").propagate = False
    labels = BuildLabels(vendor=options.vendor, package=options.package)
    try:
        seen = asyncio.run(observe(options.binary, labels))
        written = write_definitions(seen, options.output)
    except (MachineImportError, *CONNECTION_LOST) as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    for path in written:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
