"""What runs on a host that has nothing of this package: its probe, with all that it takes.

It is the only module that the script of ``script`` starts; what it imports is carried along, and
stands on the Python of that host, 3.6 or newer, and its standard library.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from types import SimpleNamespace

from platform_abi.compat.completion import complete, from_configuration
from platform_abi.errors import HostError, printable
from platform_abi.host.document import report_document
from platform_abi.host.probe import probe
from platform_abi.model.host import QEMU_DRIVERS, HostReport, of_one_qemu
from platform_abi.model.reported import ReportedMachine, ReportedQemu
from platform_abi.model.value import evolve
from platform_abi.qemu.binary import find_qemu, host_architecture, qemu_path
from platform_abi.qemu.here import ask_qemu_here, flags_of
from platform_abi.qemu.identity import named_process, process_name, running_identity
from platform_abi.qemu.netdevs import ask_netdevs
from platform_abi.qemu.stdio_qmp import Qmp

# Type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from platform_abi.model.capability import Capability

#: What a line begins with that says on standard error what could not be asked.
REMARK = "platform-abi: "

#: No machine, so that nothing of the host is opened.
_ARGUMENTS = ("-machine", "none", "-nodefaults", "-no-user-config")


def main(text: str) -> int:
    """Write the report that *text* orders, one line of JSON, to standard output.

    What goes wrong with a QEMU is said on standard error: it is unknown then, and no failure.
    """
    order = json.loads(text)
    signal.alarm(order["limit"])  # whoever asked is gone by then
    report = _probed(order)
    body = json.dumps(report_document(report), separators=(",", ":"))
    sys.stdout.write(f"{body}\n")
    sys.stdout.flush()
    return 0


def _probed(order: Mapping[str, Any]) -> HostReport:
    capabilities = {words["id"]: _capability(words) for words in order["capabilities"]}
    catalogue: Any = SimpleNamespace(capabilities=lambda: capabilities)
    usual = find_qemu(os.environ, host_architecture())
    binaries = [usual] if order["qemus"] is None and usual else order["qemus"] or []
    timeout: float = order["qemu-timeout"]
    report = probe(capabilities, timeout=order["timeout"])
    sets: Mapping[str, tuple[str, ...]] = {}
    for first in binaries[:1]:
        try:
            report = complete(report, ask_netdevs(capabilities, first, timeout=timeout))
            sets = ask_qemu_here(first, timeout=timeout).sets
        except HostError as error:
            _remark("no QEMU asked", error)
            binaries = []
    hosts = {name: its for name, its in sets.items() if not of_one_qemu(name)}
    report = evolve(report, sets={**hosts, **report.sets}, qemus=_reported(binaries, sets, timeout))
    return from_configuration(catalogue, report)


def _capability(words: Mapping[str, Any]) -> Capability:
    """Return a capability as far as a probe asks for it."""
    asked = words["probe"] and SimpleNamespace(**words["probe"])
    found: Any = SimpleNamespace(**dict(words, probe=asked))
    return found  # type: ignore[no-any-return]


def _reported(
    binaries: Sequence[str], sets: Mapping[str, tuple[str, ...]], timeout: float
) -> tuple[ReportedQemu, ...]:
    """Return what *binaries* say of themselves, of which the first has said *sets* already."""
    qemus = []
    for place, binary in enumerate(binaries):
        try:
            said = sets if place == 0 else ask_qemu_here(binary, timeout=timeout).sets
            qemus.append(_qemu(binary, said, timeout))
        except HostError as error:
            _remark("no QEMU reported", error)
        except (AttributeError, KeyError, TypeError):
            _remark("no QEMU reported", f"{binary} says what makes no sense")
    return tuple(sorted(qemus, key=lambda qemu: qemu.order))


def _qemu(binary: str, sets: Mapping[str, tuple[str, ...]], timeout: float) -> ReportedQemu:
    """Return what *binary* says of itself; what that comes to, definitions know: see ``known``."""
    path, name = qemu_path(binary, os.environ, ""), process_name()
    with Qmp(path, (*named_process(name), *_ARGUMENTS), timeout=timeout) as qemu:
        found = running_identity(name, path)
        version = qemu.execute("query-version")
        arch = str(qemu.execute("query-target")["arch"])
        machines = qemu.execute("query-machines")
    return ReportedQemu(
        arch=arch,
        version=".".join(str(version["qemu"][part]) for part in ("major", "minor", "micro")),
        package=str(version["package"]),
        identity="" if found is None else found.program,
        path=path,
        usual=find_qemu(os.environ, arch) == path,
        machines=tuple(_machine(each) for each in machines if each["name"] != "none"),
        cpus=flags_of(sets),
        drivers=sets.get(QEMU_DRIVERS),
    )


def _machine(said: Mapping[str, Any]) -> ReportedMachine:
    return ReportedMachine(
        name=str(said["name"]),
        aliases=(str(said["alias"]),) if "alias" in said else (),
        default=bool(said.get("is-default")),
        deprecated=bool(said.get("deprecated")),
    )


def _remark(what: str, why: HostError | str) -> None:
    said = why if isinstance(why, str) else why.lines[0]
    sys.stderr.write(f"{REMARK}{what}: {printable(said)}\n")
